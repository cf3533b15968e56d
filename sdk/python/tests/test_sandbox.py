"""Against real sandboxes below a MSB_HOME that is the test's own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path
from unittest import mock

from microsandbox import (
    AgentClient,
    BootStartError,
    ExecEventType,
    ExecFailedError,
    ExecTimeoutError,
    FilesystemError,
    Image,
    ImageInUseError,
    ImageNotFoundError,
    InitConfig,
    InvalidArgumentError,
    InvalidConfigError,
    InvalidCursorError,
    InvalidHandleError,
    LimitExceededError,
    LogSource,
    MicrosandboxError,
    MountCache,
    Network,
    NetworkAction,
    NetworkProfile,
    NoDefaultCommandError,
    PathNotFoundError,
    PullPolicy,
    Rlimit,
    Sandbox,
    SandboxAlreadyExistsError,
    SandboxNotFoundError,
    SandboxNotRunningError,
    SandboxStatus,
    SandboxStillRunningError,
    SecurityProfile,
    Stdin,
    TimedOutError,
    Volume,
    _native,
)

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


class Boot(Case):
    async def test_boot_start(self):
        """A failed start is a BootStart error with name, stage, errno and message."""
        with self.assertRaises(BootStartError) as caught:
            await self.create(workdir="/no/such/directory")
        error = caught.exception
        self.assertEqual((error.name, error.stage), ("box", "config"))
        self.assertIn("/no/such/directory", error.message)
        await (await self.create(replace=True)).stop()
        disk = HOME / "sandboxes/box/upper.ext4"
        disk.rename(HOME / "upper")
        with self.assertRaises(BootStartError) as caught:
            await Sandbox.start("box")
        error = caught.exception
        self.assertEqual((error.name, error.stage, error.errno), ("box", "mount", 2))
        self.assertIn("No such file", error.message)
        self.assertTrue(error.hint)
        (HOME / "upper").rename(disk)
        await (await Sandbox.start("box")).stop()

    async def test_mounts_and_network(self):
        """A missing source is a BootStart error of stage mount; what is there is mounted."""
        with self.assertRaises(BootStartError) as caught:
            await self.create(volumes={"/x": Volume.bind("/does/not/exist")})
        error = caught.exception
        self.assertEqual((error.name, error.stage, error.errno), ("box", "mount", 2))
        self.assertIn("/does/not/exist", error.message)
        shared = HOME.parent / "shared"
        shared.mkdir(exist_ok=True)
        (shared / "file").write_text("from the host")
        sandbox = await self.create(
            replace=True,
            volumes={
                "/x": Volume.bind(shared),
                "/y": Volume.bind(shared, readonly=True),
                "/q": Volume.bind(shared, cache=MountCache.CACHED, quota_mib=1, quota_inodes=9, uid=7, gid=8),
            },
            network=Network(
                (NetworkProfile.PUBLIC,),
                rules=("deny@link-local", "allow@pypi.org:tcp:443"),
                default_ingress=NetworkAction.DENY,
            ),
        )
        self.assertEqual((await sandbox.exec("cat", ["/x/file"])).stdout_text, "from the host")
        self.assertFalse((await sandbox.shell("echo > /y/file")).success)
        of_quota = "stat -c %u:%g /q | grep -qx 7:8 && df -k /q | grep -q ' 1024 '"
        self.assertTrue((await sandbox.shell(of_quota)).success)
        self.assertTrue((await sandbox.shell("echo guest > /x/new")).success)
        self.assertEqual((shared / "new").read_text(), "guest\n")
        self.assertTrue((await sandbox.shell("test -e /sys/class/net/eth0")).success)
        await sandbox.kill()
        for options in ({"volumes": {"x": Volume.bind("/tmp")}}, {"ports": {80: 0}}):
            with self.assertRaises(InvalidConfigError, msg=options):
                await Sandbox.create("bad", **options)
        with self.assertRaises(InvalidArgumentError):
            await Sandbox.create("bad", network=Network(("nowhere",)))
        with self.assertRaisesRegex(InvalidArgumentError, "unknown action"):
            await Sandbox.create("bad", network=Network(rules=("alow@any",)))

    async def test_init_forms(self):
        """str, dict, InitConfig and tuple say the same."""
        script = "#!/bin/sh\necho \"$1 $KEY\" > /run/init-said\nexec sleep 1000\n"
        for init, said in (
            ("/.msb/scripts/init", ""),
            ({"cmd": "/.msb/scripts/init", "args": ["word"], "env": {"KEY": "v"}}, "word v"),
            (InitConfig("/.msb/scripts/init", ("word",), {"KEY": "v"}), "word v"),
            (("/.msb/scripts/init", ("word",), {"KEY": "v"}), "word v"),
        ):
            sandbox = await self.create(init=init, scripts={"init": script}, replace=True)
            name = (await sandbox.exec("cat", ["/proc/1/comm"])).stdout_text
            self.assertIn(name, ("init\n", "sleep\n"))
            told = (await sandbox.shell(
                "while ! [ -s /run/init-said ]; do sleep 0.05; done; cat /run/init-said"
            )).stdout_text.strip()
            self.assertEqual(told, said)
            await sandbox.kill()
        sandbox = await self.create(init="auto", replace=True)
        comm = (await sandbox.exec("cat", ["/proc/1/comm"])).stdout_text
        self.assertNotEqual(comm, "")
        await sandbox.kill()
        with self.assertRaises(InvalidConfigError):
            await Sandbox.create("other", init="relative")
        with self.assertRaises(BootStartError) as caught:
            await self.create("missing", init="/no/such/init")
        self.assertEqual(caught.exception.stage, "config")

    async def test_config_errors(self):
        for options in ({"cpus": 0}, {"memory": 0}, {"hostname": "bad name"}, {"workdir": "x"}):
            with self.assertRaises(InvalidConfigError, msg=options):
                await Sandbox.create("bad", **options)
        for options in ({"thp": "x"}, {"env": {"A=B": ""}}, {"engine": "x"}):
            with self.assertRaises(InvalidArgumentError, msg=options):
                await Sandbox.create("bad", **options)
        with self.assertRaises(InvalidConfigError):
            await Sandbox.create("bad name")
        with self.assertRaises(TypeError):
            await Sandbox.create("bad", no_such_option=1)
        with self.assertRaises(ImageNotFoundError):
            await Sandbox.create("bad", image="no-such:1", pull_policy=PullPolicy.NEVER)
        self.assertEqual(len(await Sandbox.list()), 0)

    async def test_options(self):
        sandbox = await self.create(
            hostname="host-1", user="nobody", shell="/bin/sh", entrypoint=["echo"], cmd=["default"],
            scripts={"greet": "#!/bin/sh\necho hello $1\n"}, security=SecurityProfile.RESTRICTED,
            rlimits=[Rlimit.nofile(100, 200)], disable_network=True, idle_timeout=60.0,
        )
        self.assertEqual((await sandbox.exec_default()).stdout_text, "default\n")
        self.assertEqual((await sandbox.exec("hostname")).stdout_text, "host-1\n")
        self.assertEqual((await sandbox.exec("id", ["-un"])).stdout_text, "nobody\n")
        self.assertEqual((await sandbox.exec("greet", ["you"])).stdout_text, "hello you\n")
        self.assertEqual((await sandbox.shell("ulimit -n")).stdout_text, "100\n")
        self.assertEqual((await Sandbox.get("box")).isolation, "user-mode")
        await sandbox.stop()
        plain = await self.create(entrypoint=[], cmd=[], replace=True)
        with self.assertRaises(NoDefaultCommandError):
            await plain.exec_default()

    async def test_progress(self):
        async with Sandbox.create_with_progress("box", memory=256) as session:
            self.addAsyncCleanup(self.discard, "box")
            events = [event async for event in session.progress]
            sandbox = await session.result()
            with self.assertRaises(RuntimeError):
                await session.result()
        self.assertEqual(events[-1].event_type, "complete")
        self.assertTrue((await sandbox.exec("true")).success)
        async with Sandbox.create_with_progress("box") as session:
            self.assertEqual([event async for event in session.progress][:1], [])
            with self.assertRaises(SandboxAlreadyExistsError):
                await session.result()


class Exec(Case):
    async def test_results(self):
        sandbox = await self.create(env={"A": "1"})
        output = await sandbox.exec("sh", ["-c", "echo out; echo err >&2; exit 3"])
        self.assertEqual((output.exit_code, output.success), (3, False))
        self.assertEqual((output.stdout_text, output.stderr_text), ("out\n", "err\n"))
        output = await sandbox.shell("kill -9 $$")
        self.assertEqual((output.exit_code, output.signal), (137, 9))
        output = await sandbox.exec("printf", [r"\377\000x"])
        self.assertEqual(output.stdout_bytes, b"\xff\0x")
        with self.assertRaises(UnicodeDecodeError):
            output.stdout_text
        output = await sandbox.shell(
            "pwd; id -u; echo $A $B", cwd="/tmp", user="nobody", env={"B": "2"}
        )
        self.assertEqual(output.stdout_text.split("\n")[::2], ["/tmp", "1 2"])
        output = await sandbox.exec("tty", tty=True)
        self.assertTrue(output.stdout_text.startswith("/dev/"), output)
        output = await sandbox.shell("ulimit -n", rlimits=[Rlimit.nofile(64)])
        self.assertEqual(output.stdout_text, "64\n")
        self.assertEqual((await sandbox.exec("echo", {"args": ["all", "in", "one"]})).stdout_text,
                         "all in one\n")
        with self.assertRaises(TypeError):
            await sandbox.exec("echo", "not a list")

    async def test_spawn_failures_are_typed(self):
        sandbox = await self.create()
        for command, options, kind, errno in (
            ("no-such-program", {}, "not_found", 2),
            ("/etc/passwd", {}, "permission_denied", 13),
            ("/etc", {}, "not_executable", None),
            ("true", {"cwd": "/no/such"}, "bad_cwd", 2),
            ("true", {"user": "no-such-user"}, "user_setup_failed", None),
        ):
            with self.assertRaises(ExecFailedError) as caught:
                await sandbox.exec(command, **options)
            self.assertEqual(caught.exception.kind, kind)
            if errno:
                self.assertEqual(caught.exception.errno, errno)
            self.assertTrue(caught.exception.message)
            stream = await sandbox.exec_stream(command, **options)
            event = await stream.recv()
            self.assertEqual((event.event_type, event.error.kind), (ExecEventType.FAILED, kind))
            self.assertIsNone(await stream.recv())
            with self.assertRaises(ExecFailedError):
                await stream.wait()

    async def test_streaming(self):
        sandbox = await self.create()
        command = await sandbox.exec_stream("sh", ["-c", "read a; echo got $a; read b; echo $b >&2"],
                                            stdin=Stdin.pipe())
        sink = command.take_stdin()
        self.assertIsNone(command.take_stdin())
        event = await command.recv()
        self.assertEqual(event.event_type, ExecEventType.STARTED)
        self.assertGreater(event.pid, 1)
        await sink.write("one\n")
        self.assertEqual((await command.recv()).data, b"got one\n")
        await sink.write(b"two\n")
        event = await command.recv()
        self.assertEqual((event.event_type, event.data), (ExecEventType.STDERR, b"two\n"))
        await sink.close()
        event = await command.recv()
        self.assertEqual((event.event_type, event.code), (ExecEventType.EXITED, 0))
        self.assertIsNone(await command.recv())
        self.assertEqual(await command.wait(), (0, True))

    async def test_signals(self):
        sandbox = await self.create()
        command = await sandbox.exec_stream("sleep", ["100"])
        await command.recv()
        await command.signal(signal.SIGTERM)
        self.assertEqual(await command.wait(), (143, False))
        command = await sandbox.exec_stream("sleep", ["100"])
        await command.kill()
        self.assertEqual(await command.wait(), (137, False))
        command = await sandbox.exec_stream("sh", ["-c", "read x; stty size"], tty=True, rows=10,
                                            cols=20, stdin=Stdin.pipe())
        await command.recv()
        await command.resize(33, 44)
        await command.take_stdin().write("\n")
        self.assertIn(b"33 44", (await command.collect()).stdout_bytes)

    async def test_large_stdin(self):
        """Input of any size arrives complete, collected and streaming, and also comes back."""
        sandbox = await self.create()
        data = os.urandom(1 << 20) * 3
        output = await sandbox.exec("wc", ["-c"], stdin=data)
        self.assertEqual(output.stdout_text.strip(), str(len(data)))
        output = await sandbox.exec("cat", stdin=Stdin.bytes(data))
        self.assertEqual(output.stdout_bytes, data)
        command = await sandbox.exec_stream("cat", stdin=Stdin.pipe())
        sink = command.take_stdin()

        async def feed():
            for start in range(0, len(data), 100_000):
                await sink.write(data[start : start + 100_000])
            await sink.close()

        _, output = await asyncio.gather(feed(), command.collect())
        self.assertEqual(output.stdout_bytes, data)

    async def test_stdin_error(self):
        sandbox = await self.create()
        command = await sandbox.exec_stream("sh", ["-c", "exec <&-; echo ready; sleep 0.5; echo on"],
                                            stdin=Stdin.pipe())
        sink = command.take_stdin()
        await command.recv()
        self.assertEqual((await command.recv()).data, b"ready\n")
        await sink.write(b"x" * 300_000)
        kinds = [event async for event in command]
        self.assertEqual(kinds[0].event_type, ExecEventType.STDIN_ERROR)
        self.assertEqual(kinds[0].error.errno_name, "EPIPE")
        self.assertTrue(kinds[0].error.message)
        self.assertEqual(kinds[1].data, b"on\n")
        self.assertEqual(kinds[-1].event_type, ExecEventType.EXITED)

    async def test_timeout(self):
        sandbox = await self.create()
        begun = time.monotonic()
        with self.assertRaises(ExecTimeoutError) as caught:
            await sandbox.shell("sleep 100 & wait", timeout=0.3)
        self.assertEqual(caught.exception.timeout, 0.3)
        self.assertLess(time.monotonic() - begun, 20)
        command = await sandbox.exec_stream("sh", ["-c", "echo first; sleep 100"], timeout=0.5)
        await command.recv()
        self.assertEqual((await command.recv()).data, b"first\n")
        with self.assertRaises(ExecTimeoutError):
            await command.recv()
        self.assertEqual((await sandbox.shell("pgrep sleep")).stdout_text, "")

    async def test_cancelled_task_ends_the_command(self):
        sandbox = await self.create()
        begun = time.monotonic()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(sandbox.exec("sleep", ["1234"]), 0.3)
        self.assertLess(time.monotonic() - begun, 20)
        for _ in range(50):
            if not (await sandbox.shell("pgrep -f 'sleep 1234' | grep -v $$")).stdout_text:
                break
            await asyncio.sleep(0.1)
        else:
            self.fail("the command still runs")
        # A cancelled recv loses nothing.
        command = await sandbox.exec_stream("sh", ["-c", "sleep 0.3; echo late"])
        await command.recv()
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(command.recv(), 0.05)
        self.assertEqual((await command.recv()).data, b"late\n")

    async def test_collect_has_what_cancelled_reads_got(self):
        sandbox = await self.create()
        for reads in (2, 4):  # up to the first line, and up to the end
            command = await sandbox.exec_stream("sh", ["-c", "echo first; sleep 0.3; echo last; exit 7"])
            # As if they had been cancelled when they were done.
            for event in [await command.recv() for _ in range(reads)]:
                command._inbox._held.append(lambda event=event: event)
            command._end = None
            output = await command.collect()
            self.assertEqual((output.stdout_text, output.exit_code), ("first\nlast\n", 7))

    async def test_output_is_bounded(self):
        sandbox = await self.create()
        with self.assertRaises(LimitExceededError):
            await sandbox.exec("cat", ["/dev/zero"], max_output_bytes=1 << 20)
        command = await sandbox.exec_stream("cat", ["/dev/zero"])
        await command.recv()
        await asyncio.sleep(0.3)
        self.assertTrue((await sandbox.exec("true")).success)  # nobody is held up by it
        command.close()
        with self.assertRaises(InvalidHandleError):
            await command.recv()

    async def test_many_at_once(self):
        sandbox = await self.create()
        outputs = await asyncio.gather(
            *(sandbox.exec("echo", [str(number)]) for number in range(30))
        )
        self.assertEqual([int(output.stdout_text) for output in outputs], list(range(30)))

    async def test_lost(self):
        sandbox = await self.create()
        command = await sandbox.exec_stream("sleep", ["100"])
        await command.recv()
        await sandbox.kill()
        with self.assertRaises(MicrosandboxError) as caught:
            await command.recv()
        self.assertEqual(caught.exception.code, "session-lost")


class Logs(Case):
    async def test_logs(self):
        """On the live sandbox and on the handle, the same."""
        sandbox = await self.create()
        await sandbox.shell("echo one; echo two >&2")
        await sandbox.exec("printf", [r"\377"])
        await sandbox.exec("printf", ["three"], tty=True)
        entries = await sandbox.logs()
        self.assertEqual(
            [(entry.source, entry.data) for entry in entries],
            [(LogSource.STDOUT, b"one\n"), (LogSource.STDERR, b"two\n"), (LogSource.STDOUT, b"\xff"),
             (LogSource.OUTPUT, b"three")],
        )
        self.assertEqual([entry.session_id for entry in entries], [1, 1, 2, 3])
        self.assertEqual(entries[0].text(), "one\n")
        await sandbox.stop()
        handle = await Sandbox.get("box")
        self.assertEqual(await handle.logs(), entries)
        self.assertEqual([e.data for e in await handle.logs(tail=1)], [b"three"])
        self.assertEqual([e.data for e in await handle.logs(sources=[LogSource.STDERR])], [b"two\n"])
        everything = await handle.logs(sources=LogSource.ALL)
        self.assertIn(b"sandbox started", b"".join(e.data for e in everything))
        later = entries[-1].timestamp_ms
        self.assertTrue(all(e.timestamp_ms >= later for e in await handle.logs(since_ms=later)))
        self.assertNotIn(b"three", [e.data for e in await handle.logs(until_ms=later)])
        with self.assertRaises(InvalidArgumentError):
            await handle.logs(sources=["nothing"])
        with self.assertRaises(InvalidCursorError):
            await handle.log_stream(from_cursor="nonsense")
        stream = await handle.log_stream(from_cursor=entries[1].cursor)
        self.assertEqual([e.data async for e in stream], [b"\xff", b"three"])

    async def test_follow(self):
        sandbox = await self.create()
        stream = await sandbox.log_stream(follow=True)

        async def read():
            return b"".join([entry.data async for entry in stream])

        reading = asyncio.ensure_future(read())
        await sandbox.exec("echo", ["first"])
        await sandbox.exec("echo", ["second"])
        await sandbox.stop()
        self.assertEqual(await asyncio.wait_for(reading, 10), b"first\nsecond\n")


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


if __name__ == "__main__":
    unittest.main()
