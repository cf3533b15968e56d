"""Snapshots, below a MSB_HOME that is the test's own."""

import tempfile
import unittest
from pathlib import Path

from microsandbox import (
    InvalidArgumentError,
    Sandbox,
    SandboxAlreadyExistsError,
    SandboxNotFoundError,
    SandboxStillRunningError,
    Snapshot,
    SnapshotAlreadyExistsError,
    SnapshotImageMissingError,
    SnapshotIntegrityError,
    SnapshotInUseError,
    SnapshotNotFoundError,
    SnapshotSandboxRunningError,
)


class Snapshots(unittest.IsolatedAsyncioTestCase):
    async def test_all(self) -> None:
        scratch = Path(tempfile.mkdtemp())
        box = await Sandbox.create("py-snap")
        await box.exec("sh", ["-c", "echo kept >/file; sync"])
        with self.assertRaises(SnapshotSandboxRunningError):
            await box.snapshot("py-one")
        await box.close()
        with self.assertRaises(SandboxNotFoundError):
            await Snapshot.create("py-one", "py-nobody")
        one = await Snapshot.create(
            "py-one", from_sandbox="py-snap", labels={"a": "b"}, record_integrity=True
        )
        self.assertEqual((one.name, one.labels, one.source_sandbox), ("py-one", {"a": "b"}, "py-snap"))
        self.assertEqual((one.size_bytes, one.format, one.fstype, one.scope), (4 << 30, "raw", "ext4", "disk"))
        self.assertIsNone(one.parent_digest)
        self.assertEqual(one.integrity["leaf_size"], 65536)
        with self.assertRaises(SnapshotAlreadyExistsError):
            await Snapshot.create("py-one", from_sandbox="py-snap")
        self.assertEqual(await Snapshot.open(one.digest), one)
        self.assertEqual((await Snapshot.get(one.path)).digest, one.digest)
        self.assertIn(one.digest, [known.digest for known in await Snapshot.list()])

        handle = await Sandbox.get("py-snap")
        shelf = await handle.snapshot_to(scratch / "shelf" / "two")
        self.assertEqual([item.name for item in await Snapshot.list_dir(scratch / "shelf")], ["two"])
        self.assertEqual(await Snapshot.reindex(scratch / "shelf"), 1)
        self.assertEqual((await shelf.verify()).kind, "not_recorded")
        verified = await one.verify()
        self.assertEqual((verified.kind, verified.hash), ("verified", one.integrity["root"]))

        fork = await Sandbox.create("py-fork", from_snapshot=one.digest)
        self.assertEqual((await fork.exec("cat", ["/file"])).stdout_text, "kept\n")
        await fork.exec("sh", ["-c", "echo changed >/file; sync"])
        await fork.close()
        child = await (await Sandbox.get("py-fork")).snapshot("py-child")
        self.assertEqual(child.parent_digest, one.digest)
        with self.assertRaises(SnapshotInUseError):
            await one.remove()
        with self.assertRaises(InvalidArgumentError):
            await Sandbox.create("py-both", image="x", from_snapshot="py-one")
        with self.assertRaises(SnapshotNotFoundError):
            await Sandbox.create("py-none", from_snapshot="py-none")

        changes = await Snapshot.diff("py-one", "py-child")
        changed = {change.path: change for change in changes}["/file"]
        self.assertEqual((changed.change, changed.type, changed.size_after), ("changed", "file", 8))
        handle = await Sandbox.get("py-fork")
        self.assertEqual(await handle.diff(), changes)
        more = await handle.fork_many(["py-a", "py-b"], progress=lambda done, total: None)
        self.assertEqual((await more[1].exec("cat", ["/file"])).stdout_text, "changed\n")
        with self.assertRaises(SandboxStillRunningError):
            await more[0].diff()
        with self.assertRaises(SandboxAlreadyExistsError):
            await handle.fork("py-a")
        live = await Snapshot.create("py-live", "py-a", copy_while_frozen=True)
        await live.remove(force=True)
        for one_more in more:
            await one_more.close()
            await Sandbox.remove(await one_more.name())

        archive = scratch / "child.tar.zst"
        told: list[int] = []
        path = await Snapshot.export(
            "py-child", archive, since="py-one", progress=lambda done, total: told.append(done)
        )
        self.assertEqual(path, str(archive))
        self.assertGreater(told[-1], 0)
        with self.assertRaises(SnapshotAlreadyExistsError):
            await Snapshot.export("py-child", archive)
        again = await Snapshot.import_(archive, name="py-again")
        self.assertEqual((again.digest, again.name), (child.digest, "py-again"))
        await Snapshot.remove("py-child")
        await Snapshot.remove("py-again")

        disk = Path(one.path, one.upper_file)
        disk.chmod(0o600)
        with disk.open("r+b") as file:
            file.seek(1000)
            file.write(b"x")
        with self.assertRaises(SnapshotIntegrityError):
            await Snapshot.verify("py-one")
        text = Path(shelf.path, "snapshot.json")
        text.chmod(0o600)
        text.write_text(text.read_text().replace(shelf.image_manifest_digest, "sha256:" + "0" * 64))
        with self.assertRaises(SnapshotImageMissingError):
            await Sandbox.create("py-none", from_snapshot=shelf.path, pull_policy="never")
        for snapshot in (one.path, shelf.path):
            await Snapshot.remove(snapshot, force=True)
        with self.assertRaises(SnapshotNotFoundError):
            await Snapshot.open("py-one")
        for name in ("py-snap", "py-fork"):
            await Sandbox.remove(name)


if __name__ == "__main__":
    unittest.main()
