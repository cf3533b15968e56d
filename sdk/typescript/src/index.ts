import "./dispose.js"; // before the classes that use its symbols

export { AgentClient } from "./agent.js";
export {
  InitOptionsBuilder,
  MountBuilder,
  RegistryBuilder,
  type VolumeSettings,
} from "./builder.js";
export type { DiskChange } from "./diff.js";
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
  MetricsDisabledError,
  MetricsUnavailableError,
  MissedRotationError,
  NetworkAlreadyExistsError,
  NetworkInUseError,
  NetworkNotFoundError,
  NoDefaultCommandError,
  PatchFailedError,
  PathNotFoundError,
  SandboxAlreadyExistsError,
  SandboxFsOpsError,
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
  VolumeAlreadyExistsError,
  VolumeInUseError,
  VolumeNotFoundError,
} from "./errors.js";
export { AttachOptionsBuilder, type ConfigureAttach } from "./attach.js";
export {
  ExecHandle,
  ExecOptionsBuilder,
  ExecOutput,
  ExecSink,
  type ConfigureExec,
  type ExecEvent,
  type ExitStatus,
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
export { Image, ImageHandle, PullProgressImage, type ImageDetail, type PullOptions } from "./image.js";
export { MetricsStream, type SandboxMetrics, type Stall, allSandboxMetrics } from "./metrics.js";
export { LogEntry, LogStream, type LogReadOptions, type LogSource, type LogStreamOptions } from "./logs.js";
export {
  NetworkBuilder,
  NetworkPolicy,
  Rule,
  type CustomPolicy,
  type Destination,
  type DnsConfig,
  type InterfaceConfig,
  type Modified,
  type ModifyOptions,
  type NamedPolicy,
  type NetworkConfig,
  type NetworkEntry,
  type NetworkLogOptions,
  type NetworkRule,
  type NetworkStep,
  type NetworkVerdict,
  type RateLimiter,
  type RateLimits,
  type Secret,
  type SecretEvent,
  type SecretSubstitution,
  type TlsConfig,
  type TokenBucket,
} from "./network.js";
export { PatchBuilder, type Patch, type PatchOptions } from "./patch.js";
export { version, type CallOptions } from "./native.js";
export {
  Snapshot,
  SnapshotBuilder,
  SnapshotDetail,
  SnapshotHandle,
  type ExportOptions,
  type ImportOptions,
  type SnapshotVerification,
} from "./snapshot.js";
export {
  SandboxSshOps,
  SftpClient,
  SshClient,
  SshServer,
  type SshClientOptions,
  type SshOutput,
  type SshServerOptions,
} from "./ssh.js";
export {
  type PruneOptions,
  type PruneReport,
  type PrunedItem,
  Storage,
  type StorageItem,
  type StorageType,
  type StorageUsage,
} from "./storage.js";
export { type ConnectOptions, type SandboxStatus, type SandboxStopResult, type WaitOptions } from "./named.js";
export { type CopyOptions, type PullProgress } from "./progress.js";
export {
  PullProgressCreate,
  Sandbox,
  SandboxBuilder,
  SandboxHandle,
  SandboxListBuilder,
  SandboxPage,
  type PublishedPort,
  type ForkOptions,
  type SandboxConfig,
} from "./sandbox.js";
export type {
  DiskFormat,
  Engine,
  ErrorKind,
  ExecFailureKind,
  HostPermissions,
  Isolation,
  LogLevel,
  MountCache,
  NetworkAction,
  NetworkDirection,
  NetworkProfile,
  PortProtocol,
  PullPolicy,
  SecurityProfile,
  StatVirtualization,
  ThpMode,
  ViolationAction,
  VolumeKind,
  VolumeMode,
} from "./tables.js";
export { PrivateNetwork, PrivateNetworkHandle, type PrivateNetworkMember } from "./private_network.js";
export { Volume, VolumeBuilder, VolumeHandle } from "./volume.js";
export { VolumeFs } from "./volume_fs.js";
export { type Pairs, type Rlimit } from "./values.js";
