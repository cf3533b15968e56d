"""What calls raise: one class for each kind of failure, all of them ``MicrosandboxError``."""

from __future__ import annotations

import json
from typing import Any

from ._tables import ERROR_CLASSES


class MicrosandboxError(Exception):
    """``code`` tells the kinds apart ("sandbox-not-found"); ``details`` has what the library said."""

    code = "internal"

    def __init__(self, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details: dict[str, Any] = details or {}
        kind = self.details.get("kind")
        if kind:
            self.code = kind.replace("_", "-")

    @property
    def hint(self) -> str | None:
        """What to do about it, if anything is known."""
        return self.details.get("hint")

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class LibraryNotLoadedError(MicrosandboxError):
    """There is no libmicrosandbox.so, or one that does not fit this package."""

    code = "library-not-loaded"


class InvalidArgumentError(MicrosandboxError, ValueError):
    """The call itself is wrong: an unknown option, a value of a wrong type."""

    code = "invalid-argument"


class InvalidHandleError(MicrosandboxError):
    """The handle was closed, or never was one, or belongs to the process that this one was forked from."""

    code = "invalid-handle"


class InvalidConfigError(MicrosandboxError, ValueError):
    """No sandbox can have these properties."""

    code = "invalid-config"


class CancelledError(MicrosandboxError):
    """The caller ended the call early."""

    code = "cancelled"


class TimedOutError(MicrosandboxError, TimeoutError):
    """What was waited for did not happen in the time that was given."""

    code = "timed-out"


class SandboxNotFoundError(MicrosandboxError):
    """There is no sandbox of this name."""

    code = "sandbox-not-found"


class SandboxAlreadyExistsError(MicrosandboxError):
    """There is a sandbox of this name already."""

    code = "sandbox-already-exists"


class SandboxStillRunningError(MicrosandboxError):
    """The call needs a sandbox that is stopped."""

    code = "sandbox-still-running"


class SandboxNotRunningError(MicrosandboxError):
    """The call needs a sandbox that runs."""

    code = "sandbox-not-running"


class BootStartError(MicrosandboxError):
    """The sandbox did not start; the stage is mount, build_vm, config, network, image or other."""

    code = "boot-start"

    @property
    def name(self) -> str:
        """The sandbox's name."""
        return self.details.get("name", "")

    @property
    def stage(self) -> str:
        """What failed: mount, build_vm, config, network, image or other."""
        return self.details.get("stage", "other")

    @property
    def errno(self) -> int | None:
        """The errno of the system call that failed."""
        return self.details.get("errno")


class NoDefaultCommandError(MicrosandboxError):
    """The sandbox has neither entrypoint nor cmd."""

    code = "no-default-command"


class ExecFailedError(MicrosandboxError):
    """The command could not start. (One that ran and ended in failure is a result.)"""

    code = "exec-failed"

    @property
    def kind(self) -> str:
        """Why: not_found, permission_denied, not_executable, bad_cwd, bad_args, resource_limit,
        user_setup_failed, out_of_memory, pty_setup_failed or other."""
        return self.details.get("exec_kind", "other")

    @property
    def errno(self) -> int | None:
        """The errno of the system call that failed."""
        return self.details.get("errno")

    @property
    def errno_name(self) -> str | None:
        """The errno's name: "ENOENT"."""
        return self.details.get("errno_name")

    @property
    def stage(self) -> str | None:
        """Which step of starting the command failed."""
        return self.details.get("stage")


class ExecTimeoutError(MicrosandboxError, TimeoutError):
    """The command ran longer than it was given, and was killed with all it had started."""

    code = "exec-timeout"

    @property
    def timeout(self) -> float:
        """The time that the command was given, in seconds."""
        return self.details.get("timeout_ms", 0) / 1000


class SessionLostError(MicrosandboxError):
    """The sandbox ended before the command, or the connection broke."""

    code = "session-lost"


class PatchFailedError(MicrosandboxError):
    """A change to the files of the new sandbox could not be made: something is there already, a file of the host
    cannot be read."""

    code = "patch-failed"


class ImageNotFoundError(MicrosandboxError):
    """The image is not in the cache, and was not to be fetched."""

    code = "image-not-found"


class ImageInUseError(MicrosandboxError):
    """A sandbox was made from the image."""

    code = "image-in-use"


class ImagePullFailedError(MicrosandboxError):
    """The image could not be fetched or unpacked."""

    code = "image-pull-failed"


class SnapshotNotFoundError(MicrosandboxError):
    """There is no snapshot of this name, path or digest."""

    code = "snapshot-not-found"


class SnapshotAlreadyExistsError(MicrosandboxError):
    """There is a snapshot, or a file, of this name already."""

    code = "snapshot-already-exists"


class SnapshotSandboxRunningError(MicrosandboxError):
    """Only a sandbox that does not run can be snapshotted."""

    code = "snapshot-sandbox-running"


class SnapshotImageMissingError(MicrosandboxError):
    """The image that the snapshot was made with is neither in the cache nor to be had."""

    code = "snapshot-image-missing"


class SnapshotIntegrityError(MicrosandboxError):
    """The snapshot's disk is not the one whose hash was recorded."""

    code = "snapshot-integrity"


class SnapshotInUseError(MicrosandboxError):
    """Another snapshot came from this one, or another call works on it."""

    code = "snapshot-in-use"


class NetworkNotFoundError(MicrosandboxError):
    """There is no private network of this name."""

    code = "network-not-found"


class NetworkAlreadyExistsError(MicrosandboxError):
    """There is a private network of this name already."""

    code = "network-already-exists"


class NetworkInUseError(MicrosandboxError):
    """A sandbox, even a stopped one, is in the private network."""

    code = "network-in-use"


class VolumeNotFoundError(MicrosandboxError):
    """There is no volume of this name."""

    code = "volume-not-found"


class VolumeAlreadyExistsError(MicrosandboxError):
    """There is a volume of this name already."""

    code = "volume-already-exists"


class VolumeInUseError(MicrosandboxError):
    """A sandbox that runs has the volume mounted, or another call works on it."""

    code = "volume-in-use"


class FilesystemError(MicrosandboxError):
    """Another operation on a file of the guest failed."""

    code = "filesystem-error"

    @property
    def errno(self) -> int | None:
        """The errno of the system call that failed."""
        return self.details.get("errno")


class PathNotFoundError(FilesystemError):
    """The guest has no such path."""

    code = "path-not-found"


class InvalidCursorError(MicrosandboxError):
    """The text is no cursor of this log or list."""

    code = "invalid-cursor"


class MissedRotationError(MicrosandboxError):
    """Log entries were lost before they were read; the next call goes on behind them."""

    code = "missed-rotation"


class MetricsDisabledError(MicrosandboxError):
    """The sandbox takes no metrics."""

    code = "metrics-disabled"


class MetricsUnavailableError(MicrosandboxError):
    """There is no sample of the sandbox, or none yet."""

    code = "metrics-unavailable"


class LimitExceededError(MicrosandboxError):
    """There is more data than the bound that was given."""

    code = "limit-exceeded"


class PermissionDeniedError(MicrosandboxError):
    """The host refused it to this process."""

    code = "permission-denied"


class NoSpaceError(MicrosandboxError):
    """A disk is full."""

    code = "no-space"


class UnsupportedError(MicrosandboxError):
    """This build, this machine or this sandbox cannot do it."""

    code = "unsupported"


class IoError(MicrosandboxError):
    """A system call on the host failed."""

    code = "io-error"


_CLASSES: dict[str, type[MicrosandboxError]] = {
    kind: globals()[name] for kind, name in ERROR_CLASSES.items()
}


def from_json(text: bytes) -> MicrosandboxError:
    """The exception for an error of the library."""
    details = json.loads(text)
    kind = details.get("kind", "internal")
    error_class = _CLASSES.get(kind, MicrosandboxError)
    error = error_class(details.get("message", kind), details)
    if error_class is not MicrosandboxError:
        error.code = error_class.code
    return error
