import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import {
  type ExecEvent,
  ExecFailedError,
  ExecTimeoutError,
  InvalidArgumentError,
  InvalidHandleError,
  LimitExceededError,
  type LogEntry,
  NoDefaultCommandError,
  Sandbox,
} from "microsandbox";
import { elapsed, removed, uniqueName } from "./support.js";

const name = uniqueName();
let box: Sandbox;

before(async () => {
  box = await Sandbox.builder(name).env("FROM", "sandbox").script("greet", "#!/bin/sh\necho hello $1").create();
});
after(async () => {
  await box.close();
  await removed(name);
});

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const list = [];
  for await (const event of events) list.push(event);
  return list;
}

function written(events: ExecEvent[], kind: "stdout" | "stderr"): string {
  return Buffer.concat(events.flatMap((event) => (event.kind === kind ? [event.data] : []))).toString();
}

test("output comes as it is, on its own stream", async () => {
  const output = await box.exec("sh", ["-c", "printf 'a\\377\\000b'; echo warning >&2; exit 7"]);
  assert.deepEqual([...output.stdoutBytes()], [0x61, 0xff, 0, 0x62]);
  assert.equal(output.stdout(), "a\ufffd\0b");
  assert.equal(output.stderr(), "warning\n");
  assert.deepEqual(output.status, { code: 7, success: false, signal: null });
  const killed = await box.shell("kill -9 $$");
  assert.deepEqual([killed.code, killed.status.signal], [137, 9]);
  assert.equal((await box.exec("greet", ["you"])).stdout(), "hello you\n");
  assert.equal((await box.exec("true")).stdout(), "");
});

test("a command has its own environment, directory, user, limits and arguments", async () => {
  const output = await box.shellWith("echo $FROM $MINE; pwd; id -u; ulimit -n", (request) =>
    request.env("MINE", "command").envs({ OTHER: "x" }).cwd("/tmp").user("1000").rlimit("nofile", 64),
  );
  assert.equal(output.stdout(), "sandbox command\n/tmp\n1000\n64\n");
  const literal = await box.execWith("echo", (request) => request.arg("$FROM").args(["*", ""]));
  assert.equal(literal.stdout(), "$FROM * \n");
});

test("a MiB of input arrives whole, collected and streaming", async () => {
  const input = new Uint8Array(1 << 20).fill(0x41);
  assert.equal((await box.execWith("wc", (r) => r.arg("-c").stdinBytes(input))).stdout().trim(), "1048576");

  const given = await box.execStreamWith("wc", (r) => r.arg("-c").stdinBytes(input));
  assert.equal(given.takeStdin(), null);
  assert.equal((await given.collect()).stdout().trim(), "1048576");

  const piped = await box.execStreamWith("cat", (r) => r.stdinPipe());
  const sink = piped.takeStdin()!;
  assert.equal(piped.takeStdin(), null);
  // In order, though nobody waits for each.
  const writing = Promise.all([..."0123456789"].map((digit) => sink.write(digit.repeat(100_000))));
  const reading = all(piped);
  await writing;
  await sink.close();
  assert.equal(written(await reading, "stdout"), [..."0123456789"].map((d) => d.repeat(100_000)).join(""));
});

test("events tell a command's life", async () => {
  const handle = await box.shellStream("echo one; echo two >&2; exit 4");
  const events = await all(handle);
  assert.ok(events[0]?.kind === "started" && events[0].pid > 0);
  assert.equal(written(events, "stdout"), "one\n");
  assert.equal(written(events, "stderr"), "two\n");
  assert.deepEqual(events.at(-1), { kind: "exited", code: 4, signal: null });
  assert.equal(await handle.recv(), null);
  assert.equal((await handle.wait()).code, 4);
  await assert.rejects(handle.kill(), InvalidHandleError);
});

test("input that is not taken is an event, not the end", async () => {
  const handle = await box.shellStreamWith("exec <&-; echo closed; while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 4", (r) =>
    r.stdinPipe(),
  );
  const events: ExecEvent[] = [];
  const sink = handle.takeStdin()!;
  for await (const event of handle) {
    events.push(event);
    if (event.kind === "stdout") await sink.write("too late").catch(() => {});
    if (event.kind === "stdin_error") await box.exec("touch", ["/tmp/go"]);
  }
  const failed = events.find((event) => event.kind === "stdin_error");
  assert.deepEqual(failed && { errno: failed.errno, errnoName: failed.errnoName }, { errno: 32, errnoName: "EPIPE" });
  assert.deepEqual(events.at(-1), { kind: "exited", code: 4, signal: null });
});

test("a command that cannot start is a typed error, and the event `failed`", async () => {
  for (const [command, execKind, errnoName] of [
    ["/no/such/program", "not_found", "ENOENT"],
    ["/etc/passwd", "permission_denied", "EACCES"],
  ] as const)
    await assert.rejects(box.exec(command), (error: unknown) => {
      assert.ok(error instanceof ExecFailedError);
      assert.deepEqual([error.kind, error.execKind, error.errnoName], ["exec_failed", execKind, errnoName]);
      assert.ok(error.errno! > 0);
      return true;
    });
  await assert.rejects(box.execWith("true", (r) => r.cwd("/no/such")), { execKind: "bad_cwd" });
  await assert.rejects(box.execWith("true", (r) => r.user("nobody-here")), { execKind: "user_setup_failed" });

  const handle = await box.execStream("/no/such/program");
  const [event, ...rest] = await all(handle);
  assert.equal(rest.length, 0);
  assert.ok(event?.kind === "failed" && event.error.execKind === "not_found");
  await assert.rejects(handle.wait(), ExecFailedError);
});

