"""Files of directory volumes, without a sandbox."""

from __future__ import annotations

from . import _native
from .errors import PathNotFoundError
from .fs import FsEntries, FsEntry, _entry


class VolumeFs:
    """The files of a directory volume: VolumeHandle.fs(). Paths are from its root, and links that sandboxes have made lead
    within it. Errors of all: VolumeNotFoundError, PathNotFoundError, FilesystemError; UnsupportedError of a disk."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()

    async def read(self, path: str) -> bytes:
        """The content of a file, up to 256 MiB."""

        def job(_: int) -> bytes:
            data = _native.Bytes()
            _native.call("msb_volume_fs_read", self._name, path.encode(), data.data, data.size)
            return data.take()

        return await _native.run(job)

    async def read_text(self, path: str) -> str:
        """The content of a file as text. UnicodeDecodeError if it is not UTF-8."""
        return (await self.read(path)).decode()

    async def write(self, path: str, data: bytes | str) -> None:
        """Makes or replaces a file, with the directories that are missing; who opens it sees the old or the new content."""
        content = data.encode() if isinstance(data, str) else bytes(data)
        await self._call("msb_volume_fs_write", path.encode(), content, len(content))

    async def stat(self, path: str) -> FsEntry:
        """What a path leads to; of a symbolic link the link itself."""
        return _entry(await _native.ask("msb_volume_fs_stat", self._name, path.encode()))

    async def exists(self, path: str) -> bool:
        """Whether there is something at a path."""
        try:
            await self.stat(path)
        except PathNotFoundError:
            return False
        return True

    async def list(self, path: str = "/") -> FsEntries:
        """What a directory has in it, one level, by name."""
        return [_entry(item) for item in await _native.ask("msb_volume_fs_list", self._name, path.encode())]

    async def mkdir(self, path: str) -> None:
        """Makes a directory, with the parents that are missing."""
        await self._call("msb_volume_fs_mkdir", path.encode())

    async def remove_file(self, path: str) -> None:
        """Removes a file, or a directory that is empty."""
        await self._call("msb_volume_fs_remove", path.encode(), _native.encode({}))

    remove = remove_file

    async def remove_dir(self, path: str) -> None:
        """Removes a directory with what is in it, but not the volume's root."""
        await self._call("msb_volume_fs_remove", path.encode(), _native.encode({"recursive": True}))

    async def copy(self, source: str, target: str) -> None:
        """Copies a single file within the volume."""
        await self._call("msb_volume_fs_copy", source.encode(), target.encode())

    async def rename(self, source: str, target: str) -> None:
        """Gives a file or directory another path."""
        await self._call("msb_volume_fs_rename", source.encode(), target.encode())

    async def _call(self, function: str, *arguments: bytes | int) -> None:
        await _native.run(lambda _: _native.call(function, self._name, *arguments))
