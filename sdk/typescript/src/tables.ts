// Made by sdk/generate.py from sdk/abi.json.

/** A number of the library: what is open, or a call that can be cancelled. */
export type Handle = bigint;
/** Data of the library; null where there is none. */
export type Bytes = Uint8Array | null;
/** [error, results...] */
export type Outcome<T extends unknown[] = []> = [string | null, ...T];
/** The outcome of a call that blocks. */
export type Later<T extends unknown[] = []> = Promise<Outcome<T>>;

/** The functions of the library, under their names without msb_. */
export interface NativeFunctions {
  version(): string;
  set_sdk_msb_path(path: string): void;
  set_sdk_home(path: string): void;
  cancel_alloc(): Handle;
  cancel_trigger(cancel: Handle): void;
  cancel_unregister(cancel: Handle): void;
  progress_alloc(): Handle;
  progress_next(cancel: Handle, progress: Handle): Later<[string | null]>;
  progress_free(progress: Handle): void;
  sandbox_create(cancel: Handle, progress: Handle | 0, name: string, options: string): Later<[string]>;
  sandbox_start(cancel: Handle, name: string, options: string): Later<[string]>;
  sandbox_connect(cancel: Handle, name: string, timeoutMs: number): Later<[string]>;
  sandbox_info(sandbox: Handle): Later<[string]>;
  sandbox_detach(sandbox: Handle): Later;
  sandbox_close(cancel: Handle, sandbox: Handle): Later;
  sandbox_fork(cancel: Handle, progress: Handle | 0, sandbox: string, options: string): Later<[string]>;
  sandbox_diff(cancel: Handle, name: string): Later<[string]>;
  sandbox_get(name: string): Later<[string]>;
  sandbox_list(options: string): Later<[string]>;
  sandbox_remove(name: string, options: string): Later;
  sandbox_stop(cancel: Handle, name: string, timeoutMs: number): Later;
  sandbox_kill(cancel: Handle, name: string, timeoutMs: number): Later;
  sandbox_drain(cancel: Handle, name: string): Later;
  sandbox_request_stop(name: string, timeoutMs: number): Later;
  sandbox_request_kill(name: string): Later;
  sandbox_request_drain(name: string): Later;
  sandbox_wait_until_stopped(cancel: Handle, sandbox: Handle | 0, name: string, timeoutMs: number): Later<[string]>;
  sandbox_ping(cancel: Handle, name: string): Later<[string]>;
  sandbox_touch(cancel: Handle, name: string): Later<[string]>;
  agent_socket_path(name: string): Outcome<[string]>;
  sandbox_modify(name: string, options: string): Later<[string]>;
  network_check(name: string, destination: string): Later<[string]>;
  network_log(name: string, options: string): Later<[string]>;
  network_learn(name: string): Later<[string]>;
  network_policies(): Later<[string]>;
  network_policy(name: string): Later<[string]>;
  sandbox_exec(cancel: Handle, sandbox: Handle, command: string | null, options: string, input: Uint8Array | null): Later<[string, Bytes, Bytes]>;
  sandbox_exec_stream(cancel: Handle, sandbox: Handle, command: string | null, options: string, input: Uint8Array | null): Later<[Handle]>;
  sandbox_attach(cancel: Handle, sandbox: Handle, command: string | null, options: string): Later<[string]>;
  exec_recv(cancel: Handle, exec: Handle): Later<[string, Bytes]>;
  exec_stdin_write(cancel: Handle, exec: Handle, data: Uint8Array): Later;
  exec_stdin_close(cancel: Handle, exec: Handle): Later;
  exec_signal(cancel: Handle, exec: Handle, signal: number): Later;
  exec_resize(cancel: Handle, exec: Handle, rows: number, cols: number): Later;
  exec_collect(cancel: Handle, exec: Handle, options: string | null): Later<[string, Bytes, Bytes]>;
  exec_close(exec: Handle): Later;
  fs_read(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[Bytes]>;
  fs_write(cancel: Handle, sandbox: Handle, path: string, options: string, data: Uint8Array): Later;
  fs_stat(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_list(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_exists(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_mkdir(cancel: Handle, sandbox: Handle, path: string, options: string): Later;
  fs_remove(cancel: Handle, sandbox: Handle, path: string, options: string): Later;
  fs_remove_dir(cancel: Handle, sandbox: Handle, path: string, options: string): Later;
  fs_copy(cancel: Handle, sandbox: Handle, from: string, to: string, options: string): Later;
  fs_rename(cancel: Handle, sandbox: Handle, from: string, to: string, options: string): Later;
  fs_symlink(cancel: Handle, sandbox: Handle, target: string, path: string, options: string): Later;
  fs_read_link(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_real_path(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_copy_from_host(cancel: Handle, sandbox: Handle, host: string, guest: string, options: string): Later;
  fs_copy_to_host(cancel: Handle, sandbox: Handle, guest: string, host: string, options: string): Later;
  fs_read_stream(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[Handle]>;
  fs_read_stream_recv(cancel: Handle, stream: Handle): Later<[Bytes]>;
  fs_write_stream(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[Handle]>;
  fs_write_stream_write(cancel: Handle, stream: Handle, data: Uint8Array): Later;
  fs_write_stream_finish(cancel: Handle, stream: Handle): Later;
  fs_stream_close(stream: Handle): Later;
  ssh_server_open(sandbox: Handle, options: string): Later<[Handle]>;
  ssh_server_serve(cancel: Handle, server: Handle, input: number, output: number): Later;
  ssh_server_close(server: Handle): Later;
  image_list(): Later<[string]>;
  image_inspect(reference: string): Later<[string]>;
  image_pull(cancel: Handle, progress: Handle | 0, reference: string, options: string): Later<[string]>;
  image_load(cancel: Handle, progress: Handle | 0, path: string, options: string): Later<[string]>;
  image_remove(reference: string, options: string): Later;
  image_prune(): Later<[string]>;
  sandbox_logs(name: string, options: string): Later<[string, Bytes]>;
  log_stream_open(name: string, options: string): Later<[Handle]>;
  log_stream_recv(cancel: Handle, stream: Handle): Later<[string | null, Bytes]>;
  log_stream_close(stream: Handle): Later;
  sandbox_metrics(name: string): Later<[string]>;
  all_sandbox_metrics(): Later<[string]>;
  metrics_stream_open(name: string, options: string): Later<[Handle]>;
  metrics_stream_recv(cancel: Handle, stream: Handle): Later<[string | null]>;
  metrics_stream_close(stream: Handle): Later;
  network_create(name: string, options: string): Later<[string]>;
  network_get(name: string): Later<[string]>;
  network_list(): Later<[string]>;
  network_remove(name: string): Later;
  network_prune(): Later<[string]>;
  volume_create(name: string, options: string): Later<[string]>;
  volume_get(name: string): Later<[string]>;
  volume_list(): Later<[string]>;
  volume_remove(name: string): Later;
  volume_clone(cancel: Handle, name: string, to: string, options: string): Later<[string]>;
  volume_prune(options: string): Later<[string]>;
  volume_fs_read(name: string, path: string): Later<[Bytes]>;
  volume_fs_write(name: string, path: string, data: Uint8Array): Later;
  volume_fs_stat(name: string, path: string): Later<[string]>;
  volume_fs_list(name: string, path: string): Later<[string]>;
  volume_fs_mkdir(name: string, path: string): Later;
  volume_fs_remove(name: string, path: string, options: string): Later;
  volume_fs_copy(name: string, from: string, to: string): Later;
  volume_fs_rename(name: string, from: string, to: string): Later;
  storage_usage(cancel: Handle): Later<[string]>;
  storage_prune(cancel: Handle, options: string): Later<[string]>;
  snapshot_create(cancel: Handle, progress: Handle | 0, sandbox: string, name: string, options: string): Later<[string]>;
  snapshot_open(snapshot: string): Later<[string]>;
  snapshot_diff(cancel: Handle, before: string, after: string): Later<[string]>;
  snapshot_list(): Later<[string]>;
  snapshot_list_dir(directory: string): Later<[string]>;
  snapshot_verify(cancel: Handle, snapshot: string): Later<[string]>;
  snapshot_remove(snapshot: string, options: string): Later;
  snapshot_reindex(directory: string | null): Later<[string]>;
  snapshot_export(cancel: Handle, progress: Handle | 0, snapshot: string, file: string, options: string): Later<[string]>;
  snapshot_import(cancel: Handle, progress: Handle | 0, file: string, options: string): Later<[string]>;
}

/** What went wrong: the kinds of the C interface and of this package. */
export type ErrorKind =
  /** The call itself is wrong: an unknown option, a value of a wrong type. */
  | "invalid_argument"
  /** The handle was closed, or never was one, or belongs to the process that this one was forked from. */
  | "invalid_handle"
  /** No sandbox can have these properties. */
  | "invalid_config"
  /** The caller ended the call early. */
  | "cancelled"
  /** What was waited for did not happen in the time that was given. */
  | "timed_out"
  /** There is no sandbox of this name. */
  | "sandbox_not_found"
  /** There is a sandbox of this name already. */
  | "already_exists"
  /** The call needs a sandbox that is stopped. */
  | "still_running"
  /** The call needs a sandbox that runs. */
  | "not_running"
  /** The sandbox did not start; the stage is mount, build_vm, config, network, image or other. */
  | "boot_start"
  /** The sandbox has neither entrypoint nor cmd. */
  | "no_default_command"
  /** The command could not start. (One that ran and ended in failure is a result.) */
  | "exec_failed"
  /** The command ran longer than it was given, and was killed with all it had started. */
  | "exec_timeout"
  /** The sandbox ended before the command, or the connection broke. */
  | "session_lost"
  /** A change to the files of the new sandbox could not be made: something is there already, a file of the host cannot be read. */
  | "patch_failed"
  /** The image is not in the cache, and was not to be fetched. */
  | "image_not_found"
  /** A sandbox was made from the image. */
  | "image_in_use"
  /** The image could not be fetched or unpacked. */
  | "image_pull_failed"
  /** The guest has no such path. */
  | "path_not_found"
  /** Another operation on a file of the guest failed. */
  | "filesystem"
  /** The text is no cursor of this log or list. */
  | "invalid_cursor"
  /** Log entries were lost before they were read; the next call goes on behind them. */
  | "missed_rotation"
  /** The sandbox takes no metrics. */
  | "metrics_disabled"
  /** There is no sample of the sandbox, or none yet. */
  | "metrics_unavailable"
  /** There is more data than the bound that was given. */
  | "limit_exceeded"
  /** The host refused it to this process. */
  | "permission_denied"
  /** A disk is full. */
  | "no_space"
  /** This build, this machine or this sandbox cannot do it. */
  | "unsupported"
  /** Something that had to be connected to does not answer. */
  | "unreachable"
  /** The other side of a connection does not keep to the protocol. */
  | "protocol"
  /** Stored data is damaged. */
  | "corrupt"
  /** A system call on the host failed. */
  | "io"
  /** A fault of the library. */
  | "internal"
  /** There is no snapshot of this name, path or digest. */
  | "snapshot_not_found"
  /** There is a snapshot, or a file, of this name already. */
  | "snapshot_already_exists"
  /** The sandbox runs, and copying its disk would take more than a moment. */
  | "snapshot_sandbox_running"
  /** The image that the snapshot was made with is neither in the cache nor to be had. */
  | "snapshot_image_missing"
  /** The snapshot's disk is not the one whose hash was recorded. */
  | "snapshot_integrity"
  /** There is no private network of this name. */
  | "network_not_found"
  /** There is a private network of this name already. */
  | "network_already_exists"
  /** A sandbox, even a stopped one, is in the private network. */
  | "network_in_use"
  /** There is no volume of this name. */
  | "volume_not_found"
  /** There is a volume of this name already. */
  | "volume_already_exists"
  /** A sandbox that runs has the volume mounted, or another call works on it. */
  | "volume_in_use"
  /** Another snapshot came from this one, or another call works on it. */
  | "snapshot_in_use"
  /** There is no libmicrosandbox.so, or one that does not fit this package. */
  | "library_not_loaded";

/** Why a command could not start. */
export type ExecFailureKind =
  /** There is no such program. */
  | "not_found"
  /** The user may not execute it. */
  | "permission_denied"
  /** It is no program that the guest's kernel can run. */
  | "not_executable"
  /** The working directory is missing, or no directory. */
  | "bad_cwd"
  /** The arguments or the environment are too long, or not valid. */
  | "bad_args"
  /** A resource limit could not be set, or was reached. */
  | "resource_limit"
  /** There is no such user or group, or it could not be taken on. */
  | "user_setup_failed"
  /** The guest has no memory for it. */
  | "out_of_memory"
  /** The terminal could not be made. */
  | "pty_setup_failed"
  /** Anything else: the errno says what. */
  | "other";

/** What an event of a command is, in the C interface. */
export type ExecEventName =
  /** The command runs. */
  | "started"
  /** It wrote data to its standard output, or to its terminal. */
  | "stdout"
  /** It wrote data to its standard error. */
  | "stderr"
  /** It takes no more input, and goes on. */
  | "stdin_error"
  /** It ended: the last event, unless it failed. */
  | "exited"
  /** It could not start: the last event. */
  | "failed"
  /** There are no more events; this comes again and again. */
  | "done";

/** What a report of a pull is, in the C interface. */
export type PullEventName =
  /** The registry is asked what the reference means. */
  | "resolving"
  /** The manifest is here. */
  | "resolved"
  /** Bytes of a layer came. A report that nobody has read yet is replaced by the next one of its layer. */
  | "layer_download_progress"
  /** A layer is ready, or was in the cache already (reused). */
  | "layer_materialize_complete"
  /** The layers are put together. */
  | "stitch_merging_trees"
  /** The image is there. One that was in the cache has nothing before this. */
  | "complete";

/** Whether the guest's memory has huge pages. */
export type ThpMode =
  /** Where a program asks for them. */
  | "madvise"
  /** Wherever possible. */
  | "always"
  /** Nowhere. */
  | "never";

/** What the guest's users may do within the guest. */
export type SecurityProfile =
  /** What users of a Linux machine may do. */
  | "default"
  /** The guest's users are also isolated from the guest's kernel. */
  | "restricted";

/** What happens when a secret's placeholder is sent where it may not go. */
export type ViolationAction =
  /** The request is refused and recorded. */
  | "block-and-log"
  /** The request is refused. */
  | "block"
  /** The request is refused and recorded, and the sandbox ends. */
  | "block-and-terminate";

/** What runs the guest. */
export type Engine =
  /** The best that works on this machine. */
  | "auto"
  /** Linux in user mode: needs no hardware virtualisation. */
  | "uml"
  /** Hardware virtualisation. */
  | "kvm";

/** The boundary between guest and host that is asked for. */
export type Isolation =
  /** Any engine's. */
  | "any"
  /** Engines without a hardware boundary are refused. */
  | "hardware";

/** When an image is fetched from its registry. */
export type PullPolicy =
  /** When it is not in the cache. */
  | "if-missing"
  /** Each time; layers that are here are not fetched again. */
  | "always"
  /** Only images in the cache are used. */
  | "never";

/** How much the sandbox's runtime logs. */
export type LogLevel =
  /** What made something fail. */
  | "error"
  /** Also what may be wrong. */
  | "warn"
  /** Also what happens rarely. */
  | "info"
  /** Also what helps to find a fault. */
  | "debug"
  /** Everything. */
  | "trace";

/** Whose owners and modes a guest sees in a shared directory. */
export type StatVirtualization =
  /** They are the guest's own, kept beside each file. */
  | "strict"
  /** They are the host's. */
  | "off";

/** What becomes of a mode on the host that the guest sets. */
export type HostPermissions =
  /** Files on the host are the owner's only. */
  | "private"
  /** The host's mode follows the guest's. */
  | "mirror";

/** What a guest may answer from memory about a shared directory. */
export type MountCache =
  /** What the host did is seen by the next open or look-up. */
  | "strict"
  /** It is seen a second later, and less is asked. */
  | "cached";

/** What becomes of a named volume when a sandbox with it is made. */
export type VolumeMode =
  /** It has to be there. */
  | "existing"
  /** It must not be there, and is made. */
  | "create"
  /** It is made if it is not there. */
  | "ensure-exists";

/** What a volume is made of. */
export type VolumeKind =
  /** A directory of the host, which several sandboxes can share. */
  | "dir"
  /** An ext4 file system of a size of its own, which one sandbox can write to. */
  | "disk";

/** How a disk image has to be read; where nothing is said, by the name of the file. */
export type DiskFormat =
  /** As it is. */
  | "raw"
  /** As QEMU writes it. */
  | "qcow2"
  /** As VMware writes it. */
  | "vmdk";

/** The protocol of a published port. */
export type PortProtocol =
  /** TCP. */
  | "tcp"
  /** UDP. */
  | "udp";

/** A group of addresses that a guest may reach. */
export type NetworkProfile =
  /** The internet. */
  | "public"
  /** Private and link-local networks. */
  | "private"
  /** The host itself, by the gateway's address. */
  | "host"
  /** All of these; stands alone. */
  | "all"
  /** Nothing; stands alone. */
  | "none";

/** What is done with what a rule matches, or none does. */
export type NetworkAction =
  /** It is let through. */
  | "allow"
  /** It is refused. */
  | "deny";

/** Who begins the flows that a rule is about. */
export type NetworkDirection =
  /** The guest. */
  | "egress"
  /** Who comes to a published port. */
  | "ingress"
  /** Either. */
  | "any";

/** A change to the files of a new sandbox, before it first starts. As the C interface has it. */
export interface NativePatch {
  kind?: string | undefined;
  path?: string | undefined;
  content?: string | undefined;
  content_base64?: string | undefined;
  mode?: number | undefined;
  replace?: boolean | undefined;
  src?: string | undefined;
  dst?: string | undefined;
  target?: string | undefined;
  link?: string | undefined;
}

/** The program that becomes the guest's process 1. As the C interface has it. */
export interface NativeInit {
  cmd?: string | undefined;
  args?: string[] | undefined;
  env?: Record<string, string> | undefined;
}

/** What is at a path of the guest: one of "bind", "named", "owned", "tmpfs" and "disk". As the C interface has it. */
export interface NativeMount {
  bind?: string | undefined;
  named?: string | undefined;
  named_mode?: VolumeMode | undefined;
  owned?: boolean | undefined;
  tmpfs?: boolean | undefined;
  disk?: string | undefined;
  kind?: VolumeKind | undefined;
  size_mib?: number | undefined;
  labels?: Record<string, string> | undefined;
  format?: DiskFormat | undefined;
  fstype?: string | undefined;
  readonly?: boolean | undefined;
  noexec?: boolean | undefined;
  nosuid?: boolean | undefined;
  nodev?: boolean | undefined;
  follow_root_symlinks?: boolean | undefined;
  stat_virtualization?: StatVirtualization | undefined;
  host_permissions?: HostPermissions | undefined;
  cache?: MountCache | undefined;
  quota_mib?: number | undefined;
  quota_inodes?: number | undefined;
  uid?: number | undefined;
  gid?: number | undefined;
}

/** A port of the host that leads to one of the guest's. As the C interface has it. */
export interface NativePort {
  bind?: string | undefined;
  host_port?: number | undefined;
  guest_port?: number | undefined;
  protocol?: PortProtocol | undefined;
}

/** What is done with some of the guest's flows. As the C interface has it. */
export interface NativeRule {
  action?: NetworkAction | undefined;
  direction?: NetworkDirection | undefined;
  destination?: string | undefined;
  protocols?: string[] | undefined;
  ports?: string[] | undefined;
}

/** How the guest's names are looked up. As the C interface has it. */
export interface NativeDns {
  nameservers?: string[] | undefined;
  query_timeout_ms?: number | undefined;
  rebind_protection?: boolean | undefined;
}

/** Whether the certificates of some servers are checked. As the C interface has it. */
export interface NativeScopedVerify {
  pattern?: string | undefined;
  verify?: boolean | undefined;
}

/** Authorities that count for some servers. As the C interface has it. */
export interface NativeScopedFile {
  pattern?: string | undefined;
  path?: string | undefined;
}

/** What this machine shows some servers. As the C interface has it. */
export interface NativeClientCert {
  pattern?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

/** In which parts of a request a placeholder becomes the value. As the C interface has it. */
export interface NativeSecretPlaces {
  headers?: boolean | undefined;
  header_fields?: string[] | undefined;
  query?: boolean | undefined;
  body?: boolean | undefined;
}

/** A value that commands in the guest use and never have: they see a placeholder. As the C interface has it. */
export interface NativeSecret {
  env?: string | undefined;
  hosts?: string[] | undefined;
  source?: string | undefined;
  placeholder?: string | undefined;
  substitution?: NativeSecretPlaces | undefined;
  passthrough?: string[] | undefined;
  methods?: string[] | undefined;
  paths?: string[] | undefined;
  per_minute?: number | undefined;
  total?: number | undefined;
  action?: ViolationAction | undefined;
}

/** How TLS connections of the guest are opened on their way. The files are read at each start. As the C interface has it. */
export interface NativeTls {
  enabled?: boolean | undefined;
  intercepted_ports?: string[] | undefined;
  bypass?: string[] | undefined;
  block_quic?: boolean | undefined;
  ca_cert?: string | undefined;
  ca_key?: string | undefined;
  verify_upstream?: boolean | undefined;
  scoped_verify_upstream?: NativeScopedVerify[] | undefined;
  upstream_ca_certs?: string[] | undefined;
  scoped_upstream_ca_certs?: NativeScopedFile[] | undefined;
  client_certs?: NativeClientCert[] | undefined;
  secrets?: NativeSecret[] | undefined;
  secret_violation_action?: ViolationAction | undefined;
}

/** The guest's place in its network; what is not given follows from its name. As the C interface has it. */
export interface NativeInterface {
  mac?: string | undefined;
  mtu?: number | undefined;
  ipv4?: string | undefined;
  ipv6?: string | undefined;
  ipv4_pool?: string | undefined;
  ipv6_pool?: string | undefined;
}

/** A rate with room for bursts. As the C interface has it. */
export interface NativeBucket {
  size?: number | undefined;
  refill_time_ms?: number | undefined;
  one_time_burst?: number | undefined;
}

/** Limits of one direction. As the C interface has it. */
export interface NativeRates {
  bandwidth?: NativeBucket | undefined;
  ops?: NativeBucket | undefined;
}

/** How fast the guest's network is. As the C interface has it. */
export interface NativeRateLimiter {
  egress?: NativeRates | undefined;
  ingress?: NativeRates | undefined;
}

/** What the guest may reach. Where nothing is said about it, the Internet, or what this machine's configuration says. As the C interface has it. */
export interface NativeNetwork {
  profiles?: string[] | undefined;
  policy?: string | undefined;
  rules?: (string | NativeRule)[] | undefined;
  default_egress?: NetworkAction | undefined;
  default_ingress?: NetworkAction | undefined;
  dns?: NativeDns | undefined;
  explain_denials?: boolean | undefined;
  network?: string | undefined;
  max_connections?: number | undefined;
  proxy?: string | undefined;
  tls?: NativeTls | undefined;
  trust_host_cas?: boolean | undefined;
  interface?: NativeInterface | undefined;
  rate_limiter?: NativeRateLimiter | undefined;
}

/** A limit for commands, as of setrlimit(2). As the C interface has it. */
export interface NativeRlimit {
  resource?: string | undefined;
  soft?: number | undefined;
  hard?: number | undefined;
}

/** How a new sandbox is to be. As the C interface has it. */
export interface NativeCreateOptions {
  image?: string | undefined;
  from_snapshot?: string | undefined;
  patches?: NativePatch[] | undefined;
  cpus?: number | undefined;
  max_cpus?: number | undefined;
  memory_mib?: number | undefined;
  max_memory_mib?: number | undefined;
  root_disk_mib?: number | undefined;
  root_disk?: string | undefined;
  thp?: ThpMode | undefined;
  env?: Record<string, string> | undefined;
  labels?: Record<string, string> | undefined;
  scripts?: Record<string, string> | undefined;
  workdir?: string | undefined;
  user?: string | undefined;
  hostname?: string | undefined;
  shell?: string | undefined;
  entrypoint?: string[] | undefined;
  cmd?: string[] | undefined;
  init?: string | NativeInit | undefined;
  security?: SecurityProfile | undefined;
  volumes?: Record<string, NativeMount> | undefined;
  ports?: NativePort[] | undefined;
  network?: false | NativeNetwork | undefined;
  rlimits?: NativeRlimit[] | undefined;
  engine?: Engine | undefined;
  kernel?: string | undefined;
  require_isolation?: Isolation | undefined;
  pull_policy?: PullPolicy | undefined;
  insecure?: boolean | undefined;
  ca_certs?: string | undefined;
  max_duration_secs?: number | undefined;
  idle_timeout_secs?: number | undefined;
  log_level?: LogLevel | undefined;
  metrics_sample_interval_ms?: number | undefined;
  disable_metrics_sample?: boolean | undefined;
  detached?: boolean | undefined;
  ephemeral?: boolean | undefined;
  replace?: boolean | undefined;
  replace_with_timeout_ms?: number | undefined;
}

/** How a command is run. As the C interface has it. */
export interface NativeExecOptions {
  args?: string[] | undefined;
  shell?: boolean | undefined;
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  user?: string | undefined;
  timeout_ms?: number | undefined;
  tty?: boolean | undefined;
  rows?: number | undefined;
  cols?: number | undefined;
  stdin?: boolean | undefined;
  rlimits?: NativeRlimit[] | undefined;
  max_output_bytes?: number | undefined;
}

/** How a command with this process's terminal is run. As the C interface has it. */
export interface NativeAttachOptions {
  args?: string[] | undefined;
  shell?: boolean | undefined;
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  user?: string | undefined;
  rlimits?: NativeRlimit[] | undefined;
  detach_keys?: string | undefined;
}

/** How SSH is served. As the C interface has it. */
export interface NativeSshServerOptions {
  host_key_path?: string | undefined;
  authorized_keys_path?: string | undefined;
  user?: string | undefined;
  sftp?: boolean | undefined;
  inactivity_timeout_ms?: number | undefined;
}

/** How often. As the C interface has it. */
export interface NativeMetricsStreamOptions {
  interval_ms?: number | undefined;
}

/** Which sandboxes. As the C interface has it. */
export interface NativeListOptions {
  labels?: Record<string, string> | undefined;
  limit?: number | undefined;
  cursor?: string | undefined;
}

/** How an image is fetched. As the C interface has it. */
export interface NativePullOptions {
  pull_policy?: PullPolicy | undefined;
  insecure?: boolean | undefined;
  ca_certs?: string | undefined;
}

/** How a file operation is done. As the C interface has it. */
export interface NativeFsOptions {
  user?: string | undefined;
  max_bytes?: number | undefined;
  mode?: number | undefined;
  follow?: boolean | undefined;
  recursive?: boolean | undefined;
}

/** Which log entries, and whether to wait for more. As the C interface has it. */
export interface NativeLogOptions {
  tail?: number | undefined;
  since_ms?: number | undefined;
  until_ms?: number | undefined;
  sources?: string[] | "all" | undefined;
  from_cursor?: string | undefined;
  follow?: boolean | undefined;
}

/** How an archive is taken in. As the C interface has it. */
export interface NativeSnapshotOptions {
  dest_dir?: string | undefined;
  labels?: Record<string, string> | undefined;
  force?: boolean | undefined;
  integrity?: boolean | undefined;
  copy_while_frozen?: boolean | undefined;
  name?: string | undefined;
}

/** What is written into an archive. As the C interface has it. */
export interface NativeExportOptions {
  since?: string | undefined;
  with_parents?: boolean | undefined;
  with_image?: boolean | undefined;
  plain_tar?: boolean | undefined;
  force?: boolean | undefined;
}

/** What is changed. As the C interface has it. */
export interface NativeModifyOptions {
  network?: false | NativeNetwork | undefined;
  root_disk_size_mib?: number | undefined;
  secrets?: NativeSecret[] | undefined;
  remove_secrets?: string[] | undefined;
  reload_secrets?: boolean | undefined;
  secret_violation_action?: ViolationAction | undefined;
}

/** Which entries. As the C interface has it. */
export interface NativeNetworkLogOptions {
  denied?: boolean | undefined;
  tail?: number | undefined;
  since_ms?: number | undefined;
}

/** What the copy of a volume is like. As the C interface has it. */
export interface NativeVolumeOptions {
  kind?: VolumeKind | undefined;
  size_mib?: number | undefined;
  quota_mib?: number | undefined;
  labels?: Record<string, string> | undefined;
}

/** Which volumes are removed. As the C interface has it. */
export interface NativePruneOptions {
  labels?: Record<string, string> | undefined;
  dry_run?: boolean | undefined;
}

/** A private network. As the C interface has it. */
export interface NativePrivateNetworkOptions {
  subnet?: string | undefined;
}

/** Which sandboxes begin with the disk of another one. As the C interface has it. */
export interface NativeForkOptions {
  names?: string[] | undefined;
  copy_while_frozen?: boolean | undefined;
  detached?: boolean | undefined;
}

/** What is removed. As the C interface has it. */
export interface NativeStoragePruneOptions {
  types?: string[] | undefined;
  labels?: Record<string, string> | undefined;
  older_than_ms?: number | undefined;
  dry_run?: boolean | undefined;
}
