import type { ErrorKind, ExecFailureKind } from "./tables.js";

/** Members of an error of the C ABI; which there are depends on the kind. */
export interface ErrorDetails {
  kind: string;
  message: string;
  hint?: string | null;
  name?: string;
  errno?: number | null;
  stage?: string | null;
  exec_kind?: string;
  errno_name?: string | null;
  timeout_ms?: number;
  cursor?: string;
}

/** What every failed call of this package throws. */
export class MicrosandboxError extends Error {
  /** What a program can branch on. */
  readonly kind: ErrorKind;
  /** What to do about it, if that is known. */
  readonly hint: string | null;
  /** Name of the sandbox, or reference of the image, that it is about. */
  readonly subject: string | null;
  /** The errno of the system call that failed, in the guest or on the host. */
  readonly errno: number | null;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details.message, options);
    this.name = new.target.name;
    this.kind = details.kind as ErrorKind;
    this.hint = details.hint ?? null;
    this.subject = details.name ?? null;
    this.errno = details.errno ?? null;
  }
}

/** There is no libmicrosandbox.so, or one that does not fit this package. */
export class LibraryNotLoadedError extends MicrosandboxError {}
/** The call itself is wrong: an unknown option, a value of a wrong type. */
export class InvalidArgumentError extends MicrosandboxError {}
/** No sandbox can have these properties. */
export class InvalidConfigError extends MicrosandboxError {}
/** The handle was closed, or never was one, or belongs to the process that this one was forked from. */
export class InvalidHandleError extends MicrosandboxError {}
/** The caller ended the call early. The reason of the AbortSignal is the `cause`. */
export class CancelledError extends MicrosandboxError {}
/** What was waited for did not happen in the time that was given. */
export class TimedOutError extends MicrosandboxError {}
/** There is no sandbox of this name. */
export class SandboxNotFoundError extends MicrosandboxError {}
/** There is a sandbox of this name already. */
export class SandboxAlreadyExistsError extends MicrosandboxError {}
/** The call needs a sandbox that is stopped. */
export class SandboxStillRunningError extends MicrosandboxError {}
/** The call needs a sandbox that runs. */
export class SandboxNotRunningError extends MicrosandboxError {}
/** The sandbox has neither entrypoint nor cmd. */
export class NoDefaultCommandError extends MicrosandboxError {}
/** The sandbox ended before the command, or the connection broke. */
export class SessionLostError extends MicrosandboxError {}
/** The guest has no such path. */
export class PathNotFoundError extends MicrosandboxError {}
/** Another operation on a file of the guest failed. */
export class SandboxFsOpsError extends MicrosandboxError {}
/** A sandbox was made from the image. */
export class ImageInUseError extends MicrosandboxError {}
/** The image is not in the cache, and was not to be fetched. */
export class ImageNotFoundError extends MicrosandboxError {}
/** The image could not be fetched or unpacked. */
export class ImagePullFailedError extends MicrosandboxError {}
/** There is no private network of this name. */
export class NetworkNotFoundError extends MicrosandboxError {}
/** There is a private network of this name already. */
export class NetworkAlreadyExistsError extends MicrosandboxError {}
/** A sandbox, even a stopped one, is in the private network. */
export class NetworkInUseError extends MicrosandboxError {}
/** There is no volume of this name. */
export class VolumeNotFoundError extends MicrosandboxError {}
/** There is a volume of this name already. */
export class VolumeAlreadyExistsError extends MicrosandboxError {}
/** A sandbox that runs has the volume mounted, or another call works on it. */
export class VolumeInUseError extends MicrosandboxError {}
/** A change to the files of the new sandbox could not be made: something is there already, a file of the host cannot be read. */
export class PatchFailedError extends MicrosandboxError {}
/** There is no snapshot of this name, path or digest. */
export class SnapshotNotFoundError extends MicrosandboxError {}
/** There is a snapshot, or a file, of this name already. */
export class SnapshotAlreadyExistsError extends MicrosandboxError {}
/** Only a sandbox that does not run can be snapshotted. */
export class SnapshotSandboxRunningError extends MicrosandboxError {}
/** The image that the snapshot was made with is neither in the cache nor to be had. */
export class SnapshotImageMissingError extends MicrosandboxError {}
/** The snapshot's disk is not the one whose hash was recorded. */
export class SnapshotIntegrityError extends MicrosandboxError {}
/** Another snapshot came from this one, or another call works on it. */
export class SnapshotInUseError extends MicrosandboxError {}
/** The text is no cursor of this log or list. */
export class InvalidCursorError extends MicrosandboxError {}
/** There is more data than the bound that was given. */
export class LimitExceededError extends MicrosandboxError {}

