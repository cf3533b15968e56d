"""What commands wrote."""

import asyncio

from microsandbox import InvalidArgumentError, InvalidCursorError, LogSource, Sandbox
from sandbox_case import Case


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
