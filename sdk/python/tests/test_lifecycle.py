"""Making, reaching and ending sandboxes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from unittest import mock

from microsandbox import (
    AgentClient,
    ExecEventType,
    InvalidArgumentError,
    InvalidConfigError,
    InvalidCursorError,
    InvalidHandleError,
    Sandbox,
    SandboxAlreadyExistsError,
    SandboxNotFoundError,
    SandboxNotRunningError,
    SandboxStatus,
    SandboxStillRunningError,
    TimedOutError,
    _native,
)
from sandbox_case import Case


class Lifecycle(Case):
    async def test_context_removes(self):
        async with await Sandbox.create("ctx", memory=256) as sandbox:
            self.assertEqual(await sandbox.name(), "ctx")
            self.assertTrue(await sandbox.owns_lifecycle)
            self.assertEqual((await sandbox.config())["resources"]["memory_mib"], 256)
            output = await sandbox.exec("uname", ["-s"])
            self.assertEqual(output.stdout_text, "Linux\n")
        with self.assertRaises(SandboxNotFoundError):
            await Sandbox.get("ctx")
        with self.assertRaises(InvalidHandleError):
            await sandbox.exec("true")

    async def test_state_is_kept(self):
        sandbox = await self.create(env={"A": "1"}, workdir="/root", labels={"team": "x"})
        await sandbox.shell("echo $A > kept")
        await sandbox.close()
        self.assertEqual(await self.status(), SandboxStatus.STOPPED)
        sandbox = await Sandbox.start("box", detached=True)
        self.assertFalse(await sandbox.owns_lifecycle)
        self.assertEqual((await sandbox.shell("cat kept")).stdout_text, "1\n")
        await sandbox.close()
        self.assertEqual(await self.status(), SandboxStatus.RUNNING)
        other = await Sandbox.connect("box")
        self.assertEqual((await other.exec("cat", ["/root/kept"])).stdout_text, "1\n")
        with self.assertRaises(SandboxStillRunningError):
            await Sandbox.remove("box")
        with self.assertRaises(SandboxStillRunningError):
            await Sandbox.start("box")
        await other.stop()
        with self.assertRaises(SandboxNotRunningError):
            await Sandbox.connect("box")

    async def test_list(self):
        for name, team in (("a", "x"), ("b", "y"), ("c", "x")):
            await (await self.create(name, labels={"team": team})).stop()
        self.assertEqual([s.name for s in await Sandbox.list()], ["c", "b", "a"])
        self.assertEqual(
            [s.name for s in await Sandbox.list_with(labels={"team": "x"})], ["c", "a"]
        )
        first = await Sandbox.list_with(limit=2)
        self.assertEqual([s.name for s in first], ["c", "b"])
        second = await Sandbox.list_with(limit=2, cursor=first.next_cursor)
        self.assertEqual([s.name for s in second], ["a"])
        self.assertIsNone(second.next_cursor)
        with self.assertRaises(InvalidCursorError):
            await Sandbox.list_with(cursor="x")
        with self.assertRaises(InvalidArgumentError):
            await Sandbox.list_with(limit=0)

    async def test_already_exists(self):
        sandbox = await self.create()
        begun = time.monotonic()
        with self.assertRaises(SandboxAlreadyExistsError) as caught:
            await Sandbox.create("box")
        self.assertLess(time.monotonic() - begun, 20)
        self.assertEqual(caught.exception.code, "sandbox-already-exists")
        self.assertEqual(caught.exception.details["name"], "box")
        await sandbox.stop()
        with self.assertRaises(SandboxAlreadyExistsError):
            await Sandbox.create("box")

    async def test_replace_with_timeout(self):
        old = await self.create(detached=True)
        stubborn = await old.exec_stream("sh", ["-c", "trap '' TERM; echo on; while :; do sleep 1; done"])
        while (await stubborn.recv()).event_type is not ExecEventType.STDOUT:
            pass
        for grace, least, most in ((0, 0.0, 20.0), (1.0, 0.9, 20.0)):
            begun = time.monotonic()
            new = await self.create(replace_with_timeout=grace)
            took = time.monotonic() - begun
            self.assertGreaterEqual(took, least)
            self.assertLess(took, most)
            stubborn = await new.exec_stream("sh", ["-c", "trap '' TERM; echo on; while :; do sleep 1; done"])
            while (await stubborn.recv()).event_type is not ExecEventType.STDOUT:
                pass
        await self.create(replace=True, replace_with_timeout=0)

    async def test_stop_families(self):
        sandbox = await self.create()
        await sandbox.stop()
        self.assertEqual(await self.status(), SandboxStatus.STOPPED)
        await sandbox.stop()  # what is stopped stays so
        handle = await Sandbox.get("box")
        for end in ("stop(timeout=0)", "kill()", "kill(timeout=5)", "drain()"):
            await handle.start(detached=True)
            await eval(f"handle.{end}")
            self.assertEqual(await self.status(), SandboxStatus.STOPPED, end)
        for request in ("request_stop()", "request_stop(timeout=0)", "request_kill()", "request_drain()"):
            await handle.start(detached=True)
            begun = time.monotonic()
            await eval(f"handle.{request}")
            self.assertLess(time.monotonic() - begun, 20)
            seen = await self.ends()
            self.assertEqual((seen.status, seen.source), (SandboxStatus.STOPPED, "state"), request)

    async def test_drain_lets_commands_finish(self):
        sandbox = await self.create()
        command = await sandbox.exec_stream("sh", ["-c", "sleep 1; echo finished"])
        await command.recv()
        drained = asyncio.ensure_future(sandbox.drain())
        self.assertEqual((await command.collect()).stdout_text, "finished\n")
        await drained

    async def test_wait_until_stopped(self):
        sandbox = await self.create()
        begun = time.monotonic()
        with self.assertRaises(TimedOutError):
            await sandbox.wait_until_stopped(timeout=0.3)
        self.assertGreater(time.monotonic() - begun, 0.25)
        self.assertEqual(await self.status(), SandboxStatus.RUNNING)
        waiting = asyncio.ensure_future(sandbox.wait_until_stopped())
        await asyncio.sleep(0.2)
        await sandbox.kill()
        seen = await waiting
        self.assertEqual((seen.name, seen.status), ("box", SandboxStatus.STOPPED))
        self.assertEqual((seen.source, seen.signal), ("process", signal.SIGKILL))
        self.assertLess(abs(seen.observed_at / 1000 - time.time()), 30)
        with self.assertRaises(SandboxNotFoundError):
            await Sandbox.get("no-such")

    async def test_owner_dies(self):
        """Attached: it ends with its process, however that ends. Detached: it stays."""
        script = (
            "import asyncio, os, sys\n"
            "from microsandbox import Sandbox\n"
            "async def main():\n"
            "    a = await Sandbox.create('mine', memory=256)\n"
            "    b = await Sandbox.create('free', memory=256, detached=True)\n"
            "    c = await Sandbox.create('let-go', memory=256)\n"
            "    await c.detach()\n"
            "    print('up', flush=True)\n"
            "    await asyncio.sleep(60)\n"
            "asyncio.run(main())\n"
        )
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        for name in ("mine", "free", "let-go"):
            self.addAsyncCleanup(self.discard, name)
        try:
            line = await asyncio.to_thread(process.stdout.readline)
            self.assertEqual(line, b"up\n")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        self.assertEqual((await self.ends("mine")).status, SandboxStatus.STOPPED)
        await asyncio.sleep(1)
        for name in ("free", "let-go"):
            self.assertEqual(await self.status(name), SandboxStatus.RUNNING)

    async def test_end_of_a_replaced_one_leaves_the_new_one(self):
        async with await Sandbox.create("box", memory=256):
            new = await self.create(replace_with_timeout=0)
        self.assertEqual(await self.status(), SandboxStatus.RUNNING)
        self.assertTrue((await new.exec("true")).success)
        old = await self.create("other")
        newer = await self.create("other", replace_with_timeout=0)
        await old.close()
        self.assertTrue((await newer.exec("true")).success)

    async def test_ephemeral(self):
        sandbox = await self.create(ephemeral=True)
        await sandbox.stop()
        with self.assertRaises(SandboxNotFoundError):
            await Sandbox.get("box")

    async def test_dropped_object_stops(self):
        sandbox = await self.create()
        del sandbox
        self.assertEqual((await self.ends()).status, SandboxStatus.STOPPED)

    async def test_cancelled_creation(self):
        creation = asyncio.ensure_future(Sandbox.create("box", memory=256))
        await asyncio.sleep(0.03)
        creation.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await creation
        self.addAsyncCleanup(self.discard, "box")
        for handle in await Sandbox.list():
            self.assertFalse(handle.status is SandboxStatus.RUNNING)

    async def test_cancelled_when_it_is_done(self):
        """What came too late to be cancelled is undone."""
        real = _native.call
        loop = asyncio.get_running_loop()

        def call(function, *arguments):
            real(function, *arguments)
            if function in ("msb_sandbox_create", "msb_sandbox_start"):
                loop.call_soon_threadsafe(task.cancel)
                time.sleep(0.1)

        self.addAsyncCleanup(self.discard, "box")
        for detached in (True, False):
            with mock.patch.object(_native, "call", call), self.assertRaises(asyncio.CancelledError):
                task = asyncio.ensure_future(Sandbox.create("box", memory=256, detached=detached))
                await task
            with self.assertRaises(SandboxNotFoundError):
                await Sandbox.get("box")
        await (await self.create()).stop()
        for detached in (True, False):
            with mock.patch.object(_native, "call", call), self.assertRaises(asyncio.CancelledError):
                task = asyncio.ensure_future(Sandbox.start("box", detached=detached))
                await task
            self.assertEqual(await self.status(), SandboxStatus.STOPPED)
        async with Sandbox.create_with_progress("unused", memory=256, detached=True) as session:
            await asyncio.wait([session._start()])
        with self.assertRaises(SandboxNotFoundError):
            await Sandbox.get("unused")

    async def test_liveness(self):
        sandbox = await self.create()
        self.assertGreater((await sandbox.ping()).latency_ms, 0)
        first = (await sandbox.touch()).activity_seq
        self.assertGreater((await sandbox.touch()).activity_seq, first)
        await sandbox.stop()
        with self.assertRaises(SandboxNotRunningError):
            await sandbox.ping()

    async def test_socket_path(self):
        path = await AgentClient.socket_path("does-not-exist")
        self.assertTrue(path.startswith("/") and path.endswith("/agent.sock"), path)
        self.assertLess(len(path), 108)
        with self.assertRaises(InvalidConfigError):
            await AgentClient.socket_path("../x")


class Forked(Case):
    async def test_fork(self):
        """A forked child has no handles, holds nothing alive, and can use the library itself."""
        sandbox = await self.create("parent")
        pid = os.fork()
        if pid == 0:
            try:
                async def child():
                    try:
                        await sandbox.exec("true")
                    except InvalidHandleError:
                        async with await Sandbox.create("child", memory=256) as own:
                            return (await own.exec("true")).exit_code
                    return 3

                loop = asyncio.new_event_loop()
                asyncio._set_running_loop(None)
                os._exit(loop.run_until_complete(child()))
            finally:
                os._exit(4)
        status = await asyncio.to_thread(os.waitpid, pid, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status[1]), 0)
        self.assertTrue((await sandbox.exec("true")).success)
        pid = os.fork()
        if pid == 0:
            time.sleep(60)
            os._exit(0)
        try:
            await sandbox.close()
            self.assertEqual(await self.status("parent"), SandboxStatus.STOPPED)
            again = await Sandbox.start("parent")
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.assertTrue(await again.owns_lifecycle)
