"""Files of the guest, and images."""

import asyncio
import os
from pathlib import Path

from microsandbox import (
    FilesystemError,
    Image,
    ImageInUseError,
    ImageNotFoundError,
    InvalidArgumentError,
    LimitExceededError,
    PathNotFoundError,
    Sandbox,
)
from sandbox_case import HOME, Case


class Files(Case):
    async def test_files(self):
        sandbox = await self.create()
        fs = sandbox.fs
        await fs.mkdir("/data/deep/er")
        data = os.urandom(3 << 20)
        await fs.write("/data/data", data, mode=0o600)
        self.assertEqual(await fs.read("/data/data"), data)
        self.assertEqual((await fs.stat("/data/data")).mode & 0o777, 0o600)
        await fs.write("/data/text", "héllo")
        self.assertEqual(await fs.read_text("/data/text"), "héllo")
        self.assertEqual(
            sorted(Path(e.path).name for e in await fs.list("/data")), ["data", "deep", "text"]
        )
        await fs.copy("/data/data", "/data/copy")
        await fs.rename("/data/copy", "/data/moved")
        self.assertTrue(await fs.exists("/data/moved"))
        self.assertFalse(await fs.exists("/data/copy"))
        await fs.remove("/data/moved")
        host = HOME / "host-file"
        await fs.copy_to_host("/data/data", host)
        self.assertEqual(host.read_bytes(), data)
        await fs.copy_from_host(host, "/data/back")
        self.assertEqual((await fs.stat("/data/back")).size, len(data))
        async with await fs.write_stream("/data/stream") as stream:
            for start in range(0, len(data), 1 << 19):
                await stream.write(data[start : start + (1 << 19)])
        reading = await fs.read_stream("/data/stream")
        self.assertEqual(await reading.collect(), data)
        await fs.remove_dir("/data")
        with self.assertRaises(PathNotFoundError) as caught:
            await fs.read("/data/data")
        self.assertEqual(caught.exception.errno, 2)
        with self.assertRaises(FilesystemError):
            await fs.as_user("nobody").write("/root/x", b"")
        with self.assertRaises(LimitExceededError):
            await fs.read("/bin/busybox", max_bytes=10)

    async def test_cancelled_at_the_end(self):
        """Of a file, at any moment: the next call goes on as if there had been no other."""
        fs = (await self.create()).fs

        async def cancelled(call, delay):
            task = asyncio.ensure_future(call)
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.wait([task])

        for delay in (step * 1e-4 for step in range(30)):
            writing = await fs.write_stream("/root/short")
            await writing.write(b"x")
            await cancelled(writing.close(), delay)
            await writing.close()
            reading = await fs.read_stream("/root/short")
            self.assertEqual(await reading.recv(), b"x")
            await cancelled(reading.recv(), delay)
            self.assertIsNone(await reading.recv(), f"cancelled after {delay} s")
            self.assertIsNone(await reading.recv())

    async def test_text_with_a_nul_is_refused(self):
        sandbox = await self.create()
        for attempt in (
            sandbox.fs.write("/tmp/x\0suffix", b"cut"),
            sandbox.fs.rename("/etc/hostname", "/tmp/x\0suffix"),
            sandbox.exec("true\0suffix"),
            Sandbox.create("x\0suffix"),
            Sandbox.remove("box\0suffix", force=True),
        ):
            with self.assertRaises(InvalidArgumentError) as caught:
                await attempt
            self.assertEqual(caught.exception.details["kind"], "invalid_argument")
        self.assertFalse(await sandbox.fs.exists("/tmp/x"))
        await sandbox.fs.write("/tmp/data", b"a\0b")
        async with await sandbox.fs.write_stream("/tmp/stream") as stream:
            await stream.write(b"c\0d")
        output = await sandbox.exec("cat", ["/tmp/data", "/tmp/stream", "-"], stdin=b"e\0f")
        self.assertEqual(output.stdout_bytes, b"a\0bc\0de\0f")

    async def test_images(self):
        sandbox = await self.create()
        images = await Image.list()
        self.assertEqual(len(images), 1)
        detail = await images[0].inspect()
        self.assertEqual((detail.handle, len(detail.layers)), (images[0], images[0].layer_count))
        with self.assertRaises(ImageInUseError):
            await images[0].remove()
        with self.assertRaises(ImageNotFoundError):
            await Image.get("no-such:1")
        await sandbox.kill()
