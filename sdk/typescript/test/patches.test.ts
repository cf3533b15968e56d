import assert from "node:assert/strict";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, test } from "node:test";
import { InvalidConfigError, PatchFailedError, Sandbox, SandboxNotFoundError } from "microsandbox";
import { removed, uniqueName } from "./support.js";

const name = uniqueName();
after(() => removed(name));

test("files of an image are changed before a sandbox starts", async () => {
  const host = await mkdtemp(join(tmpdir(), "msb-patches-"));
  await writeFile(join(host, "one"), "one");
  const box = await Sandbox.builder(name)
    .patch((p) =>
      p
        .text("/etc/greeting", "hello\n", { mode: 0o600 })
        .append("/etc/greeting", "more\n")
        .file("/opt/raw", Uint8Array.of(0, 1, 255))
        .mkdir("/data/deep")
        .remove("/etc/never")
        .symlink("../opt", "/data/link"),
    )
    .patch(
      { kind: "copyFile", src: relative(process.cwd(), join(host, "one")), dst: "/opt/one", mode: 0o640 },
      { kind: "copyDir", src: host, dst: "/opt/dir" },
    )
    .create();
  const output = await box.shell(`stat -c %a /etc/greeting; cat /etc/greeting; od -An -tx1 /opt/raw | tr -d " "
    ls -d /data/deep; readlink /data/link; stat -c %a /opt/one; cat /opt/dir/one`);
  assert.equal(output.stdout(), "600\nhello\nmore\n0001ff\n/data/deep\n../opt\n640\none");
  await box.close();
});

test("a patch that cannot be made leaves no sandbox", async () => {
  const other = uniqueName();
  await assert.rejects(Sandbox.builder(other).patch((p) => p.text("/bin/sh", "")).create(), PatchFailedError);
  await assert.rejects(Sandbox.builder(other).patch((p) => p.mkdir("relative")).create(), InvalidConfigError);
  await assert.rejects(Sandbox.get(other), SandboxNotFoundError);
});
