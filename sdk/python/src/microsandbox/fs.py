"""Files of the guest."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _native
from .types import FsEntryKind

if TYPE_CHECKING:
    from .sandbox import Sandbox


@dataclass(frozen=True)
class FsEntry:
    path: str
    kind: FsEntryKind
    size: int
    mode: int
    uid: int
    gid: int
    accessed: float | None
    """Unix time in milliseconds, as ``modified``."""
    modified: float | None

    @property
    def readonly(self) -> bool:
        return self.mode & 0o222 == 0


def _entry(item: dict[str, Any]) -> FsEntry:
    kind = "directory" if item["kind"] == "dir" else item["kind"]
    return FsEntry(
        item["path"], FsEntryKind(kind), item["size"], item["mode"], item["uid"], item["gid"],
        item["accessed_ms"], item["modified_ms"],
    )


class SandboxFsOps:
    """Paths are absolute. ``user`` (USER[:GROUP]) is who acts; without, root."""

    def __init__(self, sandbox: Sandbox, user: str | None = None) -> None:
        self._sandbox = sandbox
        self._user = user

    def as_user(self, user: str) -> SandboxFsOps:
        return SandboxFsOps(self._sandbox, user)

    def _options(self, **options: Any) -> bytes:
        return _native.encode({"user": self._user, **options})

    async def _perform(self, function: str, *paths: str | Path, **options: Any) -> None:
        encoded = self._options(**options)
        names = [str(path).encode() for path in paths]
        await _native.run(
            lambda cancel: _native.call(function, cancel, self._sandbox._handle, *names, encoded)
        )

    async def _ask(self, function: str, path: str, **options: Any) -> Any:
        encoded = self._options(**options)

        def job(cancel: int) -> Any:
            result = _native.Text()
            _native.call(function, cancel, self._sandbox._handle, path.encode(), encoded, result)
            return result.take_json()

        return await _native.run(job)

    async def read(self, path: str, max_bytes: int | None = None) -> bytes:
        """LimitExceededError for a file of more than ``max_bytes`` (256 MiB)."""
        encoded = self._options(max_bytes=max_bytes)

        def job(cancel: int) -> bytes:
            data = _native.Bytes()
            _native.call(
                "msb_fs_read", cancel, self._sandbox._handle, path.encode(), encoded, data.data,
                data.size,
            )
            return data.take()

        return await _native.run(job)

    async def read_text(self, path: str) -> str:
        return (await self.read(path)).decode()

    async def write(self, path: str, data: bytes | str, mode: int | None = None) -> None:
        """Makes or replaces it; its directory must exist."""
        content = data.encode() if isinstance(data, str) else bytes(data)
        encoded = self._options(mode=mode)
        await _native.run(
            lambda cancel: _native.call(
                "msb_fs_write", cancel, self._sandbox._handle, path.encode(), encoded, content,
                len(content),
            )
        )

    async def list(self, path: str) -> list[FsEntry]:
        """One level."""
        return [_entry(item) for item in await self._ask("msb_fs_list", path)]

    async def stat(self, path: str, follow: bool = True) -> FsEntry:
        return _entry(await self._ask("msb_fs_stat", path, follow=follow))

    async def exists(self, path: str) -> bool:
        return bool((await self._ask("msb_fs_exists", path))["exists"])

    async def mkdir(self, path: str, mode: int | None = None) -> None:
        """With missing parents."""
        await self._perform("msb_fs_mkdir", path, mode=mode)

    async def remove(self, path: str) -> None:
        """A file."""
        await self._perform("msb_fs_remove", path)

    async def remove_dir(self, path: str, recursive: bool = True) -> None:
        await self._perform("msb_fs_remove_dir", path, recursive=recursive)

    async def copy(self, source: str, destination: str) -> None:
        """A file."""
        await self._perform("msb_fs_copy", source, destination)

    async def rename(self, source: str, destination: str) -> None:
        await self._perform("msb_fs_rename", source, destination)

    async def copy_from_host(self, host: str | Path, guest: str) -> None:
        """A file."""
        await self._perform("msb_fs_copy_from_host", host, guest)

    async def copy_to_host(self, guest: str, host: str | Path) -> None:
        """A file."""
        await self._perform("msb_fs_copy_to_host", guest, host)

    async def _open(self, function: str, path: str, encoded: bytes) -> int:
        def job(cancel: int) -> int:
            stream = ctypes.c_uint64()
            _native.call(
                function, cancel, self._sandbox._handle, path.encode(), encoded,
                ctypes.byref(stream),
            )
            return stream.value

        return await _native.run(job, _close)

    async def read_stream(self, path: str) -> FsReadStream:
        """Iterate over it for pieces of the file."""
        return FsReadStream(await self._open("msb_fs_read_stream", path, self._options()))

    async def write_stream(self, path: str, mode: int | None = None) -> FsWriteStream:
        """``close()`` it: what was written is complete only then. ``async with`` does that."""
        encoded = self._options(mode=mode)
        return FsWriteStream(await self._open("msb_fs_write_stream", path, encoded))


def _close(stream: int) -> None:
    if stream:
        _native.library().msb_fs_stream_close(stream)


class FsReadStream(AsyncIterator[bytes]):
    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._held: deque[bytes] = deque()  # came when nobody waited any more

    async def recv(self) -> bytes | None:
        def job(cancel: int) -> bytes:
            data = _native.Bytes()
            _native.call("msb_fs_read_stream_recv", cancel, self._stream, data.data, data.size)
            return data.take()

        held = self._held.popleft() if self._held else None
        return (held or await _native.run(job, self._held.append)) or None

    def __aiter__(self) -> FsReadStream:
        return self

    async def __anext__(self) -> bytes:
        piece = await self.recv()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def collect(self) -> bytes:
        return b"".join([piece async for piece in self])

    def close(self) -> None:
        stream, self._stream = self._stream, 0
        _close(stream)

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # the interpreter may be half gone
            pass


class FsWriteStream:
    def __init__(self, stream: int) -> None:
        self._stream = stream

    async def write(self, data: bytes | str) -> None:
        content = data.encode() if isinstance(data, str) else bytes(data)
        await _native.run(
            lambda cancel: _native.call(
                "msb_fs_write_stream_write", cancel, self._stream, content, len(content)
            )
        )

    async def close(self) -> None:
        """The file is complete."""
        if self._stream:
            await _native.run(
                lambda cancel: _native.call("msb_fs_write_stream_finish", cancel, self._stream)
            )
            self.abandon()

    def abandon(self) -> None:
        """What was written may be incomplete."""
        stream, self._stream = self._stream, 0
        _close(stream)

    async def __aenter__(self) -> FsWriteStream:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            await self.close()
        else:
            self.abandon()

    def __del__(self) -> None:
        try:
            self.abandon()
        except Exception:  # the interpreter may be half gone
            pass
