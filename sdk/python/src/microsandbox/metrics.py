"""What sandboxes use."""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from . import _native
from ._context import Released
from ._inbox import Inbox


@dataclass(frozen=True)
class Stall:
    """Time that tasks of the guest have waited for a resource so far."""

    some_us: int
    """In which some of them waited."""
    full_us: int
    """In which all of them did."""


@dataclass(frozen=True)
class SandboxMetrics:
    """A sample of what a sandbox uses. What is not known is None."""

    cpu_percent: float
    """Since the sample before; 100 is one CPU."""
    vcpu_time_ns: int
    memory_bytes: int
    memory_available_bytes: int | None
    memory_host_resident_bytes: int | None
    memory_limit_bytes: int
    disk_read_bytes: int
    disk_write_bytes: int
    net_rx_bytes: int
    net_tx_bytes: int
    upper_used_bytes: int | None
    upper_free_bytes: int | None
    upper_host_allocated_bytes: int | None
    uptime_ms: int
    timestamp_ms: int
    """Unix time."""
    state: str
    """"running", or "stalled" if the sample is old."""
    cpus: int
    processes: int | None
    """Processes and threads, without those of the guest's kernel."""
    sessions: int | None
    restarts: int
    cpu_stall: Stall | None
    memory_stall: Stall | None
    io_stall: Stall | None


def _stall(item: dict[str, int] | None) -> Stall | None:
    return None if item is None else Stall(item["some_us"], item["full_us"])


def _metrics(item: dict[str, Any]) -> SandboxMetrics:
    stalls = {key: _stall(item[key]) for key in ("cpu_stall", "memory_stall", "io_stall")}
    others = {
        key: item[key] for key in SandboxMetrics.__dataclass_fields__ if key not in stalls
    }
    return SandboxMetrics(**others, **stalls)


async def read_metrics(name: str) -> SandboxMetrics:
    def job(_: int) -> SandboxMetrics:
        text = _native.Text()
        _native.call("msb_sandbox_metrics", name.encode(), text)
        return _metrics(text.take_json())

    return await _native.run(job)


async def all_sandbox_metrics() -> dict[str, SandboxMetrics]:
    """The last sample of every sandbox that runs, by name."""

    def job(_: int) -> dict[str, SandboxMetrics]:
        text = _native.Text()
        _native.call("msb_all_sandbox_metrics", text)
        return {name: _metrics(item) for name, item in text.take_json()["sandboxes"].items()}

    return await _native.run(job)


class MetricsStream(Released, AsyncIterator[SandboxMetrics]):
    """Samples, one by one, until the sandbox's run is over."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._inbox: Inbox[SandboxMetrics | None] = Inbox()

    @classmethod
    async def open(cls, name: str, interval: float) -> MetricsStream:
        """What Sandbox.metrics_stream() does, for a sandbox by its name."""
        options = _native.encode({"interval_ms": int(interval * 1000)})

        def job(_: int) -> MetricsStream:
            handle = ctypes.c_uint64()
            _native.call("msb_metrics_stream_open", name.encode(), options, ctypes.byref(handle))
            return cls(handle.value)

        return await _native.run(job, MetricsStream.close)

    async def recv(self) -> SandboxMetrics | None:
        """The next sample; None when the run is over. A call that is cancelled loses nothing."""

        def job(cancel: int) -> SandboxMetrics | None:
            text = _native.Text()
            _native.call("msb_metrics_stream_recv", cancel, self._handle, text)
            item = text.take_json()
            return None if item is None else _metrics(item)

        return await self._inbox.take(job)

    def __aiter__(self) -> MetricsStream:
        return self

    async def __anext__(self) -> SandboxMetrics:
        sample = await self.recv()
        if sample is None:
            raise StopAsyncIteration
        return sample

    def close(self) -> None:
        """Ends the stream."""
        handle, self._handle = self._handle, 0
        if handle:
            _native.library().msb_metrics_stream_close(handle)

    def _release(self) -> None:
        self.close()
