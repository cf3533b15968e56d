"""What sandboxes use."""

import asyncio

from microsandbox import (
    MetricsDisabledError, MetricsUnavailableError, Sandbox, all_sandbox_metrics,
)
from sandbox_case import Case


class Metrics(Case):
    async def test_metrics(self):
        """One, all, and a stream of them, on the live sandbox and the handle."""
        sandbox = await self.create(memory=256)
        stream = await sandbox.metrics_stream(interval=0.2)
        first = await stream.recv()
        self.assertEqual((first.state, first.cpus, first.memory_limit_bytes), ("running", 1, 256 << 20))
        self.assertGreater(first.memory_bytes, 0)
        self.assertGreater(first.timestamp_ms, 1_600_000_000_000)
        second = await stream.recv()
        self.assertGreater(second.timestamp_ms, first.timestamp_ms)
        self.assertGreaterEqual(second.vcpu_time_ns, first.vcpu_time_ns)
        handle = await Sandbox.get("box")
        self.assertGreaterEqual((await handle.metrics()).timestamp_ms, second.timestamp_ms)
        self.assertEqual(list(await all_sandbox_metrics()), ["box"])

        waiting = asyncio.ensure_future(stream.recv())
        await asyncio.sleep(0)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await sandbox.stop()
        while await stream.recv() is not None:
            pass
        self.assertIsNone(await stream.recv())
        with self.assertRaises(MetricsUnavailableError):
            await handle.metrics()
        self.assertEqual(await all_sandbox_metrics(), {})

    async def test_none_are_taken(self):
        sandbox = await self.create(disable_metrics_sample=True)
        with self.assertRaises(MetricsDisabledError):
            await sandbox.metrics()
        with self.assertRaises(MetricsDisabledError):
            await sandbox.metrics_stream()
