"""What tests of real sandboxes begin with. They are below a MSB_HOME that is the test's own."""

import os
import unittest
from pathlib import Path

from microsandbox import Sandbox, SandboxNotFoundError, SandboxStatus

HOME = Path(os.environ["MSB_HOME"])


class Case(unittest.IsolatedAsyncioTestCase):
    async def create(self, name="box", **options) -> Sandbox:
        options.setdefault("memory", 256)
        self.addAsyncCleanup(self.discard, name)
        return await Sandbox.create(name, **options)

    async def discard(self, name):
        try:
            await Sandbox.remove(name, force=True)
        except SandboxNotFoundError:
            pass

    async def status(self, name="box") -> SandboxStatus:
        return (await Sandbox.get(name)).status

    async def ends(self, name="box", seconds=10.0):
        handle = await Sandbox.get(name)
        return await handle.wait_until_stopped(timeout=seconds)
