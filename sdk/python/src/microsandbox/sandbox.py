"""Sandboxes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _native
from ._commands import Commands
from ._context import Context, Released
from ._named import Named
from ._options import create_options
from .errors import SandboxNotFoundError
from .fs import SandboxFsOps
from .options import CreateOptions
from .progress import CopyProgress, PullSession, reporting
from .ssh import SandboxSshOps
from .types import PortBinding, SandboxStatus

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Forked(Named):
    """What can be made of a sandbox by its name."""

    async def fork(
        self,
        name: str,
        detached: bool = False,
        copy_while_frozen: bool = False,
        progress: CopyProgress | None = None,
    ) -> Sandbox:
        """Makes and starts a sandbox that begins with the disk of this one as it is at one moment, and is like
        it but for the ports that it publishes. SandboxAlreadyExistsError, BootStartError; if this one runs and
        copying its disk takes more than a moment, SandboxStillRunningError, unless ``copy_while_frozen``."""
        return (await self.fork_many([name], detached, copy_while_frozen, progress))[0]

    async def fork_many(
        self,
        names: Iterable[str],
        detached: bool = False,
        copy_while_frozen: bool = False,
        progress: CopyProgress | None = None,
    ) -> list[Sandbox]:
        """fork() for several sandboxes that begin with the disk of one moment: all of them or none."""
        options = _native.encode(
            {"names": [*names], "detached": detached, "copy_while_frozen": copy_while_frozen}
        )

        def job(cancel: int, queue: int) -> list[Sandbox]:
            result = _native.Text()
            _native.call("msb_sandbox_fork", cancel, queue, self._name.encode(), options, result)
            return [Sandbox(made) for made in result.take_json()]

        def discard(made: list[Sandbox]) -> None:
            for sandbox in made:
                sandbox._discard_now()

        return await reporting(progress, job, discard)


class SandboxHandle(Forked):
    """A sandbox by its name, as it was when this was made; ``refresh()`` looks again."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._name = data["name"]
        self._data = data

    @property
    def name(self) -> str:
        """The sandbox's name."""
        return self._name

    @property
    def status(self) -> SandboxStatus:
        """What the sandbox was doing."""
        return SandboxStatus(self._data["status"])

    @property
    def exit_code(self) -> int | None:
        """What the sandbox's own command ended with, if it had one."""
        return self._data["exit_code"]

    @property
    def isolation(self) -> str | None:
        """The boundary between guest and host, "user-mode" or "hardware", of the present or last run."""
        return self._data["isolation"]

    @property
    def ports(self) -> list[PortBinding]:
        """The published ports, with those of the host as they were, while it ran, when it was looked up."""
        return [PortBinding(**port) for port in self._data["ports"]]

    @property
    def image(self) -> str:
        """The reference of its image."""
        return self._data["image"]

    @property
    def config_json(self) -> str:
        """How the sandbox was made, as JSON."""
        return json.dumps(self._data["config"])

    def config(self) -> dict[str, Any]:
        """How the sandbox was made."""
        return dict(self._data["config"])

    @property
    def created_at(self) -> float | None:
        """When the sandbox was made: Unix time in milliseconds."""
        return self._data["created_at_ms"]

    @property
    def updated_at(self) -> float | None:
        """When its status changed last: Unix time in milliseconds."""
        return self._data["updated_at_ms"]

    async def refresh(self) -> SandboxHandle:
        """The sandbox as it is now. SandboxNotFoundError if it is gone."""
        return await Sandbox.get(self._name)

    async def connect(self, timeout: float | None = None) -> Sandbox:
        """Connects to the sandbox if it runs, without owning its life. One that is coming up is waited
        for, ``timeout`` seconds (10). SandboxNotRunningError if it does not run."""
        return await Sandbox.connect(self._name, timeout)

    async def start(self, detached: bool = False) -> Sandbox:
        """Starts the stopped sandbox; ``detached``: it goes on without this process."""
        return await Sandbox.start(self._name, detached)

    async def remove(self, force: bool = False) -> None:
        """Deletes the stopped sandbox and its disk; ``force`` kills it first."""
        await Sandbox.remove(self._name, force)

    def __repr__(self) -> str:
        return f"<SandboxHandle {self._name!r} {self.status}>"


