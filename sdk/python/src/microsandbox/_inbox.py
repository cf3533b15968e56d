"""Reads of a stream, of which none is lost with a task that is cancelled."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from . import _native
from .errors import CancelledError, MicrosandboxError

T = TypeVar("T")


class Inbox(Generic[T]):
    """Keeps what came when nobody waited any more, errors too, for the next read."""

    def __init__(self) -> None:
        self._held: deque[Callable[[], T]] = deque()

    def __bool__(self) -> bool:
        return bool(self._held)

    async def take(self, read: Callable[[int], T]) -> T:
        """The next result: one that is kept, or that of ``read(cancel)``."""

        def job(cancel: int) -> Callable[[], T]:
            try:
                value = read(cancel)
            except CancelledError:
                raise  # nothing was read
            except MicrosandboxError as error:
                failure = error

                def fail() -> T:
                    raise failure

                return fail
            return lambda: value

        result = self._held.popleft() if self._held else await _native.run(job, self._held.append)
        return result()