test("a command's time, signals, terminal", async () => {
  const took = elapsed();
  await assert.rejects(
    box.execWith("sleep", (r) => r.arg("1000").timeout(200)),
    (error: unknown) => error instanceof ExecTimeoutError && error.timeoutMs === 200,
  );
  assert.ok(took() < 20_000);

  const handle = await box.shellStream("trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
  for await (const event of handle) if (event.kind === "stdout") await handle.signal(15);
  assert.equal((await handle.wait()).code, 9);

  const terminal = await box.shellStreamWith("stty size; read x; stty size", (r) =>
    r.tty(true, { rows: 10, cols: 20 }).stdinPipe(),
  );
  await terminal.resize(30, 40);
  await terminal.takeStdin()!.write("\n");
  const output = await terminal.collect();
  assert.match(output.stdout(), /(10 20|30 40)[^]*30 40/);
});

test("a command ends with `await using`", async () => {
  {
    await using handle = await box.execStream("sleep", ["4321"]);
    assert.equal((await handle.recv())?.kind, "started");
  }
  for (let tries = 0; (await box.shell("ps | grep -c '[s]leep 4321'")).stdout() !== "0\n"; tries += 1)
    assert.ok(tries < 100);
});

test("commands that are waited for hold up nothing", async () => {
  const controller = new AbortController();
  const sleeping = Array.from({ length: 12 }, () => box.exec("sleep", ["1000"], { signal: controller.signal }));
  const took = elapsed();
  assert.equal((await box.exec("echo", ["quick"])).stdout(), "quick\n");
  await stat("/"); // a worker of the engine's own
  assert.ok(took() < 20_000, `${took()} ms`);
  controller.abort();
  for (const end of await Promise.allSettled(sleeping))
    assert.equal(end.status === "rejected" && end.reason.kind, "cancelled");
  assert.equal((await box.exec("echo", ["usable"])).stdout(), "usable\n");
});

test("an aborted receive loses nothing", async () => {
  await using handle = await box.shellStream("sleep 0.5; echo late");
  assert.equal((await handle.recv())?.kind, "started");
  await assert.rejects(handle.recv({ signal: AbortSignal.timeout(50) }), { kind: "cancelled" });
  assert.equal((await handle.collect()).stdout(), "late\n");
});

test("limits and mistakes are said", async () => {
  await assert.rejects(box.execWith("yes", (r) => r.maxOutputBytes(1000)), LimitExceededError);
  await assert.rejects(box.execWith("cat", (r) => r.stdinPipe()), InvalidArgumentError);
  await assert.rejects(box.shell("a\0b"), InvalidArgumentError);
  assert.throws(() => Sandbox.builder("x").rlimit("nofile", Infinity), InvalidArgumentError);
});

test("the sandbox's own command", async () => {
  const own = uniqueName();
  await using other = await Sandbox.builder(own).entrypoint(["echo", "entry"]).cmd(["cmd"]).create();
  assert.equal((await other.execDefault()).stdout(), "entry cmd\n");
  const events = await all(await other.execDefaultStream());
  assert.equal(written(events, "stdout"), "entry cmd\n");
  await other.close();
  await removed(own);

  await using none = await Sandbox.builder(own).entrypoint([]).cmd([]).create();
  await assert.rejects(none.execDefault(), NoDefaultCommandError);
  await none.close();
  await removed(own);
});

test("logs of a sandbox that runs, and of one that has stopped", async () => {
  const own = uniqueName();
  await using other = await Sandbox.builder(own).create();
  const began = new Date();
  const following = await other.logStream({ follow: true });
  await other.shell("echo out; echo err >&2; printf '\\377'");
  const entries = await other.logs();
  const text = (source: string) => entries.filter((entry) => entry.source === source).map((entry) => entry.text());
  assert.equal(text("stdout").join(""), "out\n\ufffd");
  assert.equal(text("stderr").join(""), "err\n");
  assert.equal(typeof entries[0]?.sessionId, "number");
  await other.stop();

  const handle = await Sandbox.get(own);
  const stdout: LogEntry[] = await handle.logs({ sources: ["stdout"], since: began, tail: 1 });
  assert.equal(stdout.length, 1);
  assert.ok(stdout[0]!.timestamp >= new Date(began.getTime() - 1000));
  assert.match((await handle.logs({ sources: "all" })).map((entry) => entry.text()).join(), /sandbox started/);
  assert.equal((await handle.logs({ until: began })).length, 0);
  const followed = await all(following);
  assert.equal(followed.length, entries.length);
  const behind = await all(await handle.logStream({ fromCursor: followed[0]!.cursor }));
  assert.deepEqual(
    behind.map((entry) => entry.cursor),
    followed.slice(1).map((entry) => entry.cursor),
  );
  await assert.rejects(handle.logStream({ fromCursor: "nonsense" }), { kind: "invalid_cursor" });
  await removed(own);
});

test("a worker has its own calls, and may end in the middle of them", async () => {
  const program = `
    import { Sandbox } from "microsandbox";
    import { parentPort } from "node:worker_threads";
    const box = await (await Sandbox.get("${name}")).connect();
    parentPort.postMessage((await box.exec("echo", ["worker"])).stdout());
    await box.exec("sleep", ["1000"]);`;
  const file = new URL(`./worker-${process.pid}.mjs`, import.meta.url);
  await writeFile(file, program);
  const worker = new Worker(file);
  const message = await new Promise((done, fail) => worker.once("message", done).once("error", fail));
  assert.equal(message, "worker\n");
  await worker.terminate();
  assert.equal((await box.exec("echo", ["main"])).stdout(), "main\n");
});