@dataclass(frozen=True)
class SandboxPage(Sequence["SandboxHandle"]):
    """A part of the list of sandboxes, newest first."""

    sandboxes: tuple[SandboxHandle, ...]
    next_cursor: str | None = None
    """What ``list_with(cursor=)`` takes for the next page, if there is one."""
    damaged: tuple[str, ...] = ()
    """What is wrong with sandboxes that are left out."""

    def __len__(self) -> int:
        return len(self.sandboxes)

    def __getitem__(self, index: Any) -> Any:
        return self.sandboxes[index]

    def __iter__(self) -> Iterator[SandboxHandle]:
        return iter(self.sandboxes)


class Sandbox(Forked, Commands, Context, Released):
    """A sandbox that runs. One that this process created or started without ``detached`` stops when
    it is closed, and when the process ends, however that ends.

    ``async with`` kills and removes a sandbox that this object owns, and closes the connection to another.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._handle = data["handle"]
        self._name = data["name"]
        self._notices = tuple(data["notices"])

    # -- making and finding ----------------------------------------------------------------------

    @classmethod
    async def create(cls, name: str, **options: Unpack[CreateOptions]) -> Sandbox:
        """Makes a sandbox and starts it. The keyword arguments are those of CreateOptions. Among what it
        raises are SandboxAlreadyExistsError, InvalidConfigError, ImageNotFoundError,
        ImagePullFailedError and BootStartError.
        """
        return await cls._create(name, create_options("create", options), 0)

    @classmethod
    def create_with_progress(
        cls, name: str, **options: Unpack[CreateOptions]
    ) -> PullSession[Sandbox]:
        """Makes a sandbox as create() does, and reports how the pull of its image goes on."""
        encoded = create_options("create_with_progress", options)
        return PullSession(lambda queue: cls._create(name, encoded, queue), cls._discard_now)

    @classmethod
    async def _create(cls, name: str, options: bytes, progress: int) -> Sandbox:
        return await cls._open(
            cls._discard_now, "msb_sandbox_create", progress, name.encode(), options
        )

    @classmethod
    async def start(cls, name: str, detached: bool = False) -> Sandbox:
        """Starts a stopped sandbox; ``detached``: it goes on without this process. SandboxNotFoundError,
        SandboxStillRunningError, BootStartError."""
        options = _native.encode({"detached": detached})
        return await cls._open(cls._stop_now, "msb_sandbox_start", name.encode(), options)

    @classmethod
    async def connect(cls, name: str, timeout: float | None = None) -> Sandbox:
        """Connects to a sandbox that runs, without owning its life. One that is coming up is waited for,
        ``timeout`` seconds (10). SandboxNotFoundError, SandboxNotRunningError."""
        limit = _native.decode_milliseconds(timeout)
        return await cls._open(cls._close_now, "msb_sandbox_connect", name.encode(), limit)

    @classmethod
    async def _open(
        cls, undo: Callable[[Sandbox], None], function: str, *arguments: Any
    ) -> Sandbox:
        def job(cancel: int) -> Sandbox:
            result = _native.Text()
            _native.call(function, cancel, *arguments, result)
            return cls(result.take_json())

        return await _native.run(job, undo)

    @staticmethod
    async def get(name: str) -> SandboxHandle:
        """Looks a sandbox up by its name. SandboxNotFoundError if there is none."""
        def job(_: int) -> SandboxHandle:
            result = _native.Text()
            _native.call("msb_sandbox_get", name.encode(), result)
            return SandboxHandle(result.take_json())

        return await _native.run(job)

    @staticmethod
    async def list() -> SandboxPage:
        """All sandboxes, newest first."""
        return await Sandbox._page({})

    @staticmethod
    async def list_with(
        cursor: str | None = None,
        limit: int | None = 20,
        labels: Mapping[str, str] | None = None,
    ) -> SandboxPage:
        """The sandboxes that have all of ``labels``, newest first, ``limit`` (at most 100; None: all) at a
        time; ``cursor`` is ``next_cursor`` of the page before."""
        return await Sandbox._page(
            {"cursor": cursor, "limit": limit, "labels": labels and dict(labels)}
        )

    @staticmethod
    async def _page(options: dict[str, Any]) -> SandboxPage:
        def job(_: int) -> SandboxPage:
            result = _native.Text()
            _native.call("msb_sandbox_list", _native.encode(options), result)
            page = result.take_json()
            return SandboxPage(
                tuple(SandboxHandle(item) for item in page["sandboxes"]), page["next_cursor"],
                tuple(page["damaged"]),
            )

        return await _native.run(job)

    @staticmethod
    async def remove(name: str, force: bool = False) -> None:
        """Deletes a stopped sandbox and its disk; ``force`` kills it first. SandboxNotFoundError,
        SandboxStillRunningError."""
        options = _native.encode({"force": force})
        await _native.run(lambda _: _native.call("msb_sandbox_remove", name.encode(), options))

    # -- this one --------------------------------------------------------------------------------

    async def name(self) -> str:
        """The sandbox's name."""
        return self._name

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know about how it runs; each is told once."""
        return self._notices

    @property
    def fs(self) -> SandboxFsOps:
        """The files of the guest, as its root sees them."""
        return SandboxFsOps(self._started_handle)

    def ssh(self) -> SandboxSshOps:
        """SSH for the sandbox."""
        return SandboxSshOps(self, self.fs, self._started_handle)

    async def _info(self) -> Any:
        def job(_: int) -> Any:
            result = _native.Text()
            _native.call("msb_sandbox_info", self._handle, result)
            return result.take_json()

        return await _native.run(job)

    async def config(self) -> dict[str, Any]:
        """How the sandbox was made."""
        return (await self._info())["config"]

    @property
    def owns_lifecycle(self) -> Awaitable[bool]:
        """``await`` it: whether the sandbox stops when this object is closed."""

        async def ask() -> bool:
            return (await self._info())["owns_lifecycle"]

        return ask()

    async def detach(self) -> None:
        """Lets the sandbox go on without this object and process."""
        await _native.run(lambda _: _native.call("msb_sandbox_detach", self._handle))
        await self.close()

    async def close(self) -> None:
        """Closes the connection. A sandbox that it owns is stopped, and waited for."""
        handle, self._handle = self._handle, 0
        if handle:
            await _native.run(lambda cancel: _native.call("msb_sandbox_close", cancel, handle))

    def _close_now(self) -> None:
        handle, self._handle = self._handle, 0
        if handle:
            _native.call("msb_sandbox_close", 0, handle)

    def _stop_now(self) -> None:
        """A detached one goes on when it is closed."""
        try:
            _native.call("msb_sandbox_stop", 0, self._name.encode(), -1)
        except SandboxNotFoundError:
            pass
        finally:
            self._close_now()

    def _discard_now(self) -> None:
        try:
            options = _native.encode({"force": True})
            _native.call("msb_sandbox_remove", self._name.encode(), options)
        except SandboxNotFoundError:
            pass
        finally:
            self._close_now()

    async def _leave(self, failed: bool) -> None:
        if not self._handle:
            return
        info = await self._info()
        if info["owns_lifecycle"]:
            try:
                # Another one may have been made in its place.
                there = await Sandbox.get(self._name)
                if there.config()["created_at_ns"] == info["config"]["created_at_ns"]:
                    await there.remove(force=True)
            except SandboxNotFoundError:  # an ephemeral one is gone
                pass
        await self.close()

    def _started_handle(self) -> int:
        return self._handle

    def _release(self) -> None:
        if self._handle:
            _native.library().msb_sandbox_release(self._handle)  # waits for nothing
