"""Sandboxes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

from . import _native
from .errors import SandboxNotFoundError
from .exec import ExecHandle, collected, started
from .fs import SandboxFsOps
from .logs import LogStream, Sources, read_logs
from .types import (
    Engine,
    ExecOutput,
    InitConfig,
    Isolation,
    LogEntry,
    LogLevel,
    MountConfig,
    Network,
    PingResult,
    PortBinding,
    PullEvent,
    PullPolicy,
    Rlimit,
    SandboxPage,
    SandboxStatus,
    SandboxStopResult,
    SecurityProfile,
    Stdin,
    ThpMode,
    TouchResult,
)

def _init(init: Any) -> Any:
    """"auto" or a path, InitConfig, {"cmd", "args", "env"}, or (cmd, args, env)."""
    if init is None or isinstance(init, str):
        return init
    if isinstance(init, tuple):
        init = InitConfig(*init)
    if isinstance(init, InitConfig):
        return {"cmd": init.cmd, "args": list(init.args), "env": dict(init.env)}
    return {**init, "args": list(init.get("args") or []), "env": dict(init.get("env") or {})}


def _rlimits(limits: Iterable[Rlimit] | None) -> list[dict[str, Any]] | None:
    return None if limits is None else [limit.to_json() for limit in limits]


def _list(words: Iterable[str] | None) -> list[str] | None:
    if isinstance(words, str):
        raise TypeError("a list of words is wanted, not one text")
    return None if words is None else list(words)


def _ports(ports: Mapping[int, int] | Iterable[PortBinding] | None) -> list[dict[str, Any]] | None:
    if ports is None:
        return None
    if isinstance(ports, Mapping):
        ports = [PortBinding(host, guest) for host, guest in ports.items()]
    return [asdict(port) for port in ports]


def _create_options(
    *,
    image: str | None = None,
    cpus: int | None = None,
    max_cpus: int | None = None,
    memory: int | None = None,
    max_memory: int | None = None,
    root_disk_mib: int | None = None,
    thp: ThpMode | None = None,
    env: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    scripts: Mapping[str, str] | None = None,
    workdir: str | None = None,
    user: str | None = None,
    hostname: str | None = None,
    shell: str | None = None,
    entrypoint: Iterable[str] | None = None,
    cmd: Iterable[str] | None = None,
    init: str | InitConfig | Mapping[str, Any] | tuple[Any, ...] | None = None,
    security: SecurityProfile | None = None,
    volumes: Mapping[str, MountConfig] | None = None,
    ports: Mapping[int, int] | Iterable[PortBinding] | None = None,
    network: Network | None = None,
    disable_network: bool = False,
    rlimits: Iterable[Rlimit] | None = None,
    engine: Engine | None = None,
    require_isolation: Isolation | None = None,
    pull_policy: PullPolicy | None = None,
    registry_insecure: bool = False,
    registry_ca_certs: str | Path | None = None,
    max_duration: float | None = None,
    idle_timeout: float | None = None,
    log_level: LogLevel | None = None,
    detached: bool = False,
    ephemeral: bool = False,
    replace: bool = False,
    replace_with_timeout: float | None = None,
) -> bytes:
    def seconds(value: float | None) -> int | None:
        return None if value is None else -(-_native.decode_milliseconds(value) // 1000)

    return _native.encode(
        {
            "image": image,
            "cpus": cpus,
            "max_cpus": max_cpus,
            "memory_mib": memory,
            "max_memory_mib": max_memory,
            "root_disk_mib": root_disk_mib,
            "thp": thp,
            "env": env and dict(env),
            "labels": labels and dict(labels),
            "scripts": scripts and dict(scripts),
            "workdir": workdir,
            "user": user,
            "hostname": hostname,
            "shell": shell,
            "entrypoint": _list(entrypoint),
            "cmd": _list(cmd),
            "init": _init(init),
            "security": security,
            "volumes": volumes and {path: asdict(mount) for path, mount in volumes.items()},
            "ports": _ports(ports),
            "network": False if disable_network else network and asdict(network),
            "rlimits": _rlimits(rlimits),
            "engine": engine,
            "require_isolation": require_isolation,
            "pull_policy": pull_policy,
            "insecure": registry_insecure,
            "ca_certs": None if registry_ca_certs is None else str(registry_ca_certs),
            "max_duration_secs": seconds(max_duration),
            "idle_timeout_secs": seconds(idle_timeout),
            "log_level": log_level,
            "detached": detached,
            "ephemeral": ephemeral,
            "replace": replace,
            "replace_with_timeout_ms": None
            if replace_with_timeout is None
            else _native.decode_milliseconds(replace_with_timeout),
        }
    )


def _exec_options(
    args: Iterable[str] | Mapping[str, Any] | None, given: dict[str, Any]
) -> tuple[dict[str, Any], Stdin]:
    """The second argument of exec() is a list of arguments, or all options in one."""
    if isinstance(args, Mapping):
        given = {**{k: v for k, v in given.items() if v not in (None, False)}, **args}
        args = given.pop("args", None)
    timeout = given.pop("timeout", None)
    stdin = given.pop("stdin", None) or Stdin.null()
    if isinstance(stdin, (bytes, bytearray)):
        stdin = Stdin.bytes(bytes(stdin))
    env = given.pop("env", None)
    options = {
        "args": _list(args),
        "env": env and dict(env),
        "timeout_ms": None if timeout is None else _native.decode_milliseconds(timeout),
        "rlimits": _rlimits(given.pop("rlimits", None)),
        **given,
    }
    return options, stdin


class _Named:
    """What works on a sandbox by its name, whether it runs or not."""

    _name: str

    async def stop(self, timeout: float | None = None) -> None:
        """Asks the guest to end and waits; kills after ``timeout`` seconds (10; 0: at once)."""
        limit = _native.decode_milliseconds(timeout)
        await self._call("msb_sandbox_stop", limit)

    async def kill(self, timeout: float | None = None) -> None:
        """At once. ``timeout`` is how many seconds (5) its end is waited for."""
        await self._call("msb_sandbox_kill", _native.decode_milliseconds(timeout))

    async def drain(self) -> None:
        """Commands that run may finish, new ones are refused; waits for the end."""
        await self._call("msb_sandbox_drain")

    async def request_stop(self, timeout: float | None = None) -> None:
        limit = _native.decode_milliseconds(timeout)
        await _native.run(
            lambda _: _native.call("msb_sandbox_request_stop", self._name.encode(), limit)
        )

    async def request_kill(self) -> None:
        await _native.run(lambda _: _native.call("msb_sandbox_request_kill", self._name.encode()))

    async def request_drain(self) -> None:
        await _native.run(lambda _: _native.call("msb_sandbox_request_drain", self._name.encode()))

    async def wait_until_stopped(self, timeout: float | None = None) -> SandboxStopResult:
        """Never causes it. TimedOutError after ``timeout`` seconds."""
        limit = _native.decode_milliseconds(timeout)

        def job(cancel: int) -> SandboxStopResult:
            result = _native.Text()
            _native.call(
                "msb_sandbox_wait_until_stopped", cancel, self._started_handle(),
                self._name.encode(), limit, result,
            )
            seen = result.take_json()
            return SandboxStopResult(
                seen["name"], SandboxStatus(seen["status"]), seen["exit_code"], seen["signal"],
                float(seen["observed_at_ms"]), seen["source"],
            )

        return await _native.run(job)

    async def logs(
        self,
        tail: int | None = None,
        since_ms: float | None = None,
        until_ms: float | None = None,
        sources: Sources = None,
    ) -> list[LogEntry]:
        """Oldest first. Without ``sources`` all but system."""
        return await read_logs(self._name, tail, since_ms, until_ms, sources)

    async def log_stream(
        self,
        sources: Sources = None,
        since_ms: float | None = None,
        from_cursor: str | None = None,
        until_ms: float | None = None,
        follow: bool = False,
    ) -> LogStream:
        return await LogStream.open(self._name, sources, since_ms, from_cursor, until_ms, follow)

    async def ping(self) -> PingResult:
        """Asks the agent for an answer; does not count as activity."""
        seen = await self._result("msb_sandbox_ping")
        return PingResult(seen["name"], seen["latency_ms"])

    async def touch(self) -> TouchResult:
        """Starts the idle time anew."""
        seen = await self._result("msb_sandbox_touch")
        return TouchResult(seen["name"], seen["activity_seq"])

    def _started_handle(self) -> int:
        return 0

    async def _call(self, function: str, *arguments: Any) -> None:
        await _native.run(
            lambda cancel: _native.call(function, cancel, self._name.encode(), *arguments)
        )

    async def _result(self, function: str) -> Any:
        def job(cancel: int) -> Any:
            result = _native.Text()
            _native.call(function, cancel, self._name.encode(), result)
            return result.take_json()

        return await _native.run(job)


class SandboxHandle(_Named):
    """A sandbox by its name, as it was when this was made; ``refresh()`` looks again."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._name = data["name"]
        self._data = data

    @property
    def name(self) -> str:
        return self._name

    @property
    def status(self) -> SandboxStatus:
        return SandboxStatus(self._data["status"])

    @property
    def exit_code(self) -> int | None:
        """Of the sandbox's own command, if it had one."""
        return self._data["exit_code"]

    @property
    def isolation(self) -> str | None:
        """"user-mode" or "hardware"; of the present or last run."""
        return self._data["isolation"]

    @property
    def image(self) -> str:
        return self._data["image"]

    @property
    def config_json(self) -> str:
        return json.dumps(self._data["config"])

    def config(self) -> dict[str, Any]:
        return dict(self._data["config"])

    @property
    def created_at(self) -> float | None:
        """Unix time in milliseconds, as ``updated_at``."""
        return self._data["created_at_ms"]

    @property
    def updated_at(self) -> float | None:
        return self._data["updated_at_ms"]

    async def refresh(self) -> SandboxHandle:
        return await Sandbox.get(self._name)

    async def connect(self, timeout: float | None = None) -> Sandbox:
        """To one that runs; it is not ours to stop."""
        return await Sandbox.connect(self._name, timeout)

    async def start(self, detached: bool = False) -> Sandbox:
        return await Sandbox.start(self._name, detached)

    async def remove(self, force: bool = False) -> None:
        await Sandbox.remove(self._name, force)

    def __repr__(self) -> str:
        return f"<SandboxHandle {self._name!r} {self.status}>"


