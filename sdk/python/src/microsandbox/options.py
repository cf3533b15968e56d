"""What keyword arguments may be. Made by sdk/generate.py from sdk/abi.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from .network import Network
from .types import (
    Engine,
    InitConfig,
    Isolation,
    LogLevel,
    MountConfig,
    Patch,
    PortBinding,
    PullPolicy,
    Rlimit,
    SecurityProfile,
    Stdin,
    ThpMode,
)


class CreateOptions(TypedDict, total=False):
    """Keyword arguments of Sandbox.create(), all optional."""

    image: str | None
    """Reference of an image, or the path of a directory or of a disk image (beginning with /,
    ./, ../ or ~/); default: the image that comes with the program."""
    from_snapshot: str | None
    """In place of an image: a snapshot whose disk and image it begins with, by name, path or
    digest."""
    patches: Iterable[Patch | Mapping[str, Any]] | None
    """Changes to the image's files, made in this order before the sandbox first starts. Not
    with from_snapshot."""
    cpus: int | None
    """Number of virtual processors."""
    max_cpus: int | None
    """How many it can be given later; default: cpus."""
    memory: int | None
    """Memory in MiB."""
    max_memory: int | None
    """How much memory, in MiB, it can be given later; default: memory_mib."""
    root_disk_mib: int | None
    """Size of the root disk in MiB."""
    root_disk: str | None
    """In place of its size, as of --root-disk: '8G', 'tmpfs[:SIZE]' (memory, new at each
    start), 'flat[:SIZE]' (with the image's files in it), or the path of a disk image of the
    host."""
    thp: ThpMode | None
    """Huge pages for the guest's memory."""
    env: Mapping[str, str] | None
    """Environment of all commands, over the image's."""
    labels: Mapping[str, str] | None
    """Labels, by which a list can be filtered."""
    scripts: Mapping[str, str] | None
    """Files on every command's PATH: content by name."""
    workdir: str | None
    """Directory in which commands start; default: the image's."""
    user: str | None
    """User of commands, USER[:GROUP], names or numbers; default: the image's."""
    hostname: str | None
    """The guest's name; default: made from the sandbox's."""
    shell: str | None
    """The shell that runs scripts; default: /bin/sh."""
    entrypoint: Iterable[str] | None
    """In place of the image's entrypoint."""
    cmd: Iterable[str] | None
    """In place of the image's cmd."""
    init: str | InitConfig | Mapping[str, Any] | tuple[Any, ...] | None
    """The guest's process 1: 'auto', an absolute path, or {'cmd', 'args', 'env'}."""
    security: SecurityProfile | None
    """What the guest's users may do within it."""
    volumes: Mapping[str, MountConfig] | None
    """What is at paths of the guest besides its root."""
    ports: Mapping[int, int] | Iterable[PortBinding] | None
    """Ports of the host that lead to the guest's."""
    network: Network | None
    """What the guest may reach; false: it has no network interface."""
    rlimits: Iterable[Rlimit] | None
    """Limits for all commands."""
    engine: Engine | None
    """What runs the guest."""
    kernel: str | None
    """The guest's kernel: 'auto', a bundle's name, or the absolute path of a bundle's folder;
    default: auto."""
    require_isolation: Isolation | None
    """The boundary that is asked for."""
    pull_policy: PullPolicy | None
    """When the image is fetched."""
    registry_insecure: bool | None
    """Plain HTTP to the registry."""
    registry_ca_certs: str | Path | None
    """Path of a PEM file with authorities to trust for the registry."""
    max_duration: float | None
    """The sandbox is stopped after so many seconds."""
    idle_timeout: float | None
    """The sandbox is stopped when nothing happened for so many seconds."""
    log_level: LogLevel | None
    """How much its runtime logs."""
    metrics_sample_interval_ms: int | None
    """How often its metrics are sampled, in milliseconds, at least 100; 0: never. Default: as
    config.json says, or 1000."""
    disable_metrics_sample: bool | None
    """Its metrics are not sampled."""
    detached: bool | None
    """It goes on without handle and process."""
    ephemeral: bool | None
    """Nothing of it is kept when it has stopped."""
    replace: bool | None
    """A sandbox of this name is stopped and removed first."""
    replace_with_timeout: float | None
    """Seconds. Implies replace: time between the stop signal and the kill; default: 10, and 0
    kills at once."""
    disable_network: bool | None
    """It has no network interface."""


class AttachOptions(TypedDict, total=False):
    """Keyword arguments of Sandbox.attach(), attach_shell() and attach_default(), all optional."""

    env: Mapping[str, str] | None
    """Environment over the sandbox's."""
    cwd: str | None
    """Working directory."""
    user: str | None
    """USER[:GROUP], names or numbers."""
    rlimits: Iterable[Rlimit] | None
    """Limits of the command."""
    detach_keys: str | None
    """Keys that leave the command without ending it, as 'ctrl-p,ctrl-q', or 'none'; default:
    'ctrl-]'."""


class SshServerOptions(TypedDict, total=False):
    """Keyword arguments of SandboxSshOps.prepare_server(), all optional."""

    host_key_path: str | None
    """File of the server's private key; default: the one of this MSB_HOME."""
    authorized_keys_path: str | None
    """File of the keys that may enter; default: those of `msb ssh authorize`."""
    user: str | None
    """User of the guest, USER[:GROUP]; default: the name that the client logs in with."""
    sftp: bool | None
    """Files by SFTP; default: true."""
    inactivity_timeout: float | None
    """Seconds. A connection on which nothing happens for so long is ended; 0: never. Default:
    600000."""


class StreamOptions(TypedDict, total=False):
    """Keyword arguments of Sandbox.exec_stream(), shell_stream() and exec_default_stream(), all optional."""

    env: Mapping[str, str] | None
    """Environment over the sandbox's."""
    cwd: str | None
    """Working directory."""
    user: str | None
    """USER[:GROUP], names or numbers."""
    timeout: float | None
    """Seconds. When it is over the command is killed with all it started: exec_timeout."""
    tty: bool | None
    """It has a terminal; everything it writes comes as stdout."""
    rows: int | None
    """Height of the terminal; default: 24."""
    cols: int | None
    """Width of the terminal; default: 80."""
    stdin: Stdin | bytes | None
    """What it reads; default: nothing."""
    rlimits: Iterable[Rlimit] | None
    """Limits of the command."""


class ExecOptions(StreamOptions, total=False):
    """Keyword arguments of Sandbox.exec(), shell() and exec_default(), all optional."""

    max_output_bytes: int | None
    """How much output is collected, more is limit_exceeded; default: 256 MiB. Not for
    msb_sandbox_exec_stream()."""
