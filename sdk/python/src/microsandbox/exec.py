"""Commands that run."""

from __future__ import annotations

import ctypes
import signal as _signal
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from . import _native
from ._context import Context, Released
from ._inbox import Inbox
from .errors import ExecFailedError, SessionLostError
from .types import ExecEvent, ExecEventType, ExecFailure, ExecOutput


def _take_event(text: _native.Text, data: _native.Bytes) -> ExecEvent | None:
    event = text.take_json()
    kind = event["event"]
    if kind == "done":
        return None
    event_type = ExecEventType(kind)
    if event_type in (ExecEventType.STDOUT, ExecEventType.STDERR):
        return ExecEvent(event_type, data=data.take())
    if event_type is ExecEventType.STARTED:
        return ExecEvent(event_type, pid=event["pid"])
    if event_type is ExecEventType.EXITED:
        return ExecEvent(event_type, code=event["exit_code"], signal=event["signal"])
    error = ExecFailure(
        event.get("exec_kind"), event["errno"], event["errno_name"], event["message"],
        event.get("stage"),
    )
    return ExecEvent(event_type, data=error.message.encode(), code=error.errno, error=error)


class ExecSink:
    """The input of a command."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    async def write(self, data: bytes | bytearray | memoryview | str) -> None:
        """Writes all of it. Returns when there is room for more: read the command's output meanwhile."""
        content = data.encode() if isinstance(data, str) else bytes(data)
        await _native.run(
            lambda cancel: _native.call(
                "msb_exec_stdin_write", cancel, self._handle, content, len(content)
            )
        )

    async def close(self) -> None:
        """The command sees the end of input. (Of a terminal, write b"\\x04" for that.)"""
        await _native.run(
            lambda cancel: _native.call("msb_exec_stdin_close", cancel, self._handle)
        )


class ExecHandle(Context, Released, AsyncIterator[ExecEvent]):
    """A command that was started by ``exec_stream`` or ``shell_stream``.

    Iterate over it for its events. Its input and output move only while a call waits for it: a program
    that does not read holds the command up, as a pipe does. Leaving
    ``async with``, or dropping the handle, ends a command that still runs.
    """

    def __init__(self, handle: int, sink: bool) -> None:
        self._handle = handle
        self._sink = ExecSink(handle) if sink else None
        self._end: ExecEvent | None = None
        self._inbox: Inbox[ExecEvent | None] = Inbox()

    def take_stdin(self) -> ExecSink | None:
        """The command's input, the first time; None later, and without ``stdin=Stdin.pipe()``."""
        sink, self._sink = self._sink, None
        return sink

    async def recv(self) -> ExecEvent | None:
        """The next event; None after EXITED or FAILED. A call that is cancelled loses nothing.
        ExecTimeoutError, SessionLostError."""

        def job(cancel: int) -> ExecEvent | None:
            text, data = _native.Text(), _native.Bytes()
            _native.call("msb_exec_recv", cancel, self._handle, text, data.data, data.size)
            return _take_event(text, data)

        event = await self._inbox.take(job)
        if event and event.event_type in (ExecEventType.EXITED, ExecEventType.FAILED):
            self._end = event
        return event

    def __aiter__(self) -> ExecHandle:
        return self

    async def __anext__(self) -> ExecEvent:
        event = await self.recv()
        if event is None:
            raise StopAsyncIteration
        return event

    async def wait(self) -> tuple[int, bool]:
        """Waits for the command's end and drops what it still writes: (exit code, success)."""
        while self._end is None and await self.recv() is not None:
            pass
        end = self._end
        if end is None or end.event_type is ExecEventType.FAILED:
            raise _failed(end)
        return end.code or 0, end.code == 0

    async def collect(self) -> ExecOutput:
        """Waits for the command's end and collects what it still writes, up to 256 MiB."""

        def job(cancel: int) -> ExecOutput:
            return collected(
                lambda result, out, err: _native.call(
                    "msb_exec_collect", cancel, self._handle, None, result, out.data, out.size,
                    err.data, err.size,
                )
            )

        out, err = b"", b""
        while self._inbox:
            event = await self.recv()
            if event is None:
                break
            if event.event_type is ExecEventType.STDOUT:
                out += event.data or b""
            elif event.event_type is ExecEventType.STDERR:
                err += event.data or b""
            elif event.event_type is ExecEventType.EXITED:
                return ExecOutput(event.code or 0, out, err, event.signal)
            elif event.event_type is ExecEventType.FAILED:
                raise _failed(event)
        rest = await _native.run(job)
        return replace(rest, stdout_bytes=out + rest.stdout_bytes, stderr_bytes=err + rest.stderr_bytes)

    async def signal(self, number: int) -> None:
        """Sends a signal, by its number, to the command's process group."""
        await _native.run(
            lambda cancel: _native.call("msb_exec_signal", cancel, self._handle, number)
        )

    async def kill(self) -> None:
        """Kills the command's process group."""
        await self.signal(_signal.SIGKILL)

    async def resize(self, rows: int, cols: int) -> None:
        """Changes the size of the command's terminal."""
        await _native.run(
            lambda cancel: _native.call("msb_exec_resize", cancel, self._handle, rows, cols)
        )

    def close(self) -> None:
        """Ends the command if it still runs."""
        handle, self._handle = self._handle, 0
        if handle:
            _native.library().msb_exec_close(handle)

    async def _leave(self, failed: bool) -> None:
        self.close()

    def _release(self) -> None:
        self.close()


def _failed(event: ExecEvent | None) -> Exception:
    error = event.error if event else None
    if error is None:
        return SessionLostError("the command's end is not known")
    return ExecFailedError(
        error.message,
        {"kind": "exec_failed", "exec_kind": error.kind, "errno": error.errno,
         "errno_name": error.errno_name, "stage": error.stage},
    )


def collected(call: Any) -> ExecOutput:
    result, out, err = _native.Text(), _native.Bytes(), _native.Bytes()
    call(result, out, err)
    end = result.take_json()
    return ExecOutput(end["exit_code"], out.take(), err.take(), end["signal"])


def started(call: Any) -> int:
    handle = ctypes.c_uint64()
    call(ctypes.byref(handle))
    return handle.value
