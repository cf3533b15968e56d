/** What went wrong, as in the C ABI; `library_not_loaded` is this package's own. */
export type ErrorKind =
  | "already_exists"
  | "boot_start"
  | "cancelled"
  | "corrupt"
  | "exec_failed"
  | "exec_timeout"
  | "filesystem"
  | "image_in_use"
  | "image_not_found"
  | "image_pull_failed"
  | "internal"
  | "invalid_argument"
  | "invalid_config"
  | "invalid_cursor"
  | "invalid_handle"
  | "io"
  | "library_not_loaded"
  | "limit_exceeded"
  | "missed_rotation"
  | "no_default_command"
  | "no_space"
  | "not_running"
  | "path_not_found"
  | "permission_denied"
  | "protocol"
  | "sandbox_not_found"
  | "session_lost"
  | "still_running"
  | "timed_out"
  | "unreachable"
  | "unsupported";

/** Why a command could not start. */
export type ExecFailureKind =
  | "not_found"
  | "permission_denied"
  | "not_executable"
  | "bad_cwd"
  | "bad_args"
  | "resource_limit"
  | "user_setup_failed"
  | "out_of_memory"
  | "pty_setup_failed"
  | "other";

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
  readonly kind: ErrorKind;
  /** What to do about it, if that is known. */
  readonly hint: string | null;
  /** Name of the sandbox, or reference of the image, that it is about. */
  readonly subject: string | null;
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

export class LibraryNotLoadedError extends MicrosandboxError {}
export class InvalidArgumentError extends MicrosandboxError {}
export class InvalidConfigError extends MicrosandboxError {}
/** Its handle is closed. */
export class InvalidHandleError extends MicrosandboxError {}
/** By an AbortSignal, whose reason is the `cause`. */
export class CancelledError extends MicrosandboxError {}
export class TimedOutError extends MicrosandboxError {}
export class SandboxNotFoundError extends MicrosandboxError {}
export class SandboxAlreadyExistsError extends MicrosandboxError {}
export class SandboxStillRunningError extends MicrosandboxError {}
export class SandboxNotRunningError extends MicrosandboxError {}
export class NoDefaultCommandError extends MicrosandboxError {}
export class SessionLostError extends MicrosandboxError {}
/** In the guest. */
export class PathNotFoundError extends MicrosandboxError {}
/** Any other failed operation on a file of the guest; `errno` says which. */
export class SandboxFsOpsError extends MicrosandboxError {}
export class ImageInUseError extends MicrosandboxError {}
export class ImageNotFoundError extends MicrosandboxError {}
export class ImagePullFailedError extends MicrosandboxError {}
export class InvalidCursorError extends MicrosandboxError {}
export class LimitExceededError extends MicrosandboxError {}

/** The sandbox did not come up. */
export class BootStartError extends MicrosandboxError {
  /** mount, build_vm, config, network, image, other. */
  readonly stage: string;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.stage = details.stage ?? "other";
  }
}

/** The command could not start. One that ran and ended in failure is a result. */
export class ExecFailedError extends MicrosandboxError {
  readonly execKind: ExecFailureKind;
  readonly errnoName: string | null;
  readonly stage: string | null;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.execKind = (details.exec_kind ?? "other") as ExecFailureKind;
    this.errnoName = details.errno_name ?? null;
    this.stage = details.stage ?? null;
  }
}

/** The command was killed when its time was over. */
export class ExecTimeoutError extends MicrosandboxError {
  readonly timeoutMs: number | null;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details, options);
    this.timeoutMs = details.timeout_ms ?? null;
  }
}

/** Log entries were lost before they were read; the stream goes on behind them. */
export class MissedRotationError extends MicrosandboxError {
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
  missed_rotation: MissedRotationError,
  no_default_command: NoDefaultCommandError,
  not_running: SandboxNotRunningError,
  path_not_found: PathNotFoundError,
  sandbox_not_found: SandboxNotFoundError,
  session_lost: SessionLostError,
  still_running: SandboxStillRunningError,
  timed_out: TimedOutError,
};

export function makeError(details: ErrorDetails, options?: ErrorOptions): MicrosandboxError {
  return new (classes[details.kind] ?? MicrosandboxError)(details, options);
}
