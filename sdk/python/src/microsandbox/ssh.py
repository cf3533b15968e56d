"""SSH for sandboxes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _native
from ._commands import Commands
from ._context import Context, Released
from ._options import ssh_server_options
from .errors import InvalidHandleError, UnsupportedError
from .fs import SandboxFsOps
from .options import AttachOptions, SshServerOptions

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class SshOutput:
    """What a command wrote and how it ended."""

    status: int
    """128 + n for a command that signal n ended."""
    stdout: bytes
    stderr: bytes


class SftpClient:
    """Files of the guest by absolute path, with the names that SFTP has for what is done with them."""

    def __init__(self, files: SandboxFsOps) -> None:
        self._files = files

    async def read(self, path: str) -> bytes:
        """The content of a file."""
        return await self._files.read(path)

    async def write(self, path: str, data: bytes | str) -> None:
        """Makes or replaces a file."""
        await self._files.write(path, data)

    async def mkdir(self, path: str) -> None:
        """Makes a directory."""
        await self._files.mkdir(path)

    async def remove_file(self, path: str) -> None:
        """Deletes a file."""
        await self._files.remove(path)

    async def remove_dir(self, path: str) -> None:
        """Deletes a directory that is empty."""
        await self._files.remove_dir(path, recursive=False)

    async def rename(self, source: str, destination: str) -> None:
        """Gives a file or directory another name."""
        await self._files.rename(source, destination)

    async def real_path(self, path: str) -> str:
        """A path without links, "." and ".."."""
        return await self._files.real_path(path)

    async def read_link(self, path: str) -> str:
        """What a symbolic link has in it."""
        return await self._files.read_link(path)

    async def symlink(self, target: str, path: str) -> None:
        """Makes a symbolic link at ``path``."""
        await self._files.symlink(target, path)

    async def close(self) -> None:
        """Ends the client."""


class SshClient(Context):
    """What an SSH client of the sandbox can do, over the connection that there is: between two ends of
    this package SSH itself would protect nothing."""

    def __init__(self, commands: Commands, user: str, files: SandboxFsOps | None) -> None:
        self._commands: Commands | None = commands
        self._user = user
        self._files = files

    def _open(self) -> Commands:
        if self._commands is None:
            raise InvalidHandleError("the SSH client is closed")
        return self._commands

    async def exec(self, command: str, tty: bool = False) -> SshOutput:
        """Runs a command line of the sandbox's shell and collects what it writes; with ``tty`` all of it
        is stdout. Fails as Sandbox.exec() does.
        """
        output = await self._open().shell(command, user=self._user, tty=tty)
        return SshOutput(output.exit_code, output.stdout_bytes, output.stderr_bytes)

    async def attach(self, **options: Unpack[AttachOptions]) -> int:
        """Gives a shell the terminal of this process: Sandbox.attach_shell()."""
        given: Mapping[str, Any] = {"user": self._user, **options}
        return await self._open().attach_shell(**given)

    async def sftp(self) -> SftpClient:
        """The sandbox's files, as the client's user. UnsupportedError if it was opened without."""
        self._open()
        if self._files is None:
            raise UnsupportedError("the client was opened without SFTP")
        return SftpClient(self._files.as_user(self._user))

    async def close(self) -> None:
        """Ends the client; the sandbox goes on."""
        self._commands = None

    async def _leave(self, failed: bool) -> None:
        await self.close()


class SshServer(Context, Released):
    """Serves clients of SSH, each with a jailed process of its own."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    async def serve_connection(self, input: int = 0, output: int = 1) -> None:
        """Serves one client on these descriptors, which are stdin and stdout as a ProxyCommand wants it,
        and may be the same; returns when it has gone. They stay open.
        """
        await _native.run(
            lambda cancel: _native.call("msb_ssh_server_serve", cancel, self._handle, input, output)
        )

    async def close(self) -> None:
        """Ends the connections that are served."""
        handle, self._handle = self._handle, 0
        if handle:
            await _native.run(lambda _: _native.library().msb_ssh_server_close(handle))

    def _release(self) -> None:
        handle, self._handle = self._handle, 0
        if handle:
            _native.library().msb_ssh_server_close(handle)

    async def _leave(self, failed: bool) -> None:
        await self.close()


class SandboxSshOps:
    """SSH for a sandbox that runs: Sandbox.ssh(). There is no server in the guest."""

    def __init__(
        self, commands: Commands, files: SandboxFsOps, handle: Callable[[], int]
    ) -> None:
        """``handle`` gives the library's handle of the sandbox."""
        self._commands = commands
        self._files = files
        self._handle = handle

    async def open_client(self, user: str = "root", sftp: bool = True) -> SshClient:
        """A client as ``user`` of the guest, a name or number, with ":group" or not."""
        return SshClient(self._commands, user, self._files if sftp else None)

    async def prepare_server(self, **options: Unpack[SshServerOptions]) -> SshServer:
        """Prepares to serve. PermissionDeniedError if no key may enter."""
        encoded = ssh_server_options("prepare_server", options)

        def job(_: int) -> SshServer:
            handle = ctypes.c_uint64()
            _native.call(
                "msb_ssh_server_open", self._handle(), encoded, ctypes.byref(handle)
            )
            return SshServer(handle.value)

        return await _native.run(job)
