"""Files of the guest."""

from __future__ import annotations

import ctypes
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _native
from ._context import Context, Released
from ._inbox import Inbox
from .types import FsEntryKind


@dataclass(frozen=True)
class FsEntry:
    """A file, a directory, or whatever else a path leads to."""

    path: str
    """Absolute."""
    kind: FsEntryKind
    size: int
    """In bytes."""
    mode: int
    """Permissions."""
    uid: int
    gid: int
    accessed: float | None
    """When it was last read: Unix time in milliseconds; None if that is not known."""
    modified: float | None
    """When its content was last changed: Unix time in milliseconds; None if that is not known."""

    @property
    def readonly(self) -> bool:
        """Whether nobody has the permission to write."""
        return self.mode & 0o222 == 0


def _entry(item: dict[str, Any]) -> FsEntry:
    kind = "directory" if item["kind"] == "dir" else item["kind"]
    return FsEntry(
        item["path"], FsEntryKind(kind), item["size"], item["mode"], item["uid"], item["gid"],
        item["accessed_ms"], item["modified_ms"],
    )


FsEntries = list[FsEntry]  # inside of SandboxFsOps, list is another thing


class SandboxFsOps:
    """The files of a sandbox that runs, by absolute path. Errors of all: PathNotFoundError,
    FilesystemError with an errno, SessionLostError if the sandbox ended."""

    def __init__(self, sandbox: Callable[[], int], user: str | None = None) -> None:
        """``sandbox`` gives the library's handle, which is 0 when the connection is closed."""
        self._sandbox = sandbox
        self._user = user

    def as_user(self, user: str) -> SandboxFsOps:
        """The files of the guest, with ``user`` (USER[:GROUP], names or numbers) acting in place of root."""
        return SandboxFsOps(self._sandbox, user)

    def _options(self, **options: Any) -> bytes:
        return _native.encode({"user": self._user, **options})

    async def _perform(self, function: str, *paths: str | Path, **options: Any) -> None:
        encoded = self._options(**options)
        names = [str(path).encode() for path in paths]
        await _native.run(
            lambda cancel: _native.call(function, cancel, self._sandbox(), *names, encoded)
        )

    async def _ask(self, function: str, path: str, **options: Any) -> Any:
        encoded = self._options(**options)

        def job(cancel: int) -> Any:
            result = _native.Text()
            _native.call(function, cancel, self._sandbox(), path.encode(), encoded, result)
            return result.take_json()

        return await _native.run(job)

    async def read(self, path: str, max_bytes: int | None = None) -> bytes:
        """The content of a file. LimitExceededError if it has more than ``max_bytes`` (256 MiB)."""
        encoded = self._options(max_bytes=max_bytes)

        def job(cancel: int) -> bytes:
            data = _native.Bytes()
            _native.call(
                "msb_fs_read", cancel, self._sandbox(), path.encode(), encoded, data.data,
                data.size,
            )
            return data.take()

        return await _native.run(job)

    async def read_text(self, path: str) -> str:
        """The content of a file as text, up to 256 MiB. UnicodeDecodeError if it is not UTF-8."""
        return (await self.read(path)).decode()

    async def write(self, path: str, data: bytes | str, mode: int | None = None) -> None:
        """Makes or replaces a file, with permissions ``mode`` (0o644). Its directory must exist."""
        content = data.encode() if isinstance(data, str) else bytes(data)
        encoded = self._options(mode=mode)
        await _native.run(
            lambda cancel: _native.call(
                "msb_fs_write", cancel, self._sandbox(), path.encode(), encoded, content,
                len(content),
            )
        )

    async def list(self, path: str) -> FsEntries:
        """What a directory has in it, one level."""
        return [_entry(item) for item in await self._ask("msb_fs_list", path)]

    async def stat(self, path: str, follow: bool = True) -> FsEntry:
        """What a path leads to; without ``follow``, of a symbolic link the link itself."""
        return _entry(await self._ask("msb_fs_stat", path, follow=follow))

    async def exists(self, path: str) -> bool:
        """Whether a path leads to something."""
        return bool((await self._ask("msb_fs_exists", path))["exists"])

    async def mkdir(self, path: str, mode: int | None = None) -> None:
        """Makes a directory, with the parents that are missing."""
        await self._perform("msb_fs_mkdir", path, mode=mode)

    async def remove(self, path: str) -> None:
        """Deletes a file."""
        await self._perform("msb_fs_remove", path)

    async def remove_dir(self, path: str, recursive: bool = True) -> None:
        """Deletes a directory: with all that is in it, or only if it is empty."""
        await self._perform("msb_fs_remove_dir", path, recursive=recursive)

    async def symlink(self, target: str, path: str) -> None:
        """Makes a symbolic link at ``path``; what it leads to need not be there."""
        await self._perform("msb_fs_symlink", target, path)

    async def read_link(self, path: str) -> str:
        """What a symbolic link has in it."""
        return str((await self._ask("msb_fs_read_link", path))["target"])

    async def real_path(self, path: str) -> str:
        """A path without links, "." and ".."."""
        return str((await self._ask("msb_fs_real_path", path))["path"])

    async def copy(self, source: str, destination: str) -> None:
        """Copies a file within the guest."""
        await self._perform("msb_fs_copy", source, destination)

    async def rename(self, source: str, destination: str) -> None:
        """Gives a file or directory another path."""
        await self._perform("msb_fs_rename", source, destination)

    async def copy_from_host(self, host: str | Path, guest: str) -> None:
        """Copies a file of the host, read as the user of this process, into the guest."""
        await self._perform("msb_fs_copy_from_host", host, guest)

    async def copy_to_host(self, guest: str, host: str | Path) -> None:
        """Copies a file of the guest to the host, made or replaced as the user of this process."""
        await self._perform("msb_fs_copy_to_host", guest, host)

    async def _open(self, function: str, path: str, encoded: bytes) -> int:
        def job(cancel: int) -> int:
            stream = ctypes.c_uint64()
            _native.call(
                function, cancel, self._sandbox(), path.encode(), encoded,
                ctypes.byref(stream),
            )
            return stream.value

        return await _native.run(job, _close)

    async def read_stream(self, path: str) -> FsReadStream:
        """Opens a file; iterate over what is returned for its pieces."""
        return FsReadStream(await self._open("msb_fs_read_stream", path, self._options()))

    async def write_stream(self, path: str, mode: int | None = None) -> FsWriteStream:
        """Makes or replaces a file, to be written piece by piece. What was written is complete only when
        ``close()`` of what is returned has succeeded; ``async with`` does that."""
        encoded = self._options(mode=mode)
        return FsWriteStream(await self._open("msb_fs_write_stream", path, encoded))


