"""How the pull of an image goes on while a sandbox is made, and how far a copy is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

from . import _native
from ._context import Context, Released
from ._inbox import Inbox
from .types import PullEvent

Made = TypeVar("Made")

CopyProgress = Callable[[int, int], None]
"""Is told how many bytes of a disk or an archive are done, and how many there are in all; 0: that is not known."""


async def reporting(
    progress: CopyProgress | None,
    job: Callable[[int, int], Made],
    undo: Callable[[Made], None] | None = None,
) -> Made:
    """Runs ``job(cancel, queue)`` in a thread, and passes on what it reports. ``undo`` gets its result if nobody
    else does."""
    if progress is None:
        return await _native.run(lambda cancel: job(cancel, 0), undo)
    native = _native.library()
    queue = native.msb_progress_alloc()

    def next_report(cancel: int) -> Any:
        event = _native.Text()
        _native.call("msb_progress_next", cancel, queue, event)
        return event.take_json()

    async def pass_on() -> None:
        while (event := await _native.run(next_report)) is not None:
            progress(event["done_bytes"], event["total_bytes"])

    reader = asyncio.ensure_future(pass_on())
    try:
        made = await _native.run(lambda cancel: job(cancel, queue), undo)
        await reader
        return made
    finally:
        reader.cancel()  # it still waits if the call failed
        await asyncio.wait([reader])
        native.msb_progress_free(queue)


class PullSession(Context, Released, Generic[Made]):
    """A creation under way. Iterate over ``progress``, then ``await result()``."""

    def __init__(
        self, begin: Callable[[int], Awaitable[Made]], discard: Callable[[Made], None]
    ) -> None:
        """``begin`` makes it and reports to the queue of this number; ``discard`` undoes that."""
        self._begin = begin
        self._discard = discard
        self._queue = _native.library().msb_progress_alloc()
        self._inbox: Inbox[dict[str, Any] | None] = Inbox()
        self._task: asyncio.Future[Made] | None = None
        self._taken = False

    def _start(self) -> asyncio.Future[Made]:
        if self._task is None:
            self._task = asyncio.ensure_future(self._begin(self._queue))
        return self._task

    @property
    def progress(self) -> AsyncIterator[PullEvent]:
        """What is reported, until the sandbox is made or could not be."""
        return self._events()

    async def _events(self) -> AsyncIterator[PullEvent]:
        self._start()

        def job(cancel: int) -> Any:
            event = _native.Text()
            _native.call("msb_progress_next", cancel, self._queue, event)
            return event.take_json()

        while (event := await self._inbox.take(job)) is not None:
            yield PullEvent(event.pop("event"), **event)

    async def result(self) -> Made:
        """The sandbox, once. Raises what Sandbox.create() does."""
        if self._taken:
            raise RuntimeError("the result was taken already")
        self._taken = True
        return await self._start()

    async def __aenter__(self) -> PullSession[Made]:
        self._start()
        return self

    async def _leave(self, failed: bool) -> None:
        task = self._task
        if task is not None and not self._taken:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                made = task.result()
                await _native.run(lambda _: self._discard(made))

    def _release(self) -> None:
        _native.library().msb_progress_free(self._queue)
