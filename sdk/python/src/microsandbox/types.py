"""Plain values: options and results."""

from __future__ import annotations

import base64
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class _StrEnum(str, enum.Enum):
    """enum.StrEnum, which Python 3.10 does not have."""

    def __str__(self) -> str:
        return str(self.value)


class SandboxStatus(_StrEnum):
    """What a sandbox is doing."""

    CREATED = "created"
    STARTING = "starting"
    RUNNING = "running"
    DRAINING = "draining"
    STOPPED = "stopped"
    CRASHED = "crashed"


class PullPolicy(_StrEnum):
    """When an image is fetched from its registry."""

    IF_MISSING = "if-missing"
    ALWAYS = "always"
    NEVER = "never"


class SecurityProfile(_StrEnum):
    """What the guest's users may do within the guest."""

    DEFAULT = "default"
    RESTRICTED = "restricted"


class Engine(_StrEnum):
    """What runs the guest."""

    AUTO = "auto"
    UML = "uml"
    KVM = "kvm"


class Isolation(_StrEnum):
    """The boundary between guest and host that is asked for."""

    ANY = "any"
    HARDWARE = "hardware"


class ThpMode(_StrEnum):
    """Huge pages for the guest's memory."""

    ALWAYS = "always"
    MADVISE = "madvise"
    NEVER = "never"


class LogLevel(_StrEnum):
    """How much the sandbox's runtime logs."""

    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    DEBUG = "debug"
    TRACE = "trace"


class LogSource(_StrEnum):
    """Where a log entry comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    OUTPUT = "output"
    """A command's terminal, where stdout and stderr are one."""
    SYSTEM = "system"
    """What the sandbox itself did."""
    ALL = "all"
    """All sources; only to ask for."""


class FsEntryKind(_StrEnum):
    """What a path leads to."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"


class ExecEventType(_StrEnum):
    """What an event of a command is."""

    STARTED = "started"
    STDOUT = "stdout"
    STDERR = "stderr"
    STDIN_ERROR = "stdin_error"
    EXITED = "exited"
    FAILED = "failed"


@dataclass(frozen=True)
class InitConfig:
    """The init system that becomes process 1 of the guest: an absolute path, or "auto"."""

    cmd: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def auto(cls) -> InitConfig:
        """The init that the image has."""
        return cls("auto")


class StatVirtualization(_StrEnum):
    """Whose owners and modes a guest sees in a shared directory."""

    STRICT = "strict"
    """Owner and mode are the guest's own, kept beside each file."""
    OFF = "off"
    """Owner and mode are the host's."""


class HostPermissions(_StrEnum):
    """What becomes of a mode on the host that the guest sets."""

    PRIVATE = "private"
    MIRROR = "mirror"
    """The host's mode follows the guest's."""


class MountCache(_StrEnum):
    """What a guest may answer from memory about a shared directory."""

    STRICT = "strict"
    """What the host did is seen by the next open or look-up."""
    CACHED = "cached"
    """It is seen a second later, and less is asked."""


class VolumeMode(_StrEnum):
    """What becomes of a named volume when a sandbox with it is made."""

    EXISTING = "existing"
    """It has to be there."""
    CREATE = "create"
    """It must not be there, and is made."""
    ENSURE_EXISTS = "ensure-exists"
    """It is made if it is not there."""


class VolumeKind(_StrEnum):
    """What a volume is made of."""

    DIRECTORY = "dir"
    """A directory of the host, which several sandboxes can share."""
    DISK = "disk"
    """An ext4 file system of a size of its own, which one sandbox can write to."""


class DiskFormat(_StrEnum):
    """How a disk image has to be read."""

    RAW = "raw"
    QCOW2 = "qcow2"
    VMDK = "vmdk"


