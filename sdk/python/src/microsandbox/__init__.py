"""Untrusted code in local virtual machines that start like processes.

    import asyncio
    from microsandbox import Sandbox

    async def main():
        async with await Sandbox.create("hello") as sandbox:
            output = await sandbox.exec("uname", ["-sr"])
            print(output.stdout_text)

    asyncio.run(main())
"""

from .agent import AgentClient
from .errors import (
    BootStartError,
    CancelledError,
    ExecFailedError,
    ExecTimeoutError,
    FilesystemError,
    ImageInUseError,
    ImageNotFoundError,
    ImagePullFailedError,
    InvalidArgumentError,
    InvalidConfigError,
    InvalidCursorError,
    InvalidHandleError,
    IoError,
    LibraryNotLoadedError,
    LimitExceededError,
    MicrosandboxError,
    MetricsDisabledError,
    MetricsUnavailableError,
    MissedRotationError,
    NetworkAlreadyExistsError,
    NetworkInUseError,
    NetworkNotFoundError,
    NoDefaultCommandError,
    NoSpaceError,
    PatchFailedError,
    PathNotFoundError,
    PermissionDeniedError,
    SandboxAlreadyExistsError,
    SandboxNotFoundError,
    SandboxNotRunningError,
    SandboxStillRunningError,
    SessionLostError,
    SnapshotAlreadyExistsError,
    SnapshotImageMissingError,
    SnapshotInUseError,
    SnapshotIntegrityError,
    SnapshotNotFoundError,
    SnapshotSandboxRunningError,
    TimedOutError,
    UnsupportedError,
    VolumeAlreadyExistsError,
    VolumeInUseError,
    VolumeNotFoundError,
)
from .exec import ExecHandle, ExecSink
from .fs import FsEntry, FsReadStream, FsWriteStream, SandboxFsOps
from .image import Image, ImageDetail, ImageHandle
from .logs import LogStream
from .metrics import MetricsStream, SandboxMetrics, Stall, all_sandbox_metrics
from .network import (
    ClientCert,
    Destination,
    DnsConfig,
    Interface,
    Modified,
    Network,
    NetworkAction,
    NetworkDirection,
    NetworkEntry,
    NetworkPolicy,
    NetworkProfile,
    NetworkStep,
    NetworkVerdict,
    RateLimiter,
    RateLimits,
    Rule,
    ScopedUpstreamCa,
    ScopedVerify,
    Secret,
    SecretEvent,
    SecretInjection,
    SecretSubstitution,
    TlsConfig,
    TokenBucket,
    ViolationAction,
)
from .options import AttachOptions, CreateOptions, ExecOptions, SshServerOptions, StreamOptions
from .private_network import NetworkMember, PrivateNetwork, PrivateNetworkHandle
from .progress import PullSession
from .sandbox import Sandbox, SandboxHandle, SandboxPage
from .snapshot import Snapshot, SnapshotDetail, SnapshotHandle, SnapshotVerification
from .ssh import SandboxSshOps, SftpClient, SshClient, SshOutput, SshServer
from .storage import PrunedItem, PruneReport, Storage, StorageItem, StorageUsage
from .types import (
    DiskChange,
    DiskFormat,
    Engine,
    ExecEvent,
    ExecEventType,
    ExecFailure,
    ExecOutput,
    FsEntryKind,
    HostPermissions,
    InitConfig,
    Isolation,
    LogEntry,
    LogLevel,
    LogSource,
    MountCache,
    MountConfig,
    Patch,
    PingResult,
    PortBinding,
    PullEvent,
    PullPolicy,
    Rlimit,
    SandboxStatus,
    SandboxStopResult,
    SecurityProfile,
    StatVirtualization,
    Stdin,
    ThpMode,
    TouchResult,
    VolumeKind,
    VolumeMode,
)
from .volume import Volume, VolumeHandle
from .volume_fs import VolumeFs

__version__ = "0.1.0"

__all__ = [name for name in dir() if name[0].isupper()] + ["__version__"]