/** The sandbox did not start; the stage is mount, build_vm, config, network, image or other. */
export class BootStartError extends MicrosandboxError {
  /** What failed: "mount", "build_vm", "config", "network", "image" or "other". */
  readonly stage: string;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.stage = details.stage ?? "other";
  }
}

/** The command could not start. (One that ran and ended in failure is a result.) */
export class ExecFailedError extends MicrosandboxError {
  /** Why. */
  readonly execKind: ExecFailureKind;
  /** The errno's name: "ENOENT". */
  readonly errnoName: string | null;
  /** Which step of starting it failed. */
  readonly stage: string | null;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.execKind = (details.exec_kind ?? "other") as ExecFailureKind;
    this.errnoName = details.errno_name ?? null;
    this.stage = details.stage ?? null;
  }
}

/** The command ran longer than it was given, and was killed with all it had started. */
export class ExecTimeoutError extends MicrosandboxError {
  /** The time that the command was given, in milliseconds. */
  readonly timeoutMs: number | null;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.timeoutMs = details.timeout_ms ?? null;
  }
}

/** The sandbox takes no metrics. */
export class MetricsDisabledError extends MicrosandboxError {}
/** There is no sample of the sandbox, or none yet. */
export class MetricsUnavailableError extends MicrosandboxError {}

/** Log entries were lost before they were read; the next call goes on behind them. */
export class MissedRotationError extends MicrosandboxError {
  /** Where the log goes on. */
  readonly cursor: string | null;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.cursor = details.cursor ?? null;
  }
}

type ErrorClass = new (details: ErrorDetails, options?: ErrorOptions) => MicrosandboxError;

const classes: Partial<Record<string, ErrorClass>> = {
  already_exists: SandboxAlreadyExistsError,
  boot_start: BootStartError,
  cancelled: CancelledError,
  exec_failed: ExecFailedError,
  exec_timeout: ExecTimeoutError,
  filesystem: SandboxFsOpsError,
  image_in_use: ImageInUseError,
  image_not_found: ImageNotFoundError,
  image_pull_failed: ImagePullFailedError,
  invalid_argument: InvalidArgumentError,
  invalid_config: InvalidConfigError,
  invalid_cursor: InvalidCursorError,
  invalid_handle: InvalidHandleError,
  library_not_loaded: LibraryNotLoadedError,
  limit_exceeded: LimitExceededError,
  metrics_disabled: MetricsDisabledError,
  metrics_unavailable: MetricsUnavailableError,
  missed_rotation: MissedRotationError,
  no_default_command: NoDefaultCommandError,
  not_running: SandboxNotRunningError,
  patch_failed: PatchFailedError,
  path_not_found: PathNotFoundError,
  sandbox_not_found: SandboxNotFoundError,
  session_lost: SessionLostError,
  snapshot_already_exists: SnapshotAlreadyExistsError,
  snapshot_image_missing: SnapshotImageMissingError,
  snapshot_in_use: SnapshotInUseError,
  snapshot_integrity: SnapshotIntegrityError,
  snapshot_not_found: SnapshotNotFoundError,
  snapshot_sandbox_running: SnapshotSandboxRunningError,
  still_running: SandboxStillRunningError,
  volume_already_exists: VolumeAlreadyExistsError,
  network_not_found: NetworkNotFoundError,
  network_already_exists: NetworkAlreadyExistsError,
  network_in_use: NetworkInUseError,
  volume_in_use: VolumeInUseError,
  volume_not_found: VolumeNotFoundError,
  timed_out: TimedOutError,
};

export function makeError(details: ErrorDetails, options?: ErrorOptions): MicrosandboxError {
  return new (classes[details.kind] ?? MicrosandboxError)(details, options);
}
