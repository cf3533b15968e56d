// Made by sdk/generate.py from sdk/abi.json.
//! What the library has, as tables: each is a macro that another one is given to.

pub(crate) const ABI_VERSION: u32 = 1;

macro_rules! function_table {
    ($made_by:ident) => {
        $made_by! {
            abi_version() -> u32;
            version() -> Str;
            free_string(*mut c_char);
            free_bytes(*mut u8);
            set_sdk_msb_path(Str);
            set_sdk_home(Str);
            cancel_alloc() -> u64;
            cancel_trigger(u64);
            cancel_unregister(u64);
            progress_alloc() -> u64;
            progress_next(u64, u64, Out<*mut c_char>) -> Failure;
            progress_free(u64);
            sandbox_create(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            sandbox_start(u64, Str, Str, Out<*mut c_char>) -> Failure;
            sandbox_connect(u64, Str, i64, Out<*mut c_char>) -> Failure;
            sandbox_info(u64, Out<*mut c_char>) -> Failure;
            sandbox_detach(u64) -> Failure;
            sandbox_close(u64, u64) -> Failure;
            sandbox_release(u64);
            sandbox_fork(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            sandbox_diff(u64, Str, Out<*mut c_char>) -> Failure;
            sandbox_get(Str, Out<*mut c_char>) -> Failure;
            sandbox_list(Str, Out<*mut c_char>) -> Failure;
            sandbox_remove(Str, Str) -> Failure;
            sandbox_stop(u64, Str, i64) -> Failure;
            sandbox_kill(u64, Str, i64) -> Failure;
            sandbox_drain(u64, Str) -> Failure;
            sandbox_request_stop(Str, i64) -> Failure;
            sandbox_request_kill(Str) -> Failure;
            sandbox_request_drain(Str) -> Failure;
            sandbox_wait_until_stopped(u64, u64, Str, i64, Out<*mut c_char>) -> Failure;
            sandbox_ping(u64, Str, Out<*mut c_char>) -> Failure;
            sandbox_touch(u64, Str, Out<*mut c_char>) -> Failure;
            agent_socket_path(Str, Out<*mut c_char>) -> Failure;
            sandbox_modify(Str, Str, Out<*mut c_char>) -> Failure;
            network_check(Str, Str, Out<*mut c_char>) -> Failure;
            network_log(Str, Str, Out<*mut c_char>) -> Failure;
            network_learn(Str, Out<*mut c_char>) -> Failure;
            network_policies(Out<*mut c_char>) -> Failure;
            network_policy(Str, Out<*mut c_char>) -> Failure;
            sandbox_exec(u64, u64, Str, Str, *const u8, usize, Out<*mut c_char>, Out<*mut u8>, Out<usize>, Out<*mut u8>, Out<usize>) -> Failure;
            sandbox_exec_stream(u64, u64, Str, Str, *const u8, usize, Out<u64>) -> Failure;
            sandbox_attach(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            exec_recv(u64, u64, Out<*mut c_char>, Out<*mut u8>, Out<usize>) -> Failure;
            exec_stdin_write(u64, u64, *const u8, usize) -> Failure;
            exec_stdin_close(u64, u64) -> Failure;
            exec_signal(u64, u64, i32) -> Failure;
            exec_resize(u64, u64, u16, u16) -> Failure;
            exec_collect(u64, u64, Str, Out<*mut c_char>, Out<*mut u8>, Out<usize>, Out<*mut u8>, Out<usize>) -> Failure;
            exec_close(u64);
            fs_read(u64, u64, Str, Str, Out<*mut u8>, Out<usize>) -> Failure;
            fs_write(u64, u64, Str, Str, *const u8, usize) -> Failure;
            fs_stat(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            fs_list(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            fs_exists(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            fs_mkdir(u64, u64, Str, Str) -> Failure;
            fs_remove(u64, u64, Str, Str) -> Failure;
            fs_remove_dir(u64, u64, Str, Str) -> Failure;
            fs_copy(u64, u64, Str, Str, Str) -> Failure;
            fs_rename(u64, u64, Str, Str, Str) -> Failure;
            fs_symlink(u64, u64, Str, Str, Str) -> Failure;
            fs_read_link(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            fs_real_path(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            fs_copy_from_host(u64, u64, Str, Str, Str) -> Failure;
            fs_copy_to_host(u64, u64, Str, Str, Str) -> Failure;
            fs_read_stream(u64, u64, Str, Str, Out<u64>) -> Failure;
            fs_read_stream_recv(u64, u64, Out<*mut u8>, Out<usize>) -> Failure;
            fs_write_stream(u64, u64, Str, Str, Out<u64>) -> Failure;
            fs_write_stream_write(u64, u64, *const u8, usize) -> Failure;
            fs_write_stream_finish(u64, u64) -> Failure;
            fs_stream_close(u64);
            ssh_server_open(u64, Str, Out<u64>) -> Failure;
            ssh_server_serve(u64, u64, i32, i32) -> Failure;
            ssh_server_close(u64);
            image_list(Out<*mut c_char>) -> Failure;
            image_inspect(Str, Out<*mut c_char>) -> Failure;
            image_pull(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            image_load(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
            image_remove(Str, Str) -> Failure;
            image_prune(Out<*mut c_char>) -> Failure;
            sandbox_logs(Str, Str, Out<*mut c_char>, Out<*mut u8>, Out<usize>) -> Failure;
            log_stream_open(Str, Str, Out<u64>) -> Failure;
            log_stream_recv(u64, u64, Out<*mut c_char>, Out<*mut u8>, Out<usize>) -> Failure;
            log_stream_close(u64);
            sandbox_metrics(Str, Out<*mut c_char>) -> Failure;
            all_sandbox_metrics(Out<*mut c_char>) -> Failure;
            metrics_stream_open(Str, Str, Out<u64>) -> Failure;
            metrics_stream_recv(u64, u64, Out<*mut c_char>) -> Failure;
            metrics_stream_close(u64);
            network_create(Str, Str, Out<*mut c_char>) -> Failure;
            network_get(Str, Out<*mut c_char>) -> Failure;
            network_list(Out<*mut c_char>) -> Failure;
            network_remove(Str) -> Failure;
            network_prune(Out<*mut c_char>) -> Failure;
            volume_create(Str, Str, Out<*mut c_char>) -> Failure;
            volume_get(Str, Out<*mut c_char>) -> Failure;
            volume_list(Out<*mut c_char>) -> Failure;
            volume_remove(Str) -> Failure;
            volume_clone(u64, Str, Str, Str, Out<*mut c_char>) -> Failure;
            volume_prune(Str, Out<*mut c_char>) -> Failure;
            volume_fs_read(Str, Str, Out<*mut u8>, Out<usize>) -> Failure;
            volume_fs_write(Str, Str, *const u8, usize) -> Failure;
            volume_fs_stat(Str, Str, Out<*mut c_char>) -> Failure;
            volume_fs_list(Str, Str, Out<*mut c_char>) -> Failure;
            volume_fs_mkdir(Str, Str) -> Failure;
            volume_fs_remove(Str, Str, Str) -> Failure;
            volume_fs_copy(Str, Str, Str) -> Failure;
            volume_fs_rename(Str, Str, Str) -> Failure;
            storage_usage(u64, Out<*mut c_char>) -> Failure;
            storage_prune(u64, Str, Out<*mut c_char>) -> Failure;
            snapshot_create(u64, u64, Str, Str, Str, Out<*mut c_char>) -> Failure;
            snapshot_open(Str, Out<*mut c_char>) -> Failure;
            snapshot_diff(u64, Str, Str, Out<*mut c_char>) -> Failure;
            snapshot_list(Out<*mut c_char>) -> Failure;
            snapshot_list_dir(Str, Out<*mut c_char>) -> Failure;
            snapshot_verify(u64, Str, Out<*mut c_char>) -> Failure;
            snapshot_remove(Str, Str) -> Failure;
            snapshot_reindex(Str, Out<*mut c_char>) -> Failure;
            snapshot_export(u64, u64, Str, Str, Str, Out<*mut c_char>) -> Failure;
            snapshot_import(u64, u64, Str, Str, Out<*mut c_char>) -> Failure;
        }
    };
}
pub(crate) use function_table;

macro_rules! error_table {
    ($made_by:ident) => {
        $made_by! {
            /// The call itself is wrong: an unknown option, a value of a wrong type.
            "invalid_argument" InvalidArgument,
            /// The handle was closed, or never was one, or belongs to the process that this one was forked from.
            "invalid_handle" InvalidHandle,
            /// No sandbox can have these properties.
            "invalid_config" InvalidConfig,
            /// The caller ended the call early.
            "cancelled" Cancelled,
            /// What was waited for did not happen in the time that was given.
            "timed_out" TimedOut,
            /// There is no sandbox of this name.
            "sandbox_not_found" SandboxNotFound,
            /// There is a sandbox of this name already.
            "already_exists" SandboxAlreadyExists,
            /// The call needs a sandbox that is stopped.
            "still_running" SandboxStillRunning,
            /// The call needs a sandbox that runs.
            "not_running" SandboxNotRunning,
            /// The sandbox has neither entrypoint nor cmd.
            "no_default_command" NoDefaultCommand,
            /// The sandbox ended before the command, or the connection broke.
            "session_lost" SessionLost,
            /// A change to the files of the new sandbox could not be made: something is there already, a file of the host cannot be read.
            "patch_failed" PatchFailed,
            /// The image is not in the cache, and was not to be fetched.
            "image_not_found" ImageNotFound,
            /// A sandbox was made from the image.
            "image_in_use" ImageInUse,
            /// The image could not be fetched or unpacked.
            "image_pull_failed" ImagePullFailed,
            /// The guest has no such path.
            "path_not_found" PathNotFound,
            /// Another operation on a file of the guest failed.
            "filesystem" Filesystem,
            /// The text is no cursor of this log or list.
            "invalid_cursor" InvalidCursor,
            /// The sandbox takes no metrics.
            "metrics_disabled" MetricsDisabled,
            /// There is no sample of the sandbox, or none yet.
            "metrics_unavailable" MetricsUnavailable,
            /// There is more data than the bound that was given.
            "limit_exceeded" LimitExceeded,
            /// The host refused it to this process.
            "permission_denied" PermissionDenied,
            /// A disk is full.
            "no_space" NoSpace,
            /// This build, this machine or this sandbox cannot do it.
            "unsupported" Unsupported,
            /// Something that had to be connected to does not answer.
            "unreachable" Unreachable,
            /// The other side of a connection does not keep to the protocol.
            "protocol" Protocol,
            /// Stored data is damaged.
            "corrupt" Corrupt,
            /// A system call on the host failed.
            "io" Io,
            /// A fault of the library.
            "internal" Internal,
            /// There is no snapshot of this name, path or digest.
            "snapshot_not_found" SnapshotNotFound,
            /// There is a snapshot, or a file, of this name already.
            "snapshot_already_exists" SnapshotAlreadyExists,
            /// The sandbox runs, and copying its disk would take more than a moment.
            "snapshot_sandbox_running" SnapshotSandboxRunning,
            /// The image that the snapshot was made with is neither in the cache nor to be had.
            "snapshot_image_missing" SnapshotImageMissing,
            /// The snapshot's disk is not the one whose hash was recorded.
            "snapshot_integrity" SnapshotIntegrity,
            /// There is no private network of this name.
            "network_not_found" NetworkNotFound,
            /// There is a private network of this name already.
            "network_already_exists" NetworkAlreadyExists,
            /// A sandbox, even a stopped one, is in the private network.
            "network_in_use" NetworkInUse,
            /// There is no volume of this name.
            "volume_not_found" VolumeNotFound,
            /// There is a volume of this name already.
            "volume_already_exists" VolumeAlreadyExists,
            /// A sandbox that runs has the volume mounted, or another call works on it.
            "volume_in_use" VolumeInUse,
            /// Another snapshot came from this one, or another call works on it.
            "snapshot_in_use" SnapshotInUse,
            /// There is no libmicrosandbox.so, or one that does not fit this package.
            "library_not_loaded" LibraryNotLoaded,
        }
    };
}
pub(crate) use error_table;

macro_rules! exec_failure_table {
    ($made_by:ident) => {
        $made_by! {
            /// There is no such program.
            "not_found" NotFound,
            /// The user may not execute it.
            "permission_denied" PermissionDenied,
            /// It is no program that the guest's kernel can run.
            "not_executable" NotExecutable,
            /// The working directory is missing, or no directory.
            "bad_cwd" BadCwd,
            /// The arguments or the environment are too long, or not valid.
            "bad_args" BadArgs,
            /// A resource limit could not be set, or was reached.
            "resource_limit" ResourceLimit,
            /// There is no such user or group, or it could not be taken on.
            "user_setup_failed" UserSetupFailed,
            /// The guest has no memory for it.
            "out_of_memory" OutOfMemory,
            /// The terminal could not be made.
            "pty_setup_failed" PtySetupFailed,
            /// Anything else: the errno says what.
            "other" Other,
        }
    };
}
pub(crate) use exec_failure_table;

macro_rules! choice_table {
    ($made_by:ident) => {
        $made_by! {
            /// Whether the guest's memory has huge pages.
            open ThpMode {
                /// Where a program asks for them.
                "madvise" Madvise,
                /// Wherever possible.
                "always" Always,
                /// Nowhere.
                "never" Never,
            }
            /// What the guest's users may do within the guest.
            closed SecurityProfile {
                /// What users of a Linux machine may do.
                "default" Default,
                /// The guest's users are also isolated from the guest's kernel.
                "restricted" Restricted,
            }
            /// What happens when a secret's placeholder is sent where it may not go.
            closed ViolationAction {
                /// The request is refused and recorded.
                "block-and-log" BlockAndLog,
                /// The request is refused.
                "block" Block,
                /// The request is refused and recorded, and the sandbox ends.
                "block-and-terminate" BlockAndTerminate,
            }
            /// What runs the guest.
            open Engine {
                /// The best that works on this machine.
                "auto" Auto,
                /// Linux in user mode: needs no hardware virtualisation.
                "uml" Uml,
                /// Hardware virtualisation.
                "kvm" Kvm,
            }
            /// The boundary between guest and host that is asked for.
            closed Isolation {
                /// Any engine's.
                "any" Any,
                /// Engines without a hardware boundary are refused.
                "hardware" Hardware,
            }
            /// When an image is fetched from its registry.
            closed PullPolicy {
                /// When it is not in the cache.
                "if-missing" IfMissing,
                /// Each time; layers that are here are not fetched again.
                "always" Always,
                /// Only images in the cache are used.
                "never" Never,
            }
            /// How much the sandbox's runtime logs.
            open LogLevel {
                /// What made something fail.
                "error" Error,
                /// Also what may be wrong.
                "warn" Warn,
                /// Also what happens rarely.
                "info" Info,
                /// Also what helps to find a fault.
                "debug" Debug,
                /// Everything.
                "trace" Trace,
            }
            /// Whose owners and modes a guest sees in a shared directory.
            open StatVirtualization {
                /// They are the guest's own, kept beside each file.
                "strict" Strict,
                /// They are the host's.
                "off" Off,
            }
            /// What becomes of a mode on the host that the guest sets.
            open HostPermissions {
                /// Files on the host are the owner's only.
                "private" Private,
                /// The host's mode follows the guest's.
                "mirror" Mirror,
            }
            /// What a guest may answer from memory about a shared directory.
            open MountCache {
                /// What the host did is seen by the next open or look-up.
                "strict" Strict,
                /// It is seen a second later, and less is asked.
                "cached" Cached,
            }
            /// What becomes of a named volume when a sandbox with it is made.
            closed VolumeMode {
                /// It has to be there.
                "existing" Existing,
                /// It must not be there, and is made.
                "create" Create,
                /// It is made if it is not there.
                "ensure-exists" EnsureExists,
            }
            /// What a volume is made of.
            closed VolumeKind {
                /// A directory of the host, which several sandboxes can share.
                "dir" Dir,
                /// An ext4 file system of a size of its own, which one sandbox can write to.
                "disk" Disk,
            }
            /// How a disk image has to be read; where nothing is said, by the name of the file.
            closed DiskFormat {
                /// As it is.
                "raw" Raw,
                /// As QEMU writes it.
                "qcow2" Qcow2,
                /// As VMware writes it.
                "vmdk" Vmdk,
            }
            /// The protocol of a published port.
            closed PortProtocol {
                /// TCP.
                "tcp" Tcp,
                /// UDP.
                "udp" Udp,
            }
            /// A group of addresses that a guest may reach.
            open NetworkProfile {
                /// The internet.
                "public" Public,
                /// Private and link-local networks.
                "private" Private,
                /// The host itself, by the gateway's address.
                "host" Host,
                /// All of these; stands alone.
                "all" All,
                /// Nothing; stands alone.
                "none" None,
            }
            /// What is done with what a rule matches, or none does.
            closed NetworkAction {
                /// It is let through.
                "allow" Allow,
                /// It is refused.
                "deny" Deny,
            }
            /// Who begins the flows that a rule is about.
            closed NetworkDirection {
                /// The guest.
                "egress" Egress,
                /// Who comes to a published port.
                "ingress" Ingress,
                /// Either.
                "any" Any,
            }
        }
    };
}
pub(crate) use choice_table;

macro_rules! event_table {
    ($made_by:ident) => {
        $made_by! {
            ExecEventName {
                "started" Started,
                "stdout" Stdout,
                "stderr" Stderr,
                "stdin_error" StdinError,
                "exited" Exited,
                "failed" Failed,
                "done" Done,
            }
            PullEventName {
                "resolving" Resolving,
                "resolved" Resolved,
                "layer_download_progress" LayerDownloadProgress,
                "layer_materialize_complete" LayerMaterializeComplete,
                "stitch_merging_trees" StitchMergingTrees,
                "complete" Complete,
            }
        }
    };
}
pub(crate) use event_table;

macro_rules! option_table {
    ($made_by:ident) => {
        $made_by! {
            PatchOptions {
                kind: String,
                path: String,
                content: String,
                content_base64: String,
                mode: u32,
                replace: bool,
                src: String,
                dst: String,
                target: String,
                link: String,
            }
            InitOptions {
                cmd: String,
                args: Vec<String>,
                env: BTreeMap<String, String>,
            }
            MountOptions {
                bind: String,
                named: String,
                named_mode: VolumeMode,
                owned: bool,
                tmpfs: bool,
                disk: String,
                kind: VolumeKind,
                size_mib: u64,
                labels: BTreeMap<String, String>,
                format: DiskFormat,
                fstype: String,
                readonly: bool,
                noexec: bool,
                nosuid: bool,
                nodev: bool,
                follow_root_symlinks: bool,
                stat_virtualization: StatVirtualization,
                host_permissions: HostPermissions,
                cache: MountCache,
                quota_mib: u64,
                quota_inodes: u64,
                uid: u32,
                gid: u32,
            }
            PortOptions {
                bind: String,
                host_port: u16,
                guest_port: u16,
                protocol: PortProtocol,
            }
            RuleOptions {
                action: NetworkAction,
                direction: NetworkDirection,
                destination: String,
                protocols: Vec<String>,
                ports: Vec<String>,
            }
            DnsOptions {
                nameservers: Vec<String>,
                query_timeout_ms: u32,
                rebind_protection: bool,
            }
            ScopedVerifyOptions {
                pattern: String,
                verify: bool,
            }
            ScopedFileOptions {
                pattern: String,
                path: String,
            }
            ClientCertOptions {
                pattern: String,
                cert: String,
                key: String,
            }
            SecretPlacesOptions {
                headers: bool,
                header_fields: Vec<String>,
                query: bool,
                body: bool,
            }
            SecretOptions {
                env: String,
                hosts: Vec<String>,
                source: String,
                placeholder: String,
                substitution: SecretPlacesOptions,
                passthrough: Vec<String>,
                methods: Vec<String>,
                paths: Vec<String>,
                per_minute: u64,
                total: u64,
                action: ViolationAction,
            }
            TlsOptions {
                enabled: bool,
                intercepted_ports: Vec<String>,
                bypass: Vec<String>,
                block_quic: bool,
                ca_cert: String,
                ca_key: String,
                verify_upstream: bool,
                scoped_verify_upstream: Vec<ScopedVerifyOptions>,
                upstream_ca_certs: Vec<String>,
                scoped_upstream_ca_certs: Vec<ScopedFileOptions>,
                client_certs: Vec<ClientCertOptions>,
                secrets: Vec<SecretOptions>,
                secret_violation_action: ViolationAction,
            }
            InterfaceOptions {
                mac: String,
                mtu: u16,
                ipv4: String,
                ipv6: String,
                ipv4_pool: String,
                ipv6_pool: String,
            }
            BucketOptions {
                size: u64,
                refill_time_ms: u64,
                one_time_burst: u64,
            }
            RatesOptions {
                bandwidth: BucketOptions,
                ops: BucketOptions,
            }
            RateLimiterOptions {
                egress: RatesOptions,
                ingress: RatesOptions,
            }
            NetworkOptions {
                profiles: Vec<String>,
                policy: String,
                rules: Vec<Spelled<RuleOptions>>,
                default_egress: NetworkAction,
                default_ingress: NetworkAction,
                dns: DnsOptions,
                explain_denials: bool,
                network: String,
                max_connections: u32,
                proxy: String,
                tls: TlsOptions,
                trust_host_cas: bool,
                interface: InterfaceOptions,
                rate_limiter: RateLimiterOptions,
            }
            RlimitOptions {
                resource: String,
                soft: u64,
                hard: u64,
            }
            CreateOptions {
                image: String,
                from_snapshot: String,
                patches: Vec<PatchOptions>,
                cpus: u32,
                max_cpus: u32,
                memory_mib: u64,
                max_memory_mib: u64,
                root_disk_mib: u64,
                root_disk: String,
                thp: ThpMode,
                env: BTreeMap<String, String>,
                labels: BTreeMap<String, String>,
                scripts: BTreeMap<String, String>,
                workdir: String,
                user: String,
                hostname: String,
                shell: String,
                entrypoint: Vec<String>,
                cmd: Vec<String>,
                init: InitOptions,
                security: SecurityProfile,
                volumes: BTreeMap<String, MountOptions>,
                ports: Vec<PortOptions>,
                network: Switch<NetworkOptions>,
                rlimits: Vec<RlimitOptions>,
                engine: Engine,
                kernel: String,
                require_isolation: Isolation,
                pull_policy: PullPolicy,
                insecure: bool,
                ca_certs: String,
                max_duration_secs: u64,
                idle_timeout_secs: u64,
                log_level: LogLevel,
                metrics_sample_interval_ms: u64,
                disable_metrics_sample: bool,
                detached: bool,
                ephemeral: bool,
                replace: bool,
                replace_with_timeout_ms: u64,
            }
            StartOptions {
                detached: bool,
            }
            ListOptions {
                labels: BTreeMap<String, String>,
                limit: u64,
                cursor: String,
            }
            RemoveOptions {
                force: bool,
            }
            ExecOptions {
                args: Vec<String>,
                shell: bool,
                env: BTreeMap<String, String>,
                cwd: String,
                user: String,
                timeout_ms: u64,
                tty: bool,
                rows: u16,
                cols: u16,
                stdin: bool,
                rlimits: Vec<RlimitOptions>,
                max_output_bytes: u64,
            }
            AttachOptions {
                args: Vec<String>,
                shell: bool,
                env: BTreeMap<String, String>,
                cwd: String,
                user: String,
                rlimits: Vec<RlimitOptions>,
                detach_keys: String,
            }
            SshServerOptions {
                host_key_path: String,
                authorized_keys_path: String,
                user: String,
                sftp: bool,
                inactivity_timeout_ms: u64,
            }
            MetricsStreamOptions {
                interval_ms: u64,
            }
            FsOptions {
                user: String,
                max_bytes: u64,
                mode: u32,
                follow: bool,
                recursive: bool,
            }
            PullOptions {
                pull_policy: PullPolicy,
                insecure: bool,
                ca_certs: String,
            }
            LoadOptions {
                tags: Vec<String>,
            }
            LogQuery {
                tail: u64,
                since_ms: u64,
                until_ms: u64,
                sources: Vec<String>,
                from_cursor: String,
                follow: bool,
            }
            SnapshotOptions {
                dest_dir: String,
                labels: BTreeMap<String, String>,
                force: bool,
                integrity: bool,
                copy_while_frozen: bool,
                name: String,
            }
            ExportOptions {
                since: String,
                with_parents: bool,
                with_image: bool,
                plain_tar: bool,
                force: bool,
            }
            ModifyOptions {
                network: Switch<NetworkOptions>,
                root_disk_size_mib: u64,
                secrets: Vec<SecretOptions>,
                remove_secrets: Vec<String>,
                reload_secrets: bool,
                secret_violation_action: ViolationAction,
            }
            NetworkLogQuery {
                denied: bool,
                tail: u64,
                since_ms: u64,
            }
            VolumeOptions {
                kind: VolumeKind,
                size_mib: u64,
                quota_mib: u64,
                labels: BTreeMap<String, String>,
            }
            PruneOptions {
                labels: BTreeMap<String, String>,
                dry_run: bool,
            }
            PrivateNetworkOptions {
                subnet: String,
            }
            ForkOptions {
                names: Vec<String>,
                copy_while_frozen: bool,
                detached: bool,
            }
            StoragePruneOptions {
                types: Vec<String>,
                labels: BTreeMap<String, String>,
                older_than_ms: u64,
                dry_run: bool,
            }
            VolumeRemoveOptions {
                recursive: bool,
            }
        }
    };
}
pub(crate) use option_table;
