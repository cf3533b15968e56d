import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  InvalidConfigError,
  Sandbox,
  SandboxFsOpsError,
  Storage,
  Volume,
  VolumeAlreadyExistsError,
  VolumeInUseError,
  VolumeNotFoundError,
} from "microsandbox";
import { uniqueName } from "./support.js";

const name = uniqueName();

test("a plain named volume has to be there", async () => {
  const missing = Sandbox.builder(name).volume("/d", (mount) => mount.named("ts-none"));
  await assert.rejects(missing.create(), VolumeNotFoundError);
  await assert.rejects(Volume.get("ts-none"), VolumeNotFoundError);
  await assert.rejects(Volume.remove("ts-none"), VolumeNotFoundError);
});

test("volumes are made, mounted in each mode, copied and removed", async () => {
  const data = await Volume.builder(`${name}-data`).quota(512).label("a", "b").create();
  assert.deepEqual([data.kind, data.quotaMib, data.labels], ["directory", 512, { a: "b" }]);
  await assert.rejects(Volume.create(data.name), VolumeAlreadyExistsError);
  const disk = await Volume.create(`${name}-disk`, { kind: "disk", sizeMib: 256 });
  assert.deepEqual([disk.capacityBytes, disk.diskFormat, disk.diskFstype], [256n << 20n, "raw", "ext4"]);
  const taken = Sandbox.builder(name).volume("/d", (mount) => mount.namedWith(data.name, "create"));
  await assert.rejects(taken.create(), VolumeAlreadyExistsError);
  const other = Sandbox.builder(name).volume("/d", (mount) => mount.namedWith(data.name, "existing", "disk", 256));
  await assert.rejects(other.create(), InvalidConfigError);
  const box = await Sandbox.builder(name)
    .volume("/data", (mount) => mount.named(data.name))
    .volume("/disk", (mount) => mount.namedWith(disk.name))
    .volume("/new", (mount) => mount.namedWith(`${name}-new`, "create"))
    .volume("/ensured", (mount) => mount.namedWith(`${name}-ensured`, "ensure-exists").readonly())
    .volume("/own", (mount) => mount.owned({ kind: "disk", sizeMib: 128 }))
    .volume("/memory", (mount) => mount.tmpfs(8))
    .create();
  const script = "echo kept >/data/file && touch /disk/x /new/x /own/x /memory/x && ! touch /ensured/x";
  assert.equal((await box.shell(script)).code, 0);
  assert.equal(await readFile(join(data.path, "file"), "utf8"), "kept\n");
  await assert.rejects(data.remove(), VolumeInUseError);
  await box.close();
  await Sandbox.remove(name);
  const copy = await Volume.clone(data.name, `${name}-copy`, { labels: { c: "d" } });
  assert.deepEqual(copy.labels, { c: "d" });
  assert.equal((await Volume.list())[0]?.name, copy.name);
  assert.deepEqual([...(await Volume.prune({ labels: { c: "d" } })).keys()], [copy.name]);
  for (const end of ["data", "disk", "new", "ensured"]) await Volume.remove(`${name}-${end}`);
  await assert.rejects(Volume.get(data.name), VolumeNotFoundError);
});

test("files of a directory volume, and what takes room", async () => {
  const volume = await Volume.create(`${name}-files`, { labels: { ts: "files" } });
  const files = volume.fs();
  await files.write("/a/b/file", "text");
  assert.equal(await files.readToString("a/b/file"), "text");
  await files.mkdir("/c/d");
  await files.copy("/a/b/file", "/c/copy");
  await files.rename("/c/copy", "/c/moved");
  assert.deepEqual(
    (await files.list("/c")).map((entry) => entry.path),
    ["/c/d", "/c/moved"],
  );
  assert.equal((await files.stat("/c/moved")).size, 4);
  assert.equal(await files.exists("/none"), false);
  await assert.rejects(files.remove("/c"), SandboxFsOpsError);
  await files.removeDir("/c");
  assert.ok((await Storage.usage()).volumes.count > 0);
  const mine = { types: ["volumes" as const], labels: { ts: "files" } };
  const planned = await Storage.prune({ ...mine, dryRun: true });
  assert.deepEqual([planned.items[0]?.name, planned.items[0]?.state], [volume.name, "reclaimable"]);
  assert.equal((await Storage.prune(mine)).removed, 1);
});