class Sandbox(_Named):
    """A sandbox that runs. One that this process created or started without ``detached`` stops when
    it is closed, and when the process ends, however that ends.

    ``async with`` kills and removes a sandbox that is ours, and lets go of one that is not.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._handle = data["handle"]
        self._name = data["name"]
        self._notices = tuple(data["notices"])

    # -- making and finding ----------------------------------------------------------------------

    @classmethod
    async def create(cls, name: str, **options: Any) -> Sandbox:
        """Keyword arguments, all optional: image (default: the image that comes with the program),
        cpus, max_cpus, memory and max_memory (MiB), root_disk_mib, thp, env, labels, scripts,
        workdir, user, hostname, shell, entrypoint, cmd, init, security, disable_network, rlimits,
        engine, require_isolation, pull_policy, registry_insecure, registry_ca_certs (path),
        max_duration and idle_timeout (seconds), log_level, detached, ephemeral, replace,
        replace_with_timeout (seconds).
        """
        return await cls._create(name, _create_options(**options), 0)

    @classmethod
    def create_with_progress(cls, name: str, **options: Any) -> PullSession:
        """The same, and tells how far getting the image is."""
        return PullSession(name, _create_options(**options))

    @classmethod
    async def _create(cls, name: str, options: bytes, progress: int) -> Sandbox:
        return await cls._open(
            cls._discard_now, "msb_sandbox_create", progress, name.encode(), options
        )

    @classmethod
    async def start(cls, name: str, detached: bool = False) -> Sandbox:
        """One that is stopped."""
        options = _native.encode({"detached": detached})
        return await cls._open(cls._stop_now, "msb_sandbox_start", name.encode(), options)

    @classmethod
    async def connect(cls, name: str, timeout: float | None = None) -> Sandbox:
        """To one that runs; it is not ours to stop."""
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
        def job(_: int) -> SandboxHandle:
            result = _native.Text()
            _native.call("msb_sandbox_get", name.encode(), result)
            return SandboxHandle(result.take_json())

        return await _native.run(job)

    @staticmethod
    async def list() -> SandboxPage:
        """All of them."""
        return await Sandbox._page({})

    @staticmethod
    async def list_with(
        cursor: str | None = None,
        limit: int | None = 20,
        labels: Mapping[str, str] | None = None,
    ) -> SandboxPage:
        """Those that have all of ``labels``, ``limit`` (at most 100; None: all) at a time."""
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
        """A stopped one and its disk; ``force`` kills it first."""
        options = _native.encode({"force": force})
        await _native.run(lambda _: _native.call("msb_sandbox_remove", name.encode(), options))

    # -- this one --------------------------------------------------------------------------------

    async def name(self) -> str:
        return self._name

    @property
    def notices(self) -> tuple[str, ...]:
        """What people should know about how it runs; each is told once."""
        return self._notices

    @property
    def fs(self) -> SandboxFsOps:
        return SandboxFsOps(self)

    async def _info(self) -> Any:
        def job(_: int) -> Any:
            result = _native.Text()
            _native.call("msb_sandbox_info", self._handle, result)
            return result.take_json()

        return await _native.run(job)

    async def config(self) -> dict[str, Any]:
        return (await self._info())["config"]

    @property
    def owns_lifecycle(self) -> Awaitable[bool]:
        """``await`` it: the sandbox stops with this object."""

        async def ask() -> bool:
            return (await self._info())["owns_lifecycle"]

        return ask()

    async def detach(self) -> None:
        """It goes on without this object and process."""
        await _native.run(lambda _: _native.call("msb_sandbox_detach", self._handle))
        await self.close()

    async def close(self) -> None:
        """Lets go of it: stops it if it is ours."""
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

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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

    # -- commands --------------------------------------------------------------------------------

    async def exec(
        self,
        cmd: str,
        args: Sequence[str] | Mapping[str, Any] | None = None,
        *,
        cwd: str | None = None,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        tty: bool = False,
        stdin: Stdin | bytes | None = None,
        rlimits: Iterable[Rlimit] | None = None,
        max_output_bytes: int | None = None,
    ) -> ExecOutput:
        """Runs a program, no shell between, and collects what it writes (at most 256 MiB unless
        ``max_output_bytes`` says otherwise). After ``timeout`` seconds it is killed.
        """
        return await self._exec(
            cmd, args,
            {"cwd": cwd, "user": user, "env": env, "timeout": timeout, "tty": tty, "stdin": stdin,
             "rlimits": rlimits, "max_output_bytes": max_output_bytes},
        )

    async def shell(self, script: str, **options: Any) -> ExecOutput:
        """The same by the sandbox's shell."""
        return await self._exec(script, {"shell": True, **options}, {})

    async def exec_default(self, **options: Any) -> ExecOutput:
        """The sandbox's own command: entrypoint and cmd."""
        return await self._exec(None, options, {})

    async def exec_stream(
        self,
        cmd: str,
        args: Sequence[str] | Mapping[str, Any] | None = None,
        *,
        cwd: str | None = None,
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = None,
        tty: bool = False,
        rows: int | None = None,
        cols: int | None = None,
        stdin: Stdin | bytes | None = None,
        rlimits: Iterable[Rlimit] | None = None,
    ) -> ExecHandle:
        """Starts a program; iterate over what is returned for what it does."""
        return await self._exec_stream(
            cmd, args,
            {"cwd": cwd, "user": user, "env": env, "timeout": timeout, "tty": tty, "rows": rows,
             "cols": cols, "stdin": stdin, "rlimits": rlimits},
        )

    async def shell_stream(self, script: str, **options: Any) -> ExecHandle:
        return await self._exec_stream(script, {"shell": True, **options}, {})

    async def exec_default_stream(self, **options: Any) -> ExecHandle:
        return await self._exec_stream(None, options, {})

    async def _exec(self, cmd: str | None, args: Any, given: dict[str, Any]) -> ExecOutput:
        options, stdin = _exec_options(args, given)
        if stdin.is_pipe:
            raise ValueError("a pipe needs exec_stream(); give exec() the bytes")
        command = None if cmd is None else cmd.encode()
        encoded = _native.encode(options)

        def job(cancel: int) -> ExecOutput:
            return collected(
                lambda result, out, err: _native.call(
                    "msb_sandbox_exec", cancel, self._handle, command, encoded, stdin.data,
                    len(stdin.data), result, out.data, out.size, err.data, err.size,
                )
            )

        return await _native.run(job)

    async def _exec_stream(self, cmd: str | None, args: Any, given: dict[str, Any]) -> ExecHandle:
        options, stdin = _exec_options(args, given)
        command = None if cmd is None else cmd.encode()
        encoded = _native.encode({**options, "stdin": stdin.is_pipe})

        def job(cancel: int) -> ExecHandle:
            handle = started(
                lambda exec: _native.call(
                    "msb_sandbox_exec_stream", cancel, self._handle, command, encoded, stdin.data,
                    len(stdin.data), exec,
                )
            )
            return ExecHandle(handle, stdin.is_pipe)

        return await _native.run(job, ExecHandle.close)

    def __del__(self) -> None:
        try:
            if self._handle:
                _native.library().msb_sandbox_release(self._handle)  # waits for nothing
        except Exception:  # the interpreter may be half gone
            pass