@dataclass(frozen=True)
class MountConfig:
    """What is at a path of the guest, one of the first five: see Volume."""

    bind: str | None = None
    """A directory or file of the host."""
    named: str | None = None
    """A volume."""
    owned: bool | None = None
    """A volume of the sandbox alone, which is removed with it."""
    tmpfs: bool | None = None
    """A file system in the guest's memory."""
    disk: str | None = None
    """The file of a disk image."""
    named_mode: VolumeMode | None = None
    """What becomes of a named volume; None: it has to be there."""
    kind: VolumeKind | None = None
    """Of a volume; None: any, and a directory if it is made."""
    size_mib: int | None = None
    """Of a volume that is a disk, or of a tmpfs."""
    labels: Mapping[str, str] | None = None
    """Of a named volume."""
    format: DiskFormat | None = None
    """Of a disk image; None: by its name."""
    fstype: str | None = None
    """Of the file system in a disk image; None: the guest tries those that it has."""
    readonly: bool = False
    noexec: bool = False
    nosuid: bool = False
    nodev: bool = False
    follow_root_symlinks: bool = False
    """``bind`` may lead through symbolic links."""
    stat_virtualization: StatVirtualization = StatVirtualization.STRICT
    host_permissions: HostPermissions = HostPermissions.PRIVATE
    cache: MountCache = MountCache.STRICT
    quota_mib: int | None = None
    """By how many MiB the guest may make files grow; None: 4096, or of a volume none; 0: as there is room."""
    quota_inodes: int | None = None
    """How many files the guest may add; None: 1048576; 0: as there is room."""
    uid: int | None = None
    """Whose the user's files are in the guest, together with ``gid``; None: its default user's."""
    gid: int | None = None


@dataclass(frozen=True)
class PortBinding:
    """A port of the host that leads to one of the guest's."""

    host_port: int
    guest_port: int
    bind: str = "127.0.0.1"
    protocol: str = "tcp"
    """"tcp" or "udp"."""


@dataclass(frozen=True)
class Patch:
    """A change to the files of a new sandbox, made before it first starts; paths of the guest are absolute.
    ``mode``: permissions; without it 0644, of directories 0755, and of copies their own. ``replace``: what is
    there already is replaced; it is PatchFailedError otherwise."""

    kind: str
    path: str | None = None
    content: str | None = None
    content_base64: str | None = None
    mode: int | None = None
    replace: bool | None = None
    src: str | None = None
    dst: str | None = None
    target: str | None = None
    link: str | None = None

    @classmethod
    def text(cls, path: str, content: str, *, mode: int | None = None, replace: bool = False) -> Patch:
        """A file with this content."""
        return cls("text", path, content=content, mode=mode, replace=replace)

    @classmethod
    def file(cls, path: str, content: bytes, *, mode: int | None = None, replace: bool = False) -> Patch:
        """A file with these bytes."""
        encoded = base64.b64encode(content).decode()
        return cls("file", path, content_base64=encoded, mode=mode, replace=replace)

    @classmethod
    def append(cls, path: str, content: str) -> Patch:
        """Content at the end of a file that there is."""
        return cls("append", path, content=content)

    @classmethod
    def mkdir(cls, path: str, *, mode: int | None = None) -> Patch:
        """A directory, with those above it. One that there is stays as it is."""
        return cls("mkdir", path, mode=mode)

    @classmethod
    def remove(cls, path: str) -> Patch:
        """Takes away what is there, if anything is."""
        return cls("remove", path)

    @classmethod
    def symlink(cls, target: str, link: str, *, replace: bool = False) -> Patch:
        """A symbolic link that leads to ``target``."""
        return cls("symlink", target=target, link=link, replace=replace)

    @classmethod
    def copy_file(
        cls, src: str | Path, dst: str, *, mode: int | None = None, replace: bool = False
    ) -> Patch:
        """A file of the host; a relative ``src`` is below the working directory."""
        return cls("copy_file", src=str(src), dst=dst, mode=mode, replace=replace)

    @classmethod
    def copy_dir(cls, src: str | Path, dst: str, *, replace: bool = False) -> Patch:
        """A directory of the host with everything below; a relative ``src`` is below the working directory."""
        return cls("copy_dir", src=str(src), dst=dst, replace=replace)


