"""What can be done with a sandbox that has a name, connected to it or not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import _native
from . import network as _network
from .logs import LogStream, Sources, read_logs
from .metrics import MetricsStream, SandboxMetrics, read_metrics
from .network import Modified, Network, NetworkEntry, NetworkVerdict, Secret, ViolationAction
from .snapshot import Snapshot, SnapshotDetail
from .types import DiskChange, LogEntry, PingResult, SandboxStatus, SandboxStopResult, TouchResult


class Named:
    """What works on a sandbox by its name, whether it runs or not."""

    _name: str

    async def stop(self, timeout: float | None = None) -> None:
        """Asks the guest to end and waits; kills after ``timeout`` seconds (10; 0: at once)."""
        limit = _native.decode_milliseconds(timeout)
        await self._call("msb_sandbox_stop", limit)

    async def kill(self, timeout: float | None = None) -> None:
        """Ends the sandbox at once. Its end is waited for: TimedOutError after ``timeout`` seconds (5)."""
        await self._call("msb_sandbox_kill", _native.decode_milliseconds(timeout))

    async def drain(self) -> None:
        """Commands that run may finish, new ones are refused; waits for the sandbox's end."""
        await self._call("msb_sandbox_drain")

    async def request_stop(self, timeout: float | None = None) -> None:
        """Asks the guest to end, without waiting; it is killed after ``timeout`` seconds (10)."""
        limit = _native.decode_milliseconds(timeout)
        await _native.run(
            lambda _: _native.call("msb_sandbox_request_stop", self._name.encode(), limit)
        )

    async def request_kill(self) -> None:
        """Ends the sandbox at once, without waiting for that."""
        await _native.run(lambda _: _native.call("msb_sandbox_request_kill", self._name.encode()))

    async def request_drain(self) -> None:
        """Lets commands that run finish and refuses new ones, without waiting for the end."""
        await _native.run(lambda _: _native.call("msb_sandbox_request_drain", self._name.encode()))

    async def wait_until_stopped(self, timeout: float | None = None) -> SandboxStopResult:
        """Waits for the sandbox's end and never causes it. TimedOutError after ``timeout`` seconds;
        without it there is no limit."""
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

    async def snapshot(self, name: str) -> SnapshotDetail:
        """Snapshots the sandbox under a name."""
        return await Snapshot.create(name, self._name)

    async def snapshot_to(self, path: str | Path) -> SnapshotDetail:
        """Snapshots the sandbox as a new directory."""
        return await Snapshot.create(Path(path).absolute(), self._name)

    async def diff(self) -> tuple[DiskChange, ...]:
        """What the sandbox, which must not run, has changed: against the snapshot that it began with, or else
        its image. SandboxStillRunningError."""
        return tuple(DiskChange(**item) for item in await self._result("msb_sandbox_diff"))

    async def logs(
        self,
        tail: int | None = None,
        since_ms: float | None = None,
        until_ms: float | None = None,
        sources: Sources = None,
    ) -> list[LogEntry]:
        """What commands wrote, oldest first: the last ``tail`` entries from ``since_ms`` on and before
        ``until_ms``, both Unix time in milliseconds. Without ``sources`` all but system."""
        return await read_logs(self._name, tail, since_ms, until_ms, sources)

    async def log_stream(
        self,
        sources: Sources = None,
        since_ms: float | None = None,
        from_cursor: str | None = None,
        until_ms: float | None = None,
        follow: bool = False,
    ) -> LogStream:
        """What commands wrote, entry by entry: from ``since_ms`` on and before ``until_ms``, both Unix
        time in milliseconds, or behind the entry with the cursor ``from_cursor``. With ``follow`` it
        goes on until the sandbox stops. Without ``sources`` all but system."""
        return await LogStream.open(self._name, sources, since_ms, from_cursor, until_ms, follow)

    async def metrics(self) -> SandboxMetrics:
        """What the sandbox uses, as it was sampled last. MetricsUnavailableError before the first sample;
        MetricsDisabledError if none are taken."""
        return await read_metrics(self._name)

    async def metrics_stream(self, interval: float = 1.0) -> MetricsStream:
        """The same, sample by sample, with at least ``interval`` seconds between, until the run is over."""
        return await MetricsStream.open(self._name, interval)

    async def modify(
        self,
        network: Network | bool | None = None,
        root_disk_size_mib: int | None = None,
        *,
        secrets: Iterable[Secret] = (),
        remove_secrets: Iterable[str] = (),
        reload_secrets: bool = False,
        secret_violation_action: ViolationAction | None = None,
    ) -> Modified:
        """Changes the sandbox, also while it runs. What it may reach: flows that may not be any more end; rules alone go
        before those that it has, anything else takes their place; False: no network. Secrets: new ones, and those that
        take the place of one of that variable, whose values are read now; those of ``remove_secrets`` are taken away;
        ``reload_secrets`` reads the values of all from their sources again. The size of its root disk, which only grows
        unless it is in memory. The network is changed first, then secrets, all of them or none, then the disk; after an
        error what is named behind it has not changed."""
        return await _network.modify(
            self._name, network, secrets, root_disk_size_mib=root_disk_size_mib, remove_secrets=list(remove_secrets),
            reload_secrets=reload_secrets, secret_violation_action=secret_violation_action,
        )

    async def network_check(self, destination: str) -> NetworkVerdict:
        """Whether the sandbox may reach "HOST[:PORT[/tcp|udp]]", and why. Nothing is sent."""
        return await _network.check(self._name, destination)

    async def network_log(
        self, denied: bool = False, tail: int | None = None, since_ms: float | None = None
    ) -> list[NetworkEntry]:
        """What the sandbox's network did, oldest first: all or what was refused, the last ``tail`` entries, from
        ``since_ms`` on."""
        return await _network.log(self._name, denied, tail, since_ms)

    async def network_learn(self) -> str:
        """A policy, as a YAML document, that allows what was recorded and nothing else."""
        return str((await _network.ask("msb_network_learn", self._name.encode()))["policy"])

    async def ping(self) -> PingResult:
        """Asks the sandbox's agent for an answer; does not count as activity."""
        seen = await self._result("msb_sandbox_ping")
        return PingResult(seen["name"], seen["latency_ms"])

    async def touch(self) -> TouchResult:
        """Starts the sandbox's idle time anew."""
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
