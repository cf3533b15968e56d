import assert from "node:assert/strict";
import { after, test } from "node:test";
import { MetricsDisabledError, MetricsUnavailableError, Sandbox, allSandboxMetrics } from "microsandbox";
import { removed, uniqueName } from "./support.js";

const name = uniqueName();
const off = uniqueName();
after(() => removed(name));
after(() => removed(off));

test("what a sandbox uses", async () => {
  const box = await Sandbox.builder(name).metricsSampleIntervalMs(200).create();
  const stream = await box.metricsStream(1);
  const first = await stream.recv();
  const second = await stream.recv();
  assert(first !== null && second !== null);
  assert(first.memoryBytes > 0 && first.memoryAvailableBytes !== null && first.state === "running");
  assert(second.timestamp > first.timestamp && second.vcpuTimeNs >= first.vcpuTimeNs);
  assert((await allSandboxMetrics())[name]!.uptimeMs >= first.uptimeMs);
  assert((await box.metrics()).timestamp >= second.timestamp);
  await box.stop();
  for await (const sample of stream) assert.equal(sample.cpus, 1);
  assert.equal(await stream.recv(), null);
  await assert.rejects(box.metrics(), MetricsUnavailableError);
  await box.close();
});

test("none are taken", async () => {
  const box = await Sandbox.builder(off).disableMetricsSample().create();
  await assert.rejects(box.metrics(), MetricsDisabledError);
  await box.close();
});
