"""What objects that have to be closed have in common."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self


class Context:
    """``async with``: at its end ``_leave()``."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._leave(failed=kind is not None)

    async def _leave(self, failed: bool) -> None:
        raise NotImplementedError


class Released:
    """``_release()`` when nobody has the object any more, if it was not called before."""

    def _release(self) -> None:
        raise NotImplementedError

    def __del__(self) -> None:
        try:
            self._release()
        except Exception:  # the interpreter may be half gone
            pass