@dataclass(frozen=True)
class Rlimit:
    """A limit of commands; the names are those of setrlimit(2) in lower case."""

    resource: str
    soft: int
    hard: int | None = None

    @classmethod
    def nofile(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Open files of a process."""
        return cls("nofile", soft, hard)

    @classmethod
    def cpu(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Seconds of processor time of a process."""
        return cls("cpu", soft, hard)

    @classmethod
    def as_(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Bytes of address space of a process."""
        return cls("as", soft, hard)

    @classmethod
    def nproc(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Processes of the user."""
        return cls("nproc", soft, hard)

    @classmethod
    def fsize(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Bytes of a file that is written."""
        return cls("fsize", soft, hard)

    @classmethod
    def memlock(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Bytes of memory that is kept from being swapped."""
        return cls("memlock", soft, hard)

    @classmethod
    def stack(cls, soft: int, hard: int | None = None) -> Rlimit:
        """Bytes of the stack."""
        return cls("stack", soft, hard)

    def to_json(self) -> dict[str, Any]:
        """As the library has it."""
        return {"resource": self.resource, "soft": self.soft, "hard": self.hard}


@dataclass(frozen=True)
class Stdin:
    """What a command reads."""

    data: bytes = b""
    is_pipe: bool = False

    @classmethod
    def null(cls) -> Stdin:
        """Nothing: the end of input at once."""
        return cls()

    @classmethod
    def pipe(cls) -> Stdin:
        """What is written to ``ExecHandle.take_stdin()``."""
        return cls(is_pipe=True)

    @classmethod
    def bytes(cls, data: bytes) -> Stdin:
        """These bytes, as many as they may be, and then the end."""
        return cls(data=data)


@dataclass(frozen=True)
class ExecFailure:
    """Why a command could not start (event FAILED) or read no more input (event STDIN_ERROR)."""

    kind: str | None
    """not_found, permission_denied, not_executable, bad_cwd, bad_args, resource_limit,
    user_setup_failed, out_of_memory, pty_setup_failed or other."""
    errno: int | None
    errno_name: str | None
    message: str
    stage: str | None = None


@dataclass(frozen=True)
class ExecEvent:
    """Something that a command did."""

    event_type: ExecEventType
    pid: int | None = None
    """STARTED: in the guest."""
    data: bytes | None = None
    """STDOUT, STDERR: what was written. FAILED, STDIN_ERROR: the message."""
    code: int | None = None
    """EXITED: as a shell has it. FAILED, STDIN_ERROR: the errno."""
    signal: int | None = None
    """EXITED: the signal that ended it."""
    error: ExecFailure | None = None


@dataclass(frozen=True)
class ExecOutput:
    """What a command wrote and how it ended."""

    exit_code: int
    """As a shell has it: 128 + signal if a signal ended the command."""
    stdout_bytes: bytes
    stderr_bytes: bytes
    signal: int | None = None

    @property
    def success(self) -> bool:
        """Whether the exit code is 0."""
        return self.exit_code == 0

    @property
    def stdout_text(self) -> str:
        """The output as text. UnicodeDecodeError if it is not UTF-8."""
        return self.stdout_bytes.decode()

    @property
    def stderr_text(self) -> str:
        """The error output as text. UnicodeDecodeError if it is not UTF-8."""
        return self.stderr_bytes.decode()


@dataclass(frozen=True)
class LogEntry:
    """Something that a command wrote, or that the sandbox did."""

    timestamp_ms: float
    """When it came: Unix time in milliseconds."""
    source: LogSource
    session_id: int | None
    """The number of the command; None for what the sandbox did."""
    data: bytes
    cursor: str
    """Reading ``from_cursor`` goes on strictly behind this entry."""

    def text(self) -> str:
        """The data as text; bytes that are not UTF-8 are replaced."""
        return self.data.decode(errors="replace")


@dataclass(frozen=True)
class SandboxStopResult:
    """How a sandbox ended."""

    name: str
    status: SandboxStatus
    exit_code: int | None
    """What the sandbox's own command ended with, if it had one."""
    signal: int | None
    """The signal that ended the sandbox's process; known if this process started it."""
    observed_at: float
    """When the end was seen: Unix time in milliseconds."""
    source: str | None
    """How the end is known: "process" (it was seen) or "state" (it is written down)."""


@dataclass(frozen=True)
class PingResult:
    """The answer of a sandbox's agent, and how long it took."""

    name: str
    latency_ms: float


@dataclass(frozen=True)
class TouchResult:
    """The number of the activity by which the idle time began anew."""

    name: str
    activity_seq: int


@dataclass(frozen=True)
class DiskChange:
    """A path that differs between two disks."""

    path: str
    change: str
    """"added", "changed" or "removed"."""
    type: str
    """"file", "directory", "link" or "other"."""
    size_before: int | None
    """Of files, where it is known."""
    size_after: int | None


@dataclass(frozen=True)
class PullEvent:
    """How far getting an image is. ``event_type``: resolving, resolved, layer_download_progress,
    layer_materialize_complete, stitch_merging_trees, complete."""

    event_type: str
    reference: str | None = None
    layer_count: int | None = None
    total_download_bytes: int | None = None
    layer_index: int | None = None
    downloaded_bytes: int | None = None
    total_bytes: int | None = None
    reused: bool | None = None
    """layer_materialize_complete: the layer was in the cache already."""
