"""Changes to the files of new sandboxes."""

import os
import tempfile
import unittest
from pathlib import Path

from microsandbox import (
    InvalidConfigError,
    Patch,
    PatchFailedError,
    Sandbox,
    SandboxNotFoundError,
)

SCRIPT = """stat -c %a /etc/greeting; cat /etc/greeting; od -An -tx1 /opt/raw | tr -d " "
ls -d /data/deep; readlink /data/link; stat -c %a /opt/one; cat /opt/dir/one"""


class Patches(unittest.IsolatedAsyncioTestCase):
    async def test_each_kind(self) -> None:
        host = Path(tempfile.mkdtemp())
        (host / "one").write_text("one")
        patches = [
            Patch.text("/etc/greeting", "hello\n", mode=0o600),
            Patch.append("/etc/greeting", "more\n"),
            Patch.file("/opt/raw", b"\x00\x01\xff"),
            Patch.mkdir("/data/deep"),
            Patch.remove("/etc/never"),
            Patch.symlink("../opt", "/data/link"),
            {"kind": "copy_file", "src": os.path.relpath(host / "one"), "dst": "/opt/one", "mode": 0o640},
            Patch.copy_dir(host, "/opt/dir"),
        ]
        async with await Sandbox.create("py-patched", patches=patches) as box:
            output = await box.shell(SCRIPT)
        self.assertEqual(
            output.stdout_text, "600\nhello\nmore\n0001ff\n/data/deep\n../opt\n640\none"
        )

    async def test_mistakes(self) -> None:
        with self.assertRaises(PatchFailedError) as taken:
            await Sandbox.create("py-unpatched", patches=[Patch.text("/bin/sh", "")])
        self.assertIn("exists in the image", str(taken.exception))
        with self.assertRaises(InvalidConfigError):
            await Sandbox.create("py-unpatched", patches=[Patch.mkdir("relative")])
        with self.assertRaises(InvalidConfigError) as unknown:
            await Sandbox.create("py-unpatched", patches=[{"kind": "mkdri", "path": "/x"}])
        self.assertIn("mkdir", str(unknown.exception.details))
        with self.assertRaises(SandboxNotFoundError):
            await Sandbox.get("py-unpatched")
