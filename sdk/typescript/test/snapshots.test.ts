import assert from "node:assert/strict";
import { chmod, mkdtemp, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  Sandbox,
  SandboxAlreadyExistsError,
  SandboxNotFoundError,
  SandboxStillRunningError,
  Snapshot,
  SnapshotAlreadyExistsError,
  SnapshotIntegrityError,
  SnapshotInUseError,
  SnapshotNotFoundError,
  SnapshotSandboxRunningError,
} from "microsandbox";
import { removed, uniqueName } from "./support.js";

const name = uniqueName();
const fork = uniqueName();
after(async () => {
  await removed(name);
  await removed(fork);
});

test("snapshots are made, looked at, begun with, sent and removed", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "msb-snapshots-"));
  const box = await Sandbox.builder(name).create();
  await box.shell("echo kept >/file; sync");
  await assert.rejects(box.snapshot(`${name}-one`), SnapshotSandboxRunningError);
  await box.close();
  await assert.rejects(Snapshot.builder("x").fromSandbox("nobody").create(), SandboxNotFoundError);
  const one = await Snapshot.builder(`${name}-one`).fromSandbox(name).label("a", "b").recordIntegrity().create();
  assert.deepEqual([one.labels, one.sourceSandbox, one.sizeBytes, one.parentDigest], [{ a: "b" }, name, 4n << 30n, null]);
  assert.ok(Math.abs(one.createdAt.getTime() - Date.now()) < 600_000);
  await assert.rejects(Snapshot.builder(`${name}-one`).fromSandbox(name).create(), SnapshotAlreadyExistsError);
  assert.equal((await Snapshot.open(one.digest)).path, one.path);
  assert.ok((await Snapshot.list()).some((known) => known.digest === one.digest));

  const shelf = await Snapshot.builder("two").fromSandbox(name).destDir(join(scratch, "shelf")).create();
  assert.deepEqual((await Snapshot.listDir(join(scratch, "shelf"))).map((item) => item.name), ["two"]);
  assert.equal(await Snapshot.reindex(join(scratch, "shelf")), 1);
  assert.deepEqual((await shelf.verify()).upper, { kind: "notRecorded" });
  assert.equal((await one.verify()).upper.kind, "verified");

  const other = await Sandbox.builder(fork).fromSnapshot(one.name).create();
  assert.equal((await other.shell("cat /file")).stdout(), "kept\n");
  await other.shell("echo changed >/file; sync");
  await other.close();
  const child = await (await Sandbox.get(fork)).snapshot(`${name}-child`);
  assert.equal(child.parentDigest, one.digest);
  await assert.rejects(one.remove(), SnapshotInUseError);
  await assert.rejects(Sandbox.builder(uniqueName()).fromSnapshot("none").create(), SnapshotNotFoundError);

  const changes = await Snapshot.diff(one.name, child.name);
  assert.ok(changes.some((change) => change.path === "/file" && change.change === "changed" && change.sizeAfter === 8));
  const handle = await Sandbox.get(fork);
  assert.deepEqual(await handle.diff(), changes);
  const names = [uniqueName(), uniqueName()];
  const more = await handle.forkMany(names, { onProgress: () => {} });
  assert.equal((await more[1]!.shell("cat /file")).stdout(), "changed\n");
  await assert.rejects(more[0]!.diff(), SandboxStillRunningError);
  await assert.rejects(handle.fork(names[0]!), SandboxAlreadyExistsError);
  const live = Snapshot.builder(`${name}-live`).fromSandbox(names[0]!).copyWhileFrozen();
  await (await live.create()).remove({ force: true });
  for (const made of names) await removed(made);

  const archive = join(scratch, "child.tar.zst");
  let told = 0;
  const onProgress = (done: number): void => {
    told = done;
  };
  assert.equal(await Snapshot.export(child.name, archive, { since: one.name, onProgress }), archive);
  assert.ok(told > 0);
  const again = await Snapshot.import(archive, { name: `${name}-again` });
  assert.equal(again.digest, child.digest);
  await Snapshot.remove(child.name);
  await again.remove();

  const disk = join(one.path, one.upperFile);
  await chmod(disk, 0o600);
  const file = await open(disk, "r+");
  await file.write("x", 1000);
  await file.close();
  await assert.rejects(Snapshot.verify(one.name), SnapshotIntegrityError);
  await one.remove({ force: true });
  await shelf.remove({ force: true });
  await assert.rejects(Snapshot.get(one.name), SnapshotNotFoundError);
});