def _close(stream: int) -> None:
    if stream:
        _native.library().msb_fs_stream_close(stream)


class FsReadStream(Released, AsyncIterator[bytes]):
    """The content of a file, piece by piece."""

    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._inbox: Inbox[bytes] = Inbox()

    async def recv(self) -> bytes | None:
        """The next piece; None at the end of the file. A call that is cancelled loses nothing."""

        def job(cancel: int) -> bytes:
            data = _native.Bytes()
            _native.call("msb_fs_read_stream_recv", cancel, self._stream, data.data, data.size)
            return data.take()

        return await self._inbox.take(job) or None

    def __aiter__(self) -> FsReadStream:
        return self

    async def __anext__(self) -> bytes:
        piece = await self.recv()
        if piece is None:
            raise StopAsyncIteration
        return piece

    async def collect(self) -> bytes:
        """What has not been read of the file."""
        return b"".join([piece async for piece in self])

    def close(self) -> None:
        """Ends the stream."""
        stream, self._stream = self._stream, 0
        _close(stream)

    def _release(self) -> None:
        self.close()


class FsWriteStream(Context, Released):
    """A file that is written piece by piece."""

    def __init__(self, stream: int) -> None:
        self._stream = stream

    async def write(self, data: bytes | str) -> None:
        """Writes all of it. How much of it a call that is cancelled has written is not known."""
        content = data.encode() if isinstance(data, str) else bytes(data)
        await _native.run(
            lambda cancel: _native.call(
                "msb_fs_write_stream_write", cancel, self._stream, content, len(content)
            )
        )

    async def close(self) -> None:
        """Completes the file. A call that was cancelled can be made again."""
        if self._stream:
            await _native.run(
                lambda cancel: _native.call("msb_fs_write_stream_finish", cancel, self._stream)
            )
            self.abandon()

    def abandon(self) -> None:
        """Ends the stream without completing the file."""
        stream, self._stream = self._stream, 0
        _close(stream)

    async def _leave(self, failed: bool) -> None:
        if failed:
            self.abandon()
        else:
            await self.close()

    def _release(self) -> None:
        self.abandon()
