"""What commands wrote."""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator, Iterable
from typing import Any

from . import _native
from ._context import Released
from ._inbox import Inbox
from .types import LogEntry, LogSource

Sources = Iterable[LogSource | str] | LogSource | str | None


def _options(sources: Sources, **others: Any) -> bytes:
    if isinstance(sources, (str, LogSource)):
        sources = [sources]
    names = None if sources is None else [str(source) for source in sources]
    for key in ("since_ms", "until_ms"):
        if others.get(key) is not None:
            others[key] = int(others[key])
    return _native.encode({"sources": names, **others})


def _entry(item: dict[str, Any], data: bytes) -> LogEntry:
    return LogEntry(
        float(item["timestamp_ms"]), LogSource(item["source"]), item["session_id"], data,
        item["cursor"],
    )


async def read_logs(
    name: str,
    tail: int | None,
    since_ms: float | None,
    until_ms: float | None,
    sources: Sources,
) -> list[LogEntry]:
    options = _options(sources, tail=tail, since_ms=since_ms, until_ms=until_ms)

    def job(_: int) -> list[LogEntry]:
        text, data = _native.Text(), _native.Bytes()
        _native.call("msb_sandbox_logs", name.encode(), options, text, data.data, data.size)
        content = data.take()
        return [
            _entry(item, content[item["offset"] : item["offset"] + item["size"]])
            for item in text.take_json()
        ]

    return await _native.run(job)


class LogStream(Released, AsyncIterator[LogEntry]):
    """Log entries, one by one; with ``follow`` until the sandbox stops."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._inbox: Inbox[LogEntry | None] = Inbox()

    @classmethod
    async def open(
        cls,
        name: str,
        sources: Sources,
        since_ms: float | None,
        from_cursor: str | None,
        until_ms: float | None,
        follow: bool,
    ) -> LogStream:
        """What Sandbox.log_stream() does, for a sandbox by its name."""
        options = _options(
            sources, since_ms=since_ms, until_ms=until_ms, from_cursor=from_cursor, follow=follow
        )

        def job(_: int) -> LogStream:
            handle = ctypes.c_uint64()
            _native.call("msb_log_stream_open", name.encode(), options, ctypes.byref(handle))
            return cls(handle.value)

        return await _native.run(job, LogStream.close)

    async def recv(self) -> LogEntry | None:
        """The next entry; None after the last. MissedRotationError, once, if entries were lost before they
        were read. A call that is cancelled loses nothing."""

        def job(cancel: int) -> LogEntry | None:
            text, data = _native.Text(), _native.Bytes()
            _native.call("msb_log_stream_recv", cancel, self._handle, text, data.data, data.size)
            item = text.take_json()
            return None if item is None else _entry(item, data.take())

        return await self._inbox.take(job)

    def __aiter__(self) -> LogStream:
        return self

    async def __anext__(self) -> LogEntry:
        entry = await self.recv()
        if entry is None:
            raise StopAsyncIteration
        return entry

    def close(self) -> None:
        """Ends the stream."""
        handle, self._handle = self._handle, 0
        if handle:
            _native.library().msb_log_stream_close(handle)

    def _release(self) -> None:
        self.close()
