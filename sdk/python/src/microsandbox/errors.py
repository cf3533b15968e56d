"""What calls raise: one class for each kind of failure, all of them ``MicrosandboxError``."""

from __future__ import annotations

import json
from typing import Any


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
    code = "library-not-loaded"


class InvalidArgumentError(MicrosandboxError, ValueError):
    code = "invalid-argument"


class InvalidHandleError(MicrosandboxError):
    """The object was closed or detached, or belongs to the process that this one was forked from."""

    code = "invalid-handle"


class InvalidConfigError(MicrosandboxError, ValueError):
    code = "invalid-config"


class CancelledError(MicrosandboxError):
    code = "cancelled"


class TimedOutError(MicrosandboxError, TimeoutError):
    code = "timed-out"


class SandboxNotFoundError(MicrosandboxError):
    code = "sandbox-not-found"


class SandboxAlreadyExistsError(MicrosandboxError):
    code = "sandbox-already-exists"


class SandboxStillRunningError(MicrosandboxError):
    code = "sandbox-still-running"


class SandboxNotRunningError(MicrosandboxError):
    code = "sandbox-not-running"


class BootStartError(MicrosandboxError):
    """A sandbox did not start."""

    code = "boot-start"

    @property
    def name(self) -> str:
        return self.details.get("name", "")

    @property
    def stage(self) -> str:
        """mount, build_vm, config, network, image or other."""
        return self.details.get("stage", "other")

    @property
    def errno(self) -> int | None:
        return self.details.get("errno")


class NoDefaultCommandError(MicrosandboxError):
    code = "no-default-command"


class ExecFailedError(MicrosandboxError):
    """A command could not start. (One that ran and failed is a result, not an error.)"""

    code = "exec-failed"

    @property
    def kind(self) -> str:
        """not_found, permission_denied, not_executable, bad_cwd, bad_args, resource_limit,
        user_setup_failed, out_of_memory, pty_setup_failed or other."""
        return self.details.get("exec_kind", "other")

    @property
    def errno(self) -> int | None:
        return self.details.get("errno")

    @property
    def errno_name(self) -> str | None:
        return self.details.get("errno_name")

    @property
    def stage(self) -> str | None:
        return self.details.get("stage")


class ExecTimeoutError(MicrosandboxError, TimeoutError):
    code = "exec-timeout"

    @property
    def timeout(self) -> float:
        """Seconds."""
        return self.details.get("timeout_ms", 0) / 1000


class SessionLostError(MicrosandboxError):
    """The sandbox ended before the command did."""

    code = "session-lost"


class ImageNotFoundError(MicrosandboxError):
    code = "image-not-found"


class ImageInUseError(MicrosandboxError):
    code = "image-in-use"


class ImagePullFailedError(MicrosandboxError):
    code = "image-pull-failed"


class FilesystemError(MicrosandboxError):
    """A file operation in the guest failed."""

    code = "filesystem-error"

    @property
    def errno(self) -> int | None:
        return self.details.get("errno")


class PathNotFoundError(FilesystemError):
    code = "path-not-found"


class InvalidCursorError(MicrosandboxError):
    code = "invalid-cursor"


class MissedRotationError(MicrosandboxError):
    """Log entries were lost before they were read."""

    code = "missed-rotation"


class LimitExceededError(MicrosandboxError):
    code = "limit-exceeded"


class PermissionDeniedError(MicrosandboxError):
    code = "permission-denied"


class NoSpaceError(MicrosandboxError):
    code = "no-space"


class UnsupportedError(MicrosandboxError):
    code = "unsupported"


class IoError(MicrosandboxError):
    code = "io-error"


_CLASSES: dict[str, type[MicrosandboxError]] = {
    "invalid_argument": InvalidArgumentError,
    "invalid_handle": InvalidHandleError,
    "invalid_config": InvalidConfigError,
    "cancelled": CancelledError,
    "timed_out": TimedOutError,
    "sandbox_not_found": SandboxNotFoundError,
    "already_exists": SandboxAlreadyExistsError,
    "still_running": SandboxStillRunningError,
    "not_running": SandboxNotRunningError,
    "boot_start": BootStartError,
    "no_default_command": NoDefaultCommandError,
    "exec_failed": ExecFailedError,
    "exec_timeout": ExecTimeoutError,
    "session_lost": SessionLostError,
    "image_not_found": ImageNotFoundError,
    "image_in_use": ImageInUseError,
    "image_pull_failed": ImagePullFailedError,
    "path_not_found": PathNotFoundError,
    "filesystem": FilesystemError,
    "invalid_cursor": InvalidCursorError,
    "missed_rotation": MissedRotationError,
    "limit_exceeded": LimitExceededError,
    "permission_denied": PermissionDeniedError,
    "no_space": NoSpaceError,
    "unsupported": UnsupportedError,
    "io": IoError,
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