class PullSession:
    """A creation under way. Iterate over ``progress``, then ``await result()``."""

    def __init__(self, name: str, options: bytes) -> None:
        self._name = name
        self._options = options
        self._queue = _native.library().msb_progress_alloc()
        self._task: asyncio.Task[Sandbox] | None = None
        self._taken = False

    def _start(self) -> asyncio.Task[Sandbox]:
        if self._task is None:
            self._task = asyncio.ensure_future(
                Sandbox._create(self._name, self._options, self._queue)
            )
        return self._task

    @property
    def progress(self) -> AsyncIterator[PullEvent]:
        return self._events()

    async def _events(self) -> AsyncIterator[PullEvent]:
        self._start()

        def job(cancel: int) -> Any:
            event = _native.Text()
            _native.call("msb_progress_next", cancel, self._queue, event)
            return event.take_json()

        while (event := await _native.run(job)) is not None:
            yield PullEvent(event.pop("event"), **event)

    async def result(self) -> Sandbox:
        """The sandbox, once."""
        if self._taken:
            raise RuntimeError("the result was taken already")
        self._taken = True
        return await self._start()

    async def __aenter__(self) -> PullSession:
        self._start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task = self._task
        if task is not None and not self._taken:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None:
                made = task.result()
                await _native.run(lambda _: made._discard_now())

    def __del__(self) -> None:
        try:
            _native.library().msb_progress_free(self._queue)
        except Exception:  # the interpreter may be half gone
            pass
