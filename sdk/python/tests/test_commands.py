"""Commands."""

import asyncio
import os
import signal
import time

from microsandbox import (
    ExecEventType,
    ExecFailedError,
    ExecTimeoutError,
    InvalidHandleError,
    LimitExceededError,
    MicrosandboxError,
    Rlimit,
    Stdin,
)
from sandbox_case import Case


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
