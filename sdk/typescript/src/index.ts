import "./dispose.js"; // before the classes that use its symbols

export { AgentClient } from "./agent.js";
export {
  InitOptionsBuilder,
  MountBuilder,
  NetworkBuilder,
  RegistryBuilder,
  SandboxBuilder,
  type LogLevel,
  type NetworkProfile,
  type PullPolicy,
} from "./builder.js";
export {
  BootStartError,
  CancelledError,
  ExecFailedError,
  ExecTimeoutError,
  ImageInUseError,
  ImageNotFoundError,
  ImagePullFailedError,
  InvalidArgumentError,
  InvalidConfigError,
  InvalidCursorError,
  InvalidHandleError,
  LibraryNotLoadedError,
  LimitExceededError,
  MicrosandboxError,
  MissedRotationError,
  NoDefaultCommandError,
  PathNotFoundError,
  SandboxAlreadyExistsError,
  SandboxFsOpsError,
  SandboxNotFoundError,
  SandboxNotRunningError,
  SandboxStillRunningError,
  SessionLostError,
  TimedOutError,
  type ErrorKind,
  type ExecFailureKind,
} from "./errors.js";
export {
  ExecHandle,
  ExecOptionsBuilder,
  ExecOutput,
  ExecSink,
  type ConfigureExec,
  type ExecEvent,
  type ExitStatus,
  type Rlimit,
} from "./exec.js";
export {
  FsReadStream,
  FsWriteStream,
  SandboxFsOps,
  type FsEntry,
  type FsEntryKind,
  type FsModeOptions,
  type FsOptions,
} from "./fs.js";
export { Image, ImageHandle, type ImageDetail, type PullOptions } from "./image.js";
export { LogEntry, LogStream, type LogReadOptions, type LogSource, type LogStreamOptions } from "./logs.js";
export { version, type CallOptions } from "./native.js";
export { PullProgressCreate, PullProgressImage, type PullProgress } from "./progress.js";
export {
  Sandbox,
  SandboxHandle,
  SandboxListBuilder,
  SandboxPage,
  type ConnectOptions,
  type SandboxConfig,
  type SandboxStatus,
  type SandboxStopResult,
  type WaitOptions,
} from "./sandbox.js";
export { type Pairs } from "./values.js";
