"""Starting commands in a sandbox that one is connected to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _native
from ._options import attach_options, exec_options
from .exec import ExecHandle, collected, started
from .options import AttachOptions, ExecOptions, StreamOptions
from .types import ExecOutput, Stdin

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Commands:
    """Running commands in a sandbox. Errors of all: ExecFailedError if the command could not start,
    ExecTimeoutError, SessionLostError if the sandbox ended; of those that collect output
    LimitExceededError. A command that ran and ended in failure is a result."""

    _handle: int

    async def exec(
        self,
        cmd: str,
        args: Sequence[str] | Mapping[str, Any] | None = None,
        **options: Unpack[ExecOptions],
    ) -> ExecOutput:
        """Runs a program, without a shell, and collects what it writes (at most 256 MiB unless
        ``max_output_bytes`` says otherwise). After ``timeout`` seconds it is killed.
        """
        return await self._exec(cmd, *exec_options("exec", args, options))

    async def shell(self, script: str, **options: Unpack[ExecOptions]) -> ExecOutput:
        """Runs a script of the sandbox's shell, and collects what it writes (at most 256 MiB unless
        ``max_output_bytes`` says otherwise). After ``timeout`` seconds it is killed.
        """
        return await self._exec(script, *exec_options("shell", None, options, shell=True))

    async def exec_default(self, **options: Unpack[ExecOptions]) -> ExecOutput:
        """Runs the sandbox's own command, its entrypoint and cmd, and collects what it writes.
        NoDefaultCommandError if it has neither.
        """
        return await self._exec(None, *exec_options("exec_default", None, options))

    async def exec_stream(
        self,
        cmd: str,
        args: Sequence[str] | Mapping[str, Any] | None = None,
        **options: Unpack[StreamOptions],
    ) -> ExecHandle:
        """Starts a program, without a shell; iterate over what is returned for what it does."""
        chosen = exec_options("exec_stream", args, options, streams=True)
        return await self._exec_stream(cmd, *chosen)

    async def shell_stream(self, script: str, **options: Unpack[StreamOptions]) -> ExecHandle:
        """Starts a script of the sandbox's shell; iterate over what is returned for what it does."""
        chosen = exec_options("shell_stream", None, options, shell=True, streams=True)
        return await self._exec_stream(script, *chosen)

    async def exec_default_stream(self, **options: Unpack[StreamOptions]) -> ExecHandle:
        """Starts the sandbox's own command, its entrypoint and cmd; iterate over what is returned for
        what it does. NoDefaultCommandError if it has neither.
        """
        chosen = exec_options("exec_default_stream", None, options, streams=True)
        return await self._exec_stream(None, *chosen)

    async def attach(
        self,
        cmd: str,
        args: Sequence[str] | Mapping[str, Any] | None = None,
        **options: Unpack[AttachOptions],
    ) -> int:
        """Runs a program, without a shell, with the terminal, stdin and stdout of this process, which
        is in raw mode meanwhile. The exit code as a shell has it, or -1 if the detach keys were
        pressed: the command goes on then, and ``msb attach`` comes back to it.
        InvalidArgumentError where stdin is no terminal. Cancelling ends the command.
        """
        return await self._attach(cmd, attach_options("attach", args, options))

    async def attach_shell(self, **options: Unpack[AttachOptions]) -> int:
        """``attach`` with the sandbox's shell."""
        return await self._attach(None, attach_options("attach_shell", None, options, shell=True))

    async def attach_default(self, **options: Unpack[AttachOptions]) -> int:
        """``attach`` with the sandbox's own command. NoDefaultCommandError if it has none."""
        return await self._attach(None, attach_options("attach_default", None, options))

    async def _attach(self, cmd: str | None, options: bytes) -> int:
        command = None if cmd is None else cmd.encode()

        def job(cancel: int) -> int:
            text = _native.Text()
            _native.call("msb_sandbox_attach", cancel, self._handle, command, options, text)
            return int(text.take_json()["exit_code"])

        return await _native.run(job)

    async def _exec(self, cmd: str | None, options: bytes, stdin: Stdin) -> ExecOutput:
        command = None if cmd is None else cmd.encode()

        def job(cancel: int) -> ExecOutput:
            return collected(
                lambda result, out, err: _native.call(
                    "msb_sandbox_exec", cancel, self._handle, command, options, stdin.data,
                    len(stdin.data), result, out.data, out.size, err.data, err.size,
                )
            )

        return await _native.run(job)

    async def _exec_stream(self, cmd: str | None, options: bytes, stdin: Stdin) -> ExecHandle:
        command = None if cmd is None else cmd.encode()

        def job(cancel: int) -> ExecHandle:
            handle = started(
                lambda exec: _native.call(
                    "msb_sandbox_exec_stream", cancel, self._handle, command, options, stdin.data,
                    len(stdin.data), exec,
                )
            )
            return ExecHandle(handle, stdin.is_pipe)

        return await _native.run(job, ExecHandle.close)
