"""Volumes, below a MSB_HOME that is the test's own."""

import asyncio
import unittest
from pathlib import Path

from microsandbox import (
    FilesystemError,
    InvalidArgumentError,
    MicrosandboxError,
    PathNotFoundError,
    Storage,
    UnsupportedError,
    InvalidConfigError,
    Sandbox,
    Volume,
    VolumeAlreadyExistsError,
    VolumeInUseError,
    VolumeNotFoundError,
)


class Volumes(unittest.IsolatedAsyncioTestCase):
    async def test_plain_named_has_to_be_there(self) -> None:
        with self.assertRaises(VolumeNotFoundError) as caught:
            await Sandbox.create("py-vol", volumes={"/d": Volume.named("py-none")})
        self.assertIn("py-none", str(caught.exception))
        with self.assertRaises(VolumeNotFoundError):
            await Volume.get("py-none")
        with self.assertRaises(VolumeNotFoundError):
            await Volume.remove("py-none")

    async def test_modes(self) -> None:
        made = await Volume.create("py-data", labels={"a": "b"}, quota_mib=512)
        self.assertEqual((made.name, made.kind, made.labels, made.quota_mib), ("py-data", "directory", {"a": "b"}, 512))
        with self.assertRaises(VolumeAlreadyExistsError):
            await Volume.create("py-data")
        disk = await Volume.create("py-disk", kind="disk", size_mib=256)
        self.assertEqual((disk.kind, disk.capacity_bytes, disk.disk_format, disk.disk_fstype), ("disk", 256 << 20, "raw", "ext4"))
        self.assertEqual([volume.name for volume in await Volume.list()], ["py-disk", "py-data"])
        with self.assertRaises(VolumeAlreadyExistsError):
            await Sandbox.create("py-vol", volumes={"/d": Volume.named("py-data", mode="create")})
        with self.assertRaises(InvalidConfigError):
            await Sandbox.create("py-vol", volumes={"/d": Volume.named("py-data", kind="disk", size_mib=256)})
        box = await Sandbox.create(
            "py-vol",
            volumes={
                "/data": Volume.named("py-data", mode="existing"),
                "/disk": Volume.named("py-disk"),
                "/new": Volume.named("py-new", mode="create", labels={"c": "d"}),
                "/ensured": Volume.named("py-data2", mode="ensure-exists", readonly=True),
                "/own": Volume.owned(kind="disk", size_mib=128),
                "/memory": Volume.tmpfs(size_mib=8, noexec=True),
            },
        )
        mounts = (await box.exec("cat", ["/proc/mounts"])).stdout_text
        for line in (" /data virtiofs rw", " /disk ext4 rw", " /new virtiofs rw", " /ensured virtiofs ro", " /own ext4 rw"):
            self.assertIn(line, mounts)
        self.assertRegex(mounts, r" /memory tmpfs rw,noexec.*size=8192k")
        await box.exec("sh", ["-c", "echo kept >/data/file"])
        self.assertEqual(Path(made.path, "file").read_text(), "kept\n")
        with self.assertRaises(VolumeInUseError):
            await Volume.remove("py-data")
        self.assertEqual((await Volume.get("py-new")).labels, {"c": "d"})
        await box.close()
        await Sandbox.remove("py-vol")

        copy = await Volume.clone("py-data", "py-copy", labels={"e": "f"})
        self.assertEqual((copy.labels, Path(copy.path, "file").read_text()), ({"e": "f"}, "kept\n"))
        self.assertEqual(list(await Volume.prune(labels={"e": "f"}, dry_run=True)), ["py-copy"])
        await copy.remove()
        self.assertEqual(sorted(await Volume.prune()), ["py-data", "py-data2", "py-disk", "py-new"])
        self.assertEqual(await Volume.list(), [])

    async def test_files(self) -> None:
        volume = await Volume.create("py-files")
        files = volume.fs()
        await files.write("/a/b/file", "text")
        self.assertEqual((await files.read("a/b/file"), await files.read_text("/a/b/file")), (b"text", "text"))
        await files.mkdir("/c/d")
        await files.copy("/a/b/file", "/c/copy")
        await files.rename("/c/copy", "/c/moved")
        self.assertEqual([entry.path for entry in await files.list("/c")], ["/c/d", "/c/moved"])
        self.assertEqual((await files.stat("/c/moved")).size, 4)
        # Links lead within the volume, whoever has made them.
        Path(volume.path, "out").symlink_to("/etc")
        self.assertFalse(await files.exists("/out/passwd"))
        self.assertEqual((await files.stat("/out")).kind, "symlink")
        with self.assertRaises(PathNotFoundError):
            await files.write("/out/../../nothing", b"")
        self.assertFalse(Path(volume.path, "../nothing").exists())
        with self.assertRaises(PathNotFoundError):
            await files.read("/none")
        with self.assertRaises(FilesystemError):
            await files.remove_file("/c")
        for wrong in ("/", "/..", "/a/."):
            with self.assertRaises(MicrosandboxError):
                await files.remove_dir(wrong)
        await files.remove_dir("/c")
        await files.remove_file("/out")
        self.assertEqual([entry.path for entry in await files.list()], ["/a"])
        await volume.remove()
        disk = await Volume.create("py-disk", kind="disk", size_mib=128)
        with self.assertRaises(UnsupportedError):
            await disk.fs().read("/x")
        usage = await Storage.usage()
        self.assertEqual([item.name for item in usage["volumes"].items], ["py-disk"])
        self.assertGreater(usage["volumes"].allocated_bytes or 0, 0)
        planned = await Storage.prune(types=["volumes"], dry_run=True)
        self.assertEqual([(item.item.name, item.state) for item in planned.items], [("py-disk", "reclaimable")])
        self.assertEqual((await Storage.prune(types=["volumes"], older_than=3600)).removed, 0)
        self.assertEqual((await Storage.prune(types=["volumes"])).removed, 1)
        with self.assertRaises(InvalidArgumentError):
            await Storage.prune(types=["logs"])

    async def test_race(self) -> None:
        async def one(name: str) -> str:
            box = await Sandbox.create(name, volumes={"/d": Volume.named("py-race", mode="ensure-exists")})
            await box.exec("touch", [f"/d/{name}"])
            await box.close()
            await Sandbox.remove(name)
            return name

        await asyncio.gather(one("py-one"), one("py-two"))
        volume = await Volume.get("py-race")
        self.assertEqual(sorted(path.name for path in Path(volume.path).iterdir()), ["py-one", "py-two"])
        await volume.remove()
