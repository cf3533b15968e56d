/* clang-format off */
/* Made by sdk/generate.py from sdk/abi.json. */
/* microsandbox: untrusted code in local virtual machines that start like processes.
 *
 * C interface of libmicrosandbox.so.
 *
 * Conventions
 * - A function that can fail returns NULL on success and otherwise an error: a JSON object
 *   {"kind": "already_exists", "message": "...", "hint": "..." or null, ...}. The kinds and
 *   their further members are listed below. Release it with msb_free_string(). Results are not
 *   touched when a call fails.
 * - Results are allocated by the library: text (JSON, UTF-8) is released with msb_free_string(),
 *   bytes with msb_free_bytes(). Data of commands and files are bytes with a length, exactly as
 *   they came. A result pointer may be NULL if the caller does not want that result.
 * - Arguments belong to the caller and are not used after the call. Options are one JSON object,
 *   or NULL for none; an unknown member is the error invalid_argument. Text is UTF-8.
 * - Handles are numbers, never 0 and never used twice. One that is unknown or closed is the
 *   error invalid_handle.
 * - Any thread may call any function at any time, several threads also on one handle. Calls
 *   block their thread. Every call that may take long has `cancel`: a number of
 *   msb_cancel_alloc(), or 0. The library starts no thread and changes nothing of the process:
 *   no signal handling, no environment, no working directory, no umask.
 * - In a child that a program forks without executing another program all handles are invalid.
 *   The sandboxes of the parent are not affected, and new ones can be made.
 * - Times are in milliseconds, points in time are Unix time in milliseconds. */
#ifndef MICROSANDBOX_H
#define MICROSANDBOX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MSB_ABI_VERSION 1

/* Kinds of errors:
 * invalid_argument: The call itself is wrong: an unknown option, a value of a wrong type.
 * invalid_handle: The handle was closed, or never was one, or belongs to the process that this
 *   one was forked from.
 * invalid_config: No sandbox can have these properties.
 * cancelled: The caller ended the call early.
 * timed_out: What was waited for did not happen in the time that was given.
 * sandbox_not_found {"name"}: There is no sandbox of this name.
 * already_exists {"name"}: There is a sandbox of this name already.
 * still_running {"name"}: The call needs a sandbox that is stopped.
 * not_running {"name"}: The call needs a sandbox that runs.
 * boot_start {"name", "stage", "errno", "step"}: The sandbox did not start; the stage is mount,
 *   build_vm, config, network, image or other.
 * no_default_command {"name"}: The sandbox has neither entrypoint nor cmd.
 * exec_failed {"exec_kind", "errno", "errno_name", "stage"}: The command could not start. (One
 *   that ran and ended in failure is a result.)
 * exec_timeout {"timeout_ms"}: The command ran longer than it was given, and was killed with all
 *   it had started.
 * session_lost: The sandbox ended before the command, or the connection broke.
 * patch_failed {"name"}: A change to the files of the new sandbox could not be made: something
 *   is there already, a file of the host cannot be read.
 * image_not_found {"name"}: The image is not in the cache, and was not to be fetched.
 * image_in_use {"name"}: A sandbox was made from the image.
 * image_pull_failed {"name"}: The image could not be fetched or unpacked.
 * path_not_found {"errno"}: The guest has no such path.
 * filesystem {"errno"}: Another operation on a file of the guest failed.
 * invalid_cursor: The text is no cursor of this log or list.
 * missed_rotation: Log entries were lost before they were read; the next call goes on behind
 *   them.
 * metrics_disabled {"name"}: The sandbox takes no metrics.
 * metrics_unavailable {"name"}: There is no sample of the sandbox, or none yet.
 * limit_exceeded: There is more data than the bound that was given.
 * permission_denied: The host refused it to this process.
 * no_space: A disk is full.
 * unsupported: This build, this machine or this sandbox cannot do it.
 * unreachable: Something that had to be connected to does not answer.
 * protocol: The other side of a connection does not keep to the protocol.
 * corrupt: Stored data is damaged.
 * io: A system call on the host failed.
 * internal: A fault of the library.
 * snapshot_not_found {"name"}: There is no snapshot of this name, path or digest.
 * snapshot_already_exists {"name"}: There is a snapshot, or a file, of this name already.
 * snapshot_sandbox_running {"name"}: The sandbox runs, and copying its disk would take more than
 *   a moment.
 * snapshot_image_missing {"name"}: The image that the snapshot was made with is neither in the
 *   cache nor to be had.
 * snapshot_integrity {"name"}: The snapshot's disk is not the one whose hash was recorded.
 * network_not_found {"name"}: There is no private network of this name.
 * network_already_exists {"name"}: There is a private network of this name already.
 * network_in_use {"name"}: A sandbox, even a stopped one, is in the private network.
 * volume_not_found {"name"}: There is no volume of this name.
 * volume_already_exists {"name"}: There is a volume of this name already.
 * volume_in_use {"name"}: A sandbox that runs has the volume mounted, or another call works on
 *   it.
 * snapshot_in_use {"name"}: Another snapshot came from this one, or another call works on it.
 * Values of "exec_kind":
 * not_found: There is no such program.
 * permission_denied: The user may not execute it.
 * not_executable: It is no program that the guest's kernel can run.
 * bad_cwd: The working directory is missing, or no directory.
 * bad_args: The arguments or the environment are too long, or not valid.
 * resource_limit: A resource limit could not be set, or was reached.
 * user_setup_failed: There is no such user or group, or it could not be taken on.
 * out_of_memory: The guest has no memory for it.
 * pty_setup_failed: The terminal could not be made.
 * other: Anything else: the errno says what. */

/* MSB_ABI_VERSION of the library. It is raised when a function or a member of a result is taken
 * away or changes its meaning. */
uint32_t msb_abi_version(void);

/* The library's version, "0.1.0"; not to be released. */
const char* msb_version(void);

/* Releases text of the library. NULL is fine. */
void msb_free_string(char* text);

/* Releases bytes of the library. NULL is fine. */
void msb_free_bytes(uint8_t* bytes);

/* Where `msb` is. The library finds the programs and the kernel that it starts in that
 * installation. It looks at the environment variable MSB_PATH first, then at this path, then
 * beside itself (PREFIX/lib/libmicrosandbox.so belongs to PREFIX/bin/msb). NULL or "" removes
 * this setting. */
void msb_set_sdk_msb_path(const char* path);

/* The directory of all state, in place of the environment variable MSB_HOME: for languages where
 * a program's change of its environment does not reach the library. NULL or "" removes this
 * setting. */
void msb_set_sdk_home(const char* path);

/* ---- cancelling ------------------------------------------------------------------------------
 * A call that was given the number of msb_cancel_alloc() ends early, with the error cancelled,
 * when another thread triggers that number: before the call, during it, or not at all. The call
 * uses the number up. What a cancelled call had begun is undone where that is possible; wait for
 * it to return. */

/* A number for one call. */
uint64_t msb_cancel_alloc(void);

/* Ends the call that has the number, or will be given it. */
void msb_cancel_trigger(uint64_t cancel);

/* Gives back a number that no call was given. */
void msb_cancel_unregister(uint64_t cancel);

/* ---- progress --------------------------------------------------------------------------------
 * Calls that were given the number of msb_progress_alloc() report to it. Another thread reads
 * the reports. Those of calls that pull an image, or load one: */

/* Events:
 * {"event": "resolving", "reference"}: The registry is asked what the reference means.
 * {"event": "resolved", "reference", "layer_count", "total_download_bytes"}: The manifest is
 *   here.
 * {"event": "layer_download_progress", "layer_index", "downloaded_bytes", "total_bytes"}: Bytes
 *   of a layer came. A report that nobody has read yet is replaced by the next one of its layer.
 * {"event": "layer_materialize_complete", "layer_index", "reused"}: A layer is ready, or was in
 *   the cache already (reused).
 * {"event": "stitch_merging_trees", "reference"}: The layers are put together.
 * {"event": "complete", "reference"}: The image is there. One that was in the cache has nothing
 *   before this. */

/* A queue of reports for one call. */
uint64_t msb_progress_alloc(void);

/* The next report. `*event` is NULL after the last, when the call that reports has ended. */
char* msb_progress_next(uint64_t cancel, uint64_t progress, char** event);

/* Releases the queue; whoever waits for a report gets none any more. */
void msb_progress_free(uint64_t progress);

/* ---- sandboxes -------------------------------------------------------------------------------
 * A sandbox is known by its name in this MSB_HOME. What has a name as argument works on any of
 * them, whoever made it. A handle is a connection to one that runs, for commands and files. The
 * handle of an attached sandbox (one that was made without "detached") also owns it: it stops
 * when the handle is closed, and when the process ends, however that ends. */

/* Options patch: A change to the files of a new sandbox, before it first starts.
 * "kind": text. "text" and "file" (a file with this content), "append", "mkdir" (one that is
 *   there stays as it is), "remove" (also what is not there), "symlink", "copy_file" or
 *   "copy_dir" (of the host).
 * "path": text. Absolute, in the guest; for text, file, append, mkdir and remove.
 * "content": text. Of text and append.
 * "content_base64": text. In place of content: any bytes, for file and append.
 * "mode": number. Permissions, a number, or octal digits as text; default: 0644, of directories
 *   0755, of copies their own.
 * "replace": true or false. What is there already is replaced; otherwise that is the error
 *   patch_failed.
 * "src": text. What is copied: a path of the host, relative to the working directory of the
 *   call.
 * "dst": text. Where the copy is to be: absolute, in the guest.
 * "target": text. Where a symbolic link leads.
 * "link": text. The symbolic link itself: absolute, in the guest. */

/* Options init: The program that becomes the guest's process 1.
 * "cmd": text. "auto" (the init that the image has), or an absolute path in the guest.
 * "args": array of text. Arguments behind the program's own name.
 * "env": object of text. Environment over the one it inherits. */

/* Options mount: What is at a path of the guest: one of "bind", "named", "owned", "tmpfs" and
 *   "disk".
 * "bind": text. A directory or file of the host.
 * "named": text. A volume.
 * "named_mode": "existing" | "create" | "ensure-exists". What becomes of the volume when the
 *   sandbox is made. Default: "existing".
 * "owned": true or false. A volume of this sandbox alone, which is removed with it.
 * "tmpfs": true or false. A file system in the guest's memory.
 * "disk": text. The file of a disk image.
 * "kind": "dir" | "disk". Of a volume; one that is there has to be of it. Default: "dir".
 * "size_mib": number. Of a volume that is a disk, or of a tmpfs (default: half of the guest's
 *   memory).
 * "labels": object of text. Of a named volume; one that is there has to have them.
 * "format": "raw" | "qcow2" | "vmdk". Of a disk image; default: by its name. Default: "raw".
 * "fstype": text. Of the file system in a disk image; default: the guest tries those that it
 *   has.
 * "readonly": true or false. The guest cannot write.
 * "noexec": true or false. Programs there cannot be executed.
 * "nosuid": true or false. Set-user-ID bits have no effect.
 * "nodev": true or false. Device files have no effect.
 * "follow_root_symlinks": true or false. The host's path may lead through symbolic links.
 * "stat_virtualization": "strict" | "off". Whose owners and modes the guest sees. Default:
 *   "strict".
 * "host_permissions": "private" | "mirror". What becomes of modes that the guest sets. Default:
 *   "private".
 * "cache": "strict" | "cached". What the guest may answer from memory. Default: "strict".
 * "quota_mib": number. By how many MiB the guest may make files grow; default: 4096, or of a
 *   volume none; 0: as there is room.
 * "quota_inodes": number. How many files the guest may add; default: 1048576; 0: as there is
 *   room.
 * "uid": number. Whose the user's files are in the guest; with "gid".
 * "gid": number. Whose group they have; with "uid". */

/* Options port: A port of the host that leads to one of the guest's.
 * "bind": text. Address on the host; default: 127.0.0.1.
 * "host_port": number. Port on the host; 0: one that is free, which "ports" of msb_sandbox_get()
 *   tells.
 * "guest_port": number. Port in the guest.
 * "protocol": "tcp" | "udp". "tcp" or "udp". Default: "tcp". */

/* Options rule: What is done with some of the guest's flows.
 * "action": "allow" | "deny". What is done with them. Default: "allow".
 * "direction": "egress" | "ingress" | "any". Who begins them. Default: "egress".
 * "destination": text. "any", an address, a prefix, a name, "*.NAME" or ".NAME" (the name and
 *   all below it), a group ("public", "private", "host", "loopback", "link-local", "metadata",
 *   "multicast") or "dns"; default: any.
 * "protocols": array of text. Any of "tcp", "udp", "icmpv4", "icmpv6"; default: any.
 * "ports": array of text. Each a port, or a range ("8000-8010"): of the destination, for ingress
 *   of the guest; default: any. */

/* Options dns: How the guest's names are looked up.
 * "nameservers": array of text. "IP[:PORT]" of servers to ask in place of this machine's.
 * "query_timeout_ms": number. Until a lookup is given up; default: 10000.
 * "rebind_protection": true or false. Names may only lead to public addresses and to those that
 *   a rule allows; default: true. */

/* Options scoped_verify: Whether the certificates of some servers are checked.
 * "pattern": text. NAME, "*.NAME" (that and all below it), an address, or "*".
 * "verify": true or false. Whether they are. */

/* Options scoped_file: Authorities that count for some servers.
 * "pattern": text. NAME, "*.NAME" (that and all below it), an address, or "*"; the closest
 *   counts.
 * "path": text. Their certificates, a PEM file. */

/* Options client_cert: What this machine shows some servers.
 * "pattern": text. NAME, "*.NAME" (that and all below it), an address, or "*"; the closest
 *   counts.
 * "cert": text. The certificate, a PEM file, with those that it leads to behind it.
 * "key": text. Its key, a PEM file. */

/* Options secret_places: In which parts of a request a placeholder becomes the value.
 * "headers": true or false. Headers, and credentials of Basic authentication; default: true.
 * "header_fields": array of text. These headers alone; default: all.
 * "query": true or false. What is behind ? of the target; default: false.
 * "body": true or false. The body; default: false. */

/* Options secret: A value that commands in the guest use and never have: they see a placeholder.
 * "env": text. The variable that has the placeholder in the guest.
 * "hosts": array of text. Who gets the value: NAME, "*.NAME" (that and all below it), an
 *   address, or "*".
 * "source": text. Where the value comes from at each start: "env:NAME", "file:PATH" or
 *   "exec:COMMAND" of this machine; default: the variable of the same name.
 * "placeholder": text. Default: $MSB_ and the variable's name.
 * "substitution": secret_places. Where it is replaced.
 * "passthrough": array of text. Who may get the placeholder as it is.
 * "methods": array of text. Only for requests with these methods.
 * "paths": array of text. Only for requests whose paths begin with one of these.
 * "per_minute": number. Only for so many requests a minute.
 * "total": number. Only for so many requests.
 * "action": "block-and-log" | "block" | "block-and-terminate". When the placeholder is sent to
 *   another host. Default: "block-and-log". */

/* Options tls: How TLS connections of the guest are opened on their way. The files are read at
 *   each start.
 * "enabled": true or false. Whether they are; default: true where there is this object.
 * "intercepted_ports": array of text. Connections to these ports; default: "443".
 * "bypass": array of text. Connections to these hosts stay as they are: NAME, or "*.NAME".
 * "block_quic": true or false. QUIC to those ports, which cannot be intercepted, is refused;
 *   default: true.
 * "ca_cert": text. The certificate of the authority that the guest is to trust, a PEM file;
 *   default: ca.crt of $MSB_HOME/tls, else one that is made at each start.
 * "ca_key": text. Its key, a PEM file.
 * "verify_upstream": true or false. The servers' certificates are checked; default: true.
 * "scoped_verify_upstream": array of scoped_verify. The same for some servers.
 * "upstream_ca_certs": array of text. PEM files of authorities that are trusted beside this
 *   machine's.
 * "scoped_upstream_ca_certs": array of scoped_file. The same for some servers.
 * "client_certs": array of client_cert. What is shown to servers that ask for it.
 * "secrets": array of secret. Secrets that never enter the guest.
 * "secret_violation_action": "block-and-log" | "block" | "block-and-terminate". When the
 *   placeholder of a secret that says nothing else is sent to another host. Default:
 *   "block-and-log". */

/* Options interface: The guest's place in its network; what is not given follows from its name.
 * "mac": text. Its Ethernet address.
 * "mtu": number. Size of the largest IP packet; default: 1500.
 * "ipv4": text. Its IPv4 address; its gateway's is one less.
 * "ipv6": text. Its IPv6 address; its gateway's is the first of the /64.
 * "ipv4_pool": text. Prefix that its IPv4 address comes from; default: 172.16.0.0/12.
 * "ipv6_pool": text. Prefix that its IPv6 address comes from; default: fd42:6d73:62::/48. */

/* Options bucket: A rate with room for bursts.
 * "size": number. So many bytes or frames ...
 * "refill_time_ms": number. ... in so many milliseconds; default: 1000.
 * "one_time_burst": number. Once, at the start, so many more. */

/* Options rates: Limits of one direction.
 * "bandwidth": bucket. Of bytes.
 * "ops": bucket. Of frames. */

/* Options rate_limiter: How fast the guest's network is.
 * "egress": rates. What the guest sends.
 * "ingress": rates. What it is sent. */

/* Options network: What the guest may reach. Where nothing is said about it, the Internet, or
 *   what this machine's configuration says.
 * "profiles": array of text. Any of "public", "private", "host", or "all" or "none" alone.
 * "policy": text. A policy by name, as of --policy; what else is said goes before it.
 * "rules": array of text or rule. Objects, or text as of --net-rule: "allow@pypi.org:tcp:443".
 *   The first that matches decides, before any profile.
 * "default_egress": "allow" | "deny". For what the guest begins and nothing matches; default:
 *   deny. Default: "allow".
 * "default_ingress": "allow" | "deny". For what comes to published ports and nothing matches;
 *   default: allow. Default: "allow".
 * "dns": dns. How its names are looked up.
 * "explain_denials": true or false. Requests of plain HTTP that are refused are answered with
 *   the reason; default: true.
 * "network": text. A private network to join: see msb_network_create().
 * "max_connections": number. How many TCP connections may be open at a time; default: 256.
 * "proxy": text. http://HOST:PORT or socks5://HOST:PORT that TCP connections go through, or
 *   "env": what HTTPS_PROXY or ALL_PROXY says at each start. Credentials come from the
 *   environment.
 * "tls": tls. Whether and how TLS is intercepted.
 * "trust_host_cas": true or false. The guest trusts the authorities that this machine trusts;
 *   default: false.
 * "interface": interface. Its addresses and its MTU.
 * "rate_limiter": rate_limiter. How fast it is. */

/* Options rlimit: A limit for commands, as of setrlimit(2).
 * "resource": text. The name in lower case: "nofile", "cpu", "as", "nproc", "fsize", "memlock",
 *   "stack", ...
 * "soft": number. The limit that holds at first.
 * "hard": number. How far it may be raised; default: the soft limit. */

/* Options sandbox_create: How a new sandbox is to be.
 * "image": text. Reference of an image, or the path of a directory or of a disk image (beginning
 *   with /, ./, ../ or ~/); default: the image that comes with the program.
 * "from_snapshot": text. In place of an image: a snapshot whose disk and image it begins with,
 *   by name, path or digest.
 * "patches": array of patch. Changes to the image's files, made in this order before the sandbox
 *   first starts. Not with from_snapshot.
 * "cpus": number. Number of virtual processors.
 * "max_cpus": number. How many it can be given later; default: cpus.
 * "memory_mib": number. Memory in MiB.
 * "max_memory_mib": number. How much memory, in MiB, it can be given later; default: memory_mib.
 * "root_disk_mib": number. Size of the root disk in MiB.
 * "root_disk": text. In place of its size, as of --root-disk: "8G", "tmpfs[:SIZE]" (memory, new
 *   at each start), "flat[:SIZE]" (with the image's files in it), or the path of a disk image of
 *   the host.
 * "thp": "madvise" | "always" | "never". Huge pages for the guest's memory. Default: "madvise".
 * "env": object of text. Environment of all commands, over the image's.
 * "labels": object of text. Labels, by which a list can be filtered.
 * "scripts": object of text. Files on every command's PATH: content by name.
 * "workdir": text. Directory in which commands start; default: the image's.
 * "user": text. User of commands, USER[:GROUP], names or numbers; default: the image's.
 * "hostname": text. The guest's name; default: made from the sandbox's.
 * "shell": text. The shell that runs scripts; default: /bin/sh.
 * "entrypoint": array of text. In place of the image's entrypoint.
 * "cmd": array of text. In place of the image's cmd.
 * "init": text or init. The guest's process 1: "auto", an absolute path, or {"cmd", "args",
 *   "env"}.
 * "security": "default" | "restricted". What the guest's users may do within it. Default:
 *   "default".
 * "volumes": object of mount. What is at paths of the guest besides its root.
 * "ports": array of port. Ports of the host that lead to the guest's.
 * "network": false or network. What the guest may reach; false: it has no network interface.
 * "rlimits": array of rlimit. Limits for all commands.
 * "engine": "auto" | "uml" | "kvm". What runs the guest. Default: "auto".
 * "kernel": text. The guest's kernel: "auto", a bundle's name, or the absolute path of a
 *   bundle's folder; default: auto.
 * "require_isolation": "any" | "hardware". The boundary that is asked for. Default: "any".
 * "pull_policy": "if-missing" | "always" | "never". When the image is fetched. Default:
 *   "if-missing".
 * "insecure": true or false. Plain HTTP to the registry.
 * "ca_certs": text. Path of a PEM file with authorities to trust for the registry.
 * "max_duration_secs": number. The sandbox is stopped after so many seconds.
 * "idle_timeout_secs": number. The sandbox is stopped when nothing happened for so many seconds.
 * "log_level": "error" | "warn" | "info" | "debug" | "trace". How much its runtime logs.
 *   Default: "warn".
 * "metrics_sample_interval_ms": number. How often its metrics are sampled, in milliseconds, at
 *   least 100; 0: never. Default: as config.json says, or 1000.
 * "disable_metrics_sample": true or false. Its metrics are not sampled.
 * "detached": true or false. It goes on without handle and process.
 * "ephemeral": true or false. Nothing of it is kept when it has stopped.
 * "replace": true or false. A sandbox of this name is stopped and removed first.
 * "replace_with_timeout_ms": number. Implies replace: time between the stop signal and the kill;
 *   default: 10000, and 0 kills at once. */

/* Makes a sandbox and starts it. Errors: already_exists, boot_start, image_not_found,
 * image_pull_failed, invalid_config, patch_failed, ... Result: {"handle", "name",
 * "owns_lifecycle", "notices": [text for people, ...]}
 * Options: sandbox_create, all optional. */
char* msb_sandbox_create(uint64_t cancel, uint64_t progress, const char* name, const char* options,
                         char** result);

/* Options sandbox_start: How a sandbox is started.
 * "detached": true or false. It goes on without handle and process. */

/* Starts a stopped sandbox. Result as of msb_sandbox_create(). Errors: sandbox_not_found,
 * still_running, boot_start.
 * Options: sandbox_start, all optional. */
char* msb_sandbox_start(uint64_t cancel, const char* name, const char* options, char** result);

/* Connects to a sandbox that runs, or is coming up: it is waited for, for timeout_ms (< 0:
 * 10000). Result as of msb_sandbox_create(). Errors: sandbox_not_found, not_running, boot_start. */
char* msb_sandbox_connect(uint64_t cancel, const char* name, int64_t timeout_ms, char** result);

/* {"name", "owns_lifecycle", "config": as of msb_sandbox_get()} */
char* msb_sandbox_info(uint64_t sandbox, char** result);

/* An attached sandbox goes on without its handle and process from now on. The handle stays open. */
char* msb_sandbox_detach(uint64_t sandbox);

/* Closes the handle, even if this fails. An attached sandbox is stopped and waited for. Handles
 * of commands and streams have to be closed by themselves. */
char* msb_sandbox_close(uint64_t cancel, uint64_t sandbox);

/* Closes the handle without waiting for anything, for finalizers. An attached sandbox stops by
 * itself. */
void msb_sandbox_release(uint64_t sandbox);

/* Options sandbox_fork: Which sandboxes begin with the disk of another one.
 * "names": array of text. Names of the new sandboxes; at least one.
 * "copy_while_frozen": true or false. If the source runs, it cannot write to its disk for as
 *   long as copying takes.
 * "detached": true or false. They go on without handles and process. */

/* Makes and starts sandboxes that begin with the disk of another one as it is at one moment, and
 *   are like it but for the ports that it publishes. All of them or none. An array of results as
 *   of msb_sandbox_create(). Errors: sandbox_not_found, still_running (copying the disk of one
 *   that runs takes more than a moment), already_exists, boot_start.
 * Options: sandbox_fork, all optional.
 * Events:
 * {"event": "copied", "done_bytes", "total_bytes"}: So much of a disk, or of an archive, is
 *   done; 0 in all: that is not known. A report that nobody has read yet is replaced by the next
 *   one. */
char* msb_sandbox_fork(uint64_t cancel, uint64_t progress, const char* sandbox, const char* options,
                       char** result);

/* What a stopped sandbox has changed, against the snapshot that it began with, or else its
 * image: [{"path", "change": "added" | "changed" | "removed", "type": "file" | "directory" |
 * "link" | "other", "size_before": number or null, "size_after"}, ...], by path. Errors:
 * sandbox_not_found, still_running, image_not_found. */
char* msb_sandbox_diff(uint64_t cancel, const char* name, char** result);

/* {"name", "status": "created" | "starting" | "running" | "draining" | "stopped" | "crashed",
 * "reason", "detail", "exit_code", "engine", "isolation", "kernel": {"name", "version", "hash"},
 * "image", "ports": [{"bind", "host_port", "guest_port", "protocol"}], "created_at_ms",
 * "started_at_ms", "stopped_at_ms", "updated_at_ms", "config": {...}}. A member is null when it
 * is not known. Error: sandbox_not_found. */
char* msb_sandbox_get(const char* name, char** result);

/* Options sandbox_list: Which sandboxes.
 * "labels": object of text. Labels that all of them have.
 * "limit": number. Size of a page, 1 to 100; default: everything.
 * "cursor": text. "next_cursor" of the page before. */

/* {"sandboxes": [as of msb_sandbox_get(), newest first], "next_cursor": text or null, "damaged":
 * [message]}. Error: invalid_cursor.
 * Options: sandbox_list, all optional. */
char* msb_sandbox_list(const char* options, char** result);

/* Options remove: How something is removed.
 * "force": true or false. A sandbox that runs is killed first; an image is removed though a
 *   sandbox was made from it, and a snapshot though another one came from it. */

/* Removes a stopped sandbox and its disk. Errors: sandbox_not_found, still_running.
 * Options: remove, all optional. */
char* msb_sandbox_remove(const char* name, const char* options);

/* The guest is asked to end and waited for; it is killed after timeout_ms (< 0: 10000; 0: at
 * once). Succeeds if the sandbox is stopped in the end, also if it was before. */
char* msb_sandbox_stop(uint64_t cancel, const char* name, int64_t timeout_ms);

/* Ends the sandbox at once. Its end is waited for, for timeout_ms (< 0: 5000): then the error
 * timed_out. */
char* msb_sandbox_kill(uint64_t cancel, const char* name, int64_t timeout_ms);

/* Commands that run may finish, new ones are refused; waits without limit for the sandbox's end. */
char* msb_sandbox_drain(uint64_t cancel, const char* name);

/* Asks for what msb_sandbox_stop() does, without waiting. */
char* msb_sandbox_request_stop(const char* name, int64_t timeout_ms);

/* Asks for what msb_sandbox_kill() does, without waiting. */
char* msb_sandbox_request_kill(const char* name);

/* Asks for what msb_sandbox_drain() does, without waiting. */
char* msb_sandbox_request_drain(const char* name);

/* Waits for the sandbox's end and never causes it. timeout_ms < 0: without limit; otherwise the
 * error timed_out follows. With a handle (else 0) of a sandbox that this process started, and
 * its name, more is known of the end. {"name", "status", "exit_code", "signal",
 * "observed_at_ms", "source": "process" | "state"} */
char* msb_sandbox_wait_until_stopped(uint64_t cancel, uint64_t sandbox, const char* name, int64_t
                                     timeout_ms, char** result);

/* Whether the agent answers: {"name", "latency_ms"}. Does not count as activity. */
char* msb_sandbox_ping(uint64_t cancel, const char* name, char** result);

/* Starts the idle time anew: {"name", "activity_seq"}. */
char* msb_sandbox_touch(uint64_t cancel, const char* name, char** result);

/* Path of the socket on which the sandbox's agent speaks its protocol, as text. Nothing is
 * connected; the sandbox need not run or exist. */
char* msb_agent_socket_path(const char* name, char** path);

/* ---- networks of sandboxes -------------------------------------------------------------------
 * What a sandbox may reach is decided for each of its flows, and recorded. docs/network.md tells
 * of rules and policies. */

/* Options sandbox_modify: What is changed.
 * "network": false or network. What the guest may reach from now on. Rules alone go before those
 *   that it has; anything else takes the place of what it might reach. Ports and name servers
 *   stay.
 * "root_disk_size_mib": number. Size of its root disk, which only grows unless it is in memory;
 *   that one has it from its next start on.
 * "secrets": array of secret. New ones, and those that take the place of one of that variable;
 *   their values are read now.
 * "remove_secrets": array of text. Variables whose secrets are taken away.
 * "reload_secrets": true or false. The values of all secrets are read from their sources again.
 * "secret_violation_action": "block-and-log" | "block" | "block-and-terminate". When the
 *   placeholder of a secret that says nothing else is sent to another host. Default:
 *   "block-and-log". */

/* Changes a sandbox, also while it runs: flows that may not be any more end, and a root disk
 * that grows has its new room when this returns. {"name", "in_force": false if this holds from
 * its next start on, "warnings": [text]}. Errors: sandbox_not_found, invalid_config. The network
 * is changed first; what fails has changed nothing.
 * Options: sandbox_modify, all optional. */
char* msb_sandbox_modify(const char* name, const char* options, char** result);

/* Whether the sandbox may reach "HOST[:PORT[/tcp|udp]]", and why; nothing is sent. {"verdict":
 * "allow" | "deny", "steps": [{"flow", "verdict", "rule", "reason"}]} */
char* msb_network_check(const char* name, const char* destination, char** result);

/* Options network_log: Which entries.
 * "denied": true or false. Only what was refused.
 * "tail": number. Only the last so many.
 * "since_ms": number. Of this time or later. */

/* What the sandbox's network did, oldest first: [{"t", "type": "flow" | "lookup" | "policy",
 * "direction", "protocol", "name", "address", "port", "group", "rule", "outcome", "intercepted",
 * "reason", "sent", "received", "missed", "old", "new"}]
 * Options: network_log, all optional. */
char* msb_network_log(const char* name, const char* options, char** result);

/* The smallest policy, as a YAML document, that allows what was recorded: {"policy"} */
char* msb_network_learn(const char* name, char** result);

/* The policies that there are: [{"name", "path": null if it comes along}] */
char* msb_network_policies(char** result);

/* One of them: {"name", "path", "text"} */
char* msb_network_policy(const char* name, char** result);

/* ---- commands --------------------------------------------------------------------------------
 * `command` is literal: no shell, no entrypoint. NULL is the sandbox's own: its entrypoint and
 * cmd.
 * A program that ran and ended in failure is a result. One that could not start is the error
 * exec_failed. */

/* Options exec: How a command is run.
 * "args": array of text. Arguments.
 * "shell": true or false. The command is a script for the sandbox's shell.
 * "env": object of text. Environment over the sandbox's.
 * "cwd": text. Working directory.
 * "user": text. USER[:GROUP], names or numbers.
 * "timeout_ms": number. When it is over the command is killed with all it started: exec_timeout.
 * "tty": true or false. It has a terminal; everything it writes comes as stdout.
 * "rows": number. Height of the terminal; default: 24.
 * "cols": number. Width of the terminal; default: 80.
 * "stdin": true or false. A pipe stays open behind the input: msb_exec_stdin_write(). Only for
 *   msb_sandbox_exec_stream().
 * "rlimits": array of rlimit. Limits of the command.
 * "max_output_bytes": number. How much output is collected, more is limit_exceeded; default: 256
 *   MiB. Not for msb_sandbox_exec_stream(). */

/* Runs a command with this input, of any size, and collects what it writes. {"exit_code": as a
 * shell has it, "signal"}. Errors: exec_failed, exec_timeout, limit_exceeded, session_lost,
 * no_default_command.
 * Options: exec, all optional. */
char* msb_sandbox_exec(uint64_t cancel, uint64_t sandbox, const char* command, const char* options,
                       const uint8_t* input, size_t input_size, char** result, uint8_t** out,
                       size_t* out_size, uint8_t** err, size_t* err_size);

/* Starts a command. Its input and output move only while a thread waits in one of the calls
 * below. A program that does not read the output holds the command up, as a pipe does.
 * Options: exec, all optional. */
char* msb_sandbox_exec_stream(uint64_t cancel, uint64_t sandbox, const char* command, const char*
                              options, const uint8_t* input, size_t input_size, uint64_t* exec);

/* Options attach: How a command with this process's terminal is run.
 * "args": array of text. Arguments.
 * "shell": true or false. The command is a script for the sandbox's shell; without a command,
 *   that shell itself.
 * "env": object of text. Environment over the sandbox's.
 * "cwd": text. Working directory.
 * "user": text. USER[:GROUP], names or numbers.
 * "rlimits": array of rlimit. Limits of the command.
 * "detach_keys": text. Keys that leave the command without ending it, as "ctrl-p,ctrl-q", or
 *   "none"; default: "ctrl-]". */

/* Runs a command with the terminal, stdin and stdout of this process, which is in raw mode until
 * it returns: {"exit_code": as a shell has it, "session"}. After the detach keys the command
 * goes on: exit_code is -1, and session its number, for `msb attach`. Cancelling ends the
 * command. Errors: invalid_argument where stdin is no terminal, exec_failed, session_lost,
 * no_default_command.
 * Options: attach, all optional. */
char* msb_sandbox_attach(uint64_t cancel, uint64_t sandbox, const char* command, const char*
                         options, char** result);

/* The next event. `*data` is NULL and `*size` 0 but for stdout and stderr. Errors: exec_timeout,
 *   session_lost. A cancelled call loses nothing.
 * Events:
 * {"event": "started", "pid"}: The command runs.
 * {"event": "stdout"}: It wrote data to its standard output, or to its terminal.
 * {"event": "stderr"}: It wrote data to its standard error.
 * {"event": "stdin_error", "errno", "errno_name", "message"}: It takes no more input, and goes
 *   on.
 * {"event": "exited", "exit_code", "signal"}: It ended: the last event, unless it failed.
 * {"event": "failed", "exec_kind", "errno", "errno_name", "stage", "message"}: It could not
 *   start: the last event.
 * {"event": "done"}: There are no more events; this comes again and again. */
char* msb_exec_recv(uint64_t cancel, uint64_t exec, char** event, uint8_t** data, size_t* size);

/* Writes to the command's input. Returns when there is room for more: read the output meanwhile,
 * in another thread. */
char* msb_exec_stdin_write(uint64_t cancel, uint64_t exec, const uint8_t* data, size_t size);

/* Ends the command's input. */
char* msb_exec_stdin_close(uint64_t cancel, uint64_t exec);

/* Sends a signal to the command's process group. */
char* msb_exec_signal(uint64_t cancel, uint64_t exec, int32_t signal);

/* Changes the size of the command's terminal. */
char* msb_exec_resize(uint64_t cancel, uint64_t exec, uint16_t rows, uint16_t cols);

/* Options exec_collect: How output is collected.
 * "max_output_bytes": number. How much, more is limit_exceeded; default: 256 MiB. */

/* The rest of the output and the end, as of msb_sandbox_exec().
 * Options: exec_collect, all optional. */
char* msb_exec_collect(uint64_t cancel, uint64_t exec, const char* options, char** result, uint8_t**
                       out, size_t* out_size, uint8_t** err, size_t* err_size);

/* Closes the handle and ends a command that still runs. */
void msb_exec_close(uint64_t exec);

/* ---- files -----------------------------------------------------------------------------------
 * Files of the guest, by absolute path. Errors of all: path_not_found, filesystem, session_lost. */

/* Options fs_read: How a file is read.
 * "user": text. USER[:GROUP] to act as; default: root.
 * "max_bytes": number. How much, more is limit_exceeded; default: 256 MiB. */

/* The content of a file. Error: limit_exceeded.
 * Options: fs_read, all optional. */
char* msb_fs_read(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                  uint8_t** data, size_t* size);

/* Options fs_make: How something is made.
 * "user": text. USER[:GROUP] to act as; default: root.
 * "mode": number. Permissions; default: 0644 (420), of a directory what the guest's umask leaves
 *   of 0777. */

/* Makes or replaces a file. Its directory must exist.
 * Options: fs_make, all optional. */
char* msb_fs_write(uint64_t cancel, uint64_t sandbox, const char* path, const char* options, const
                   uint8_t* data, size_t size);

/* Options fs_stat: How a path is looked at.
 * "user": text. USER[:GROUP] to act as; default: root.
 * "follow": true or false. What a symbolic link leads to; default: true. */

/* {"path", "kind": "file" | "dir" | "symlink" | "other", "size", "mode", "uid", "gid",
 * "accessed_ms", "modified_ms"}
 * Options: fs_stat, all optional. */
char* msb_fs_stat(uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char**
                  result);

/* Options fs: How a file operation is done.
 * "user": text. USER[:GROUP] to act as; default: root. */

/* What a directory has in it, one level: an array of what msb_fs_stat() gives.
 * Options: fs, all optional. */
char* msb_fs_list(uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char**
                  result);

/* Whether a path leads to something: {"exists"}
 * Options: fs, all optional. */
char* msb_fs_exists(uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char**
                    result);

/* Makes a directory, with the parents that are missing.
 * Options: fs_make, all optional. */
char* msb_fs_mkdir(uint64_t cancel, uint64_t sandbox, const char* path, const char* options);

/* Removes a file.
 * Options: fs, all optional. */
char* msb_fs_remove(uint64_t cancel, uint64_t sandbox, const char* path, const char* options);

/* Options fs_remove_dir: How a directory is removed.
 * "user": text. USER[:GROUP] to act as; default: root.
 * "recursive": true or false. With all that is in it; default: true. */

/* Removes a directory.
 * Options: fs_remove_dir, all optional. */
char* msb_fs_remove_dir(uint64_t cancel, uint64_t sandbox, const char* path, const char* options);

/* Copies a single file within the guest.
 * Options: fs, all optional. */
char* msb_fs_copy(uint64_t cancel, uint64_t sandbox, const char* from, const char* to, const char*
                  options);

/* Gives a file or directory another path.
 * Options: fs, all optional. */
char* msb_fs_rename(uint64_t cancel, uint64_t sandbox, const char* from, const char* to, const char*
                    options);

/* Makes a symbolic link at a path; what it leads to need not be there.
 * Options: fs, all optional. */
char* msb_fs_symlink(uint64_t cancel, uint64_t sandbox, const char* target, const char* path, const
                     char* options);

/* What a symbolic link has in it: {"target"}.
 * Options: fs, all optional. */
char* msb_fs_read_link(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                       char** result);

/* A path without links, "." and "..": {"path"}.
 * Options: fs, all optional. */
char* msb_fs_real_path(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                       char** result);

/* Copies a single file of the host into the guest. It is read as the user of this process.
 * Options: fs, all optional. */
char* msb_fs_copy_from_host(uint64_t cancel, uint64_t sandbox, const char* host, const char* guest,
                            const char* options);

/* Copies a single file of the guest to the host. It is made or replaced as the user of this
 * process.
 * Options: fs, all optional. */
char* msb_fs_copy_to_host(uint64_t cancel, uint64_t sandbox, const char* guest, const char* host,
                          const char* options);

/* Opens a file to be read piece by piece.
 * Options: fs, all optional. */
char* msb_fs_read_stream(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                         uint64_t* stream);

/* The next piece. `*data` is NULL and `*size` 0 at the end. A cancelled call loses nothing. */
char* msb_fs_read_stream_recv(uint64_t cancel, uint64_t stream, uint8_t** data, size_t* size);

/* Makes or replaces a file, to be written piece by piece.
 * Options: fs_make, all optional. */
char* msb_fs_write_stream(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                          uint64_t* stream);

/* Writes a piece. How much of it a cancelled call has written is not known. */
char* msb_fs_write_stream_write(uint64_t cancel, uint64_t stream, const uint8_t* data, size_t size);

/* Completes the file: what was written is there only after this has succeeded. A call that was
 * cancelled can be made again. */
char* msb_fs_write_stream_finish(uint64_t cancel, uint64_t stream);

/* Closes a stream of either kind. */
void msb_fs_stream_close(uint64_t stream);

/* ---- ssh -------------------------------------------------------------------------------------
 * SSH for a sandbox that runs, as of `msb ssh serve`: a jailed server for each client, none in
 * the guest. docs/ssh.md tells of keys. */

/* Options ssh_server: How SSH is served.
 * "host_key_path": text. File of the server's private key; default: the one of this MSB_HOME.
 * "authorized_keys_path": text. File of the keys that may enter; default: those of `msb ssh
 *   authorize`.
 * "user": text. User of the guest, USER[:GROUP]; default: the name that the client logs in with.
 * "sftp": true or false. Files by SFTP; default: true.
 * "inactivity_timeout_ms": number. A connection on which nothing happens for so long is ended;
 *   0: never. Default: 600000. */

/* Prepares to serve. Error: permission_denied if no key may enter.
 * Options: ssh_server, all optional. */
char* msb_ssh_server_open(uint64_t sandbox, const char* options, uint64_t* server);

/* Serves one client on these descriptors of the process, which may be the same, and returns when
 * it has gone; they stay open. Any number of threads may. Errors: session_lost if it ended
 * otherwise, invalid_handle after msb_ssh_server_close(). */
char* msb_ssh_server_serve(uint64_t cancel, uint64_t server, int32_t input, int32_t output);

/* Ends connections and the handle. */
void msb_ssh_server_close(uint64_t server);

/* ---- images ----------------------------------------------------------------------------------
 * An image: {"reference", "digest", "architecture", "os", "layer_count", "size_bytes",
 * "created_at"}. */

/* An array of the images in the cache, newest first. */
char* msb_image_list(char** result);

/* The image, with "config" and "layers". Error: image_not_found. */
char* msb_image_inspect(const char* reference, char** result);

/* Options image_pull: How an image is fetched.
 * "pull_policy": "if-missing" | "always" | "never". When it is fetched. Default: "if-missing".
 * "insecure": true or false. Plain HTTP to the registry.
 * "ca_certs": text. Path of a PEM file with authorities to trust for the registry. */

/* Fetches an image from its registry. The image, and "cached": whether it was here already.
 * Errors: image_not_found, image_pull_failed.
 * Options: image_pull, all optional. */
char* msb_image_pull(uint64_t cancel, uint64_t progress, const char* reference, const char* options,
                     char** result);

/* Options image_load: How images are taken from an archive.
 * "tags": array of text. More names of its first image. */

/* Takes images from a docker-archive or OCI-layout tar on the host. An array of images.
 * Options: image_load, all optional. */
char* msb_image_load(uint64_t cancel, uint64_t progress, const char* path, const char* options,
                     char** result);

/* Removes an image. Errors: image_not_found, image_in_use.
 * Options: remove, all optional. */
char* msb_image_remove(const char* reference, const char* options);

/* Deletes what neither a reference nor a sandbox needs: {"bytes_reclaimed"} */
char* msb_image_prune(char** result);

/* ---- logs ------------------------------------------------------------------------------------
 * What commands wrote, also of sandboxes that are stopped. */

/* Options logs: Which log entries.
 * "tail": number. Only the last so many.
 * "since_ms": number. Of this time or later.
 * "until_ms": number. Before this time.
 * "sources": array of text. Any of "stdout", "stderr", "output" (a command's terminal), "system"
 *   (what the sandbox itself did), or "all"; default: all but system.
 * "from_cursor": text. Behind the entry with this cursor. */

/* [{"timestamp_ms", "source", "session_id": number or null, "cursor", "offset", "size"}, ...],
 * oldest first; the data of each are `size` bytes at `offset` of `*data`.
 * Options: logs, all optional. */
char* msb_sandbox_logs(const char* name, const char* options, char** result, uint8_t** data, size_t*
                       size);

/* Options log_stream: Which log entries, and whether to wait for more.
 * "since_ms": number. Of this time or later.
 * "until_ms": number. Before this time.
 * "sources": array of text. As of msb_sandbox_logs().
 * "from_cursor": text. Behind the entry with this cursor.
 * "follow": true or false. Go on until the sandbox stops. */

/* Opens a log to be read entry by entry.
 * Options: log_stream, all optional. */
char* msb_log_stream_open(const char* name, const char* options, uint64_t* stream);

/* The next entry, without offset and size, and its data. `*entry` is NULL after the last. Error:
 * missed_rotation, once, if entries were lost before they were read: the next call goes on. A
 * cancelled call loses nothing. */
char* msb_log_stream_recv(uint64_t cancel, uint64_t stream, char** entry, uint8_t** data, size_t*
                          size);

/* Closes the stream. */
void msb_log_stream_close(uint64_t stream);

/* ---- metrics ---------------------------------------------------------------------------------
 * What running sandboxes use, as their runtimes sampled it last; nothing is asked of them for
 * it.
 * A sample: {"name", "state" ("running" or "stalled"), "cpus", "timestamp", "timestamp_ms",
 * "cpu_percent", "vcpu_time_ns", "memory_bytes", "memory_available_bytes",
 * "memory_host_resident_bytes", "memory_limit_bytes", "disk_read_bytes", "disk_write_bytes",
 * "net_rx_bytes", "net_tx_bytes", "upper_used_bytes", "upper_free_bytes",
 * "upper_host_allocated_bytes", "uptime_secs", "uptime_ms", "processes", "sessions", "restarts",
 * "cpu_stall", "memory_stall", "io_stall": {"some_us", "full_us"}}. What is not known is null. */

/* The last sample. Errors: metrics_disabled, metrics_unavailable. */
char* msb_sandbox_metrics(const char* name, char** result);

/* {"sandboxes": {NAME: sample}} of all that run and have one. */
char* msb_all_sandbox_metrics(char** result);

/* Options metrics_stream: How often.
 * "interval_ms": number. At least so long between two samples, in milliseconds; default: 1000. */

/* Opens a sandbox's metrics to be read sample by sample. Errors: metrics_disabled, and
 * metrics_unavailable if it does not run.
 * Options: metrics_stream, all optional. */
char* msb_metrics_stream_open(const char* name, const char* options, uint64_t* stream);

/* The next sample. `*sample` is NULL when the run is over. A cancelled call loses nothing. */
char* msb_metrics_stream_recv(uint64_t cancel, uint64_t stream, char** sample);

/* Closes the stream. */
void msb_metrics_stream_close(uint64_t stream);

/* ---- private networks ------------------------------------------------------------------------
 * Networks that sandboxes reach each other by, by their names. A sandbox joins one by the option
 * "network": {"network": NAME}.
 * A network: {"name", "subnet", "members": [{"sandbox", "address", "address_v6", "status",
 * "joined"}, ...], "created_at"}; a member that runs and is not joined is not reached by the
 * others. */

/* Options network_create: A private network.
 * "subnet": text. The IPv4 addresses of its members, a prefix of 24 to 29 bits; default: a part
 *   of 10.213.0.0/16. */

/* Makes a network. Error: network_already_exists.
 * Options: network_create, all optional. */
char* msb_network_create(const char* name, const char* options, char** result);

/* A network. A member that lost its place because a process was killed is given it back. Error:
 * network_not_found. */
char* msb_network_get(const char* name, char** result);

/* An array of the networks, by name. */
char* msb_network_list(char** result);

/* Removes a network that no sandbox is in. Errors: network_not_found, network_in_use. */
char* msb_network_remove(const char* name);

/* Removes the networks that no sandbox is in, not even one that is stopped: an array of their
 * names. */
char* msb_network_prune(char** result);

/* ---- volumes ---------------------------------------------------------------------------------
 * Storage that outlives sandboxes, by names.
 * A volume: {"name", "kind" ("directory" or "disk"), "path", "quota_mib", "used_bytes",
 * "capacity_bytes", "disk_format", "disk_fstype", "disk_path", "labels", "created_at"}. What it
 * has none of is null. */

/* Options volume_create: What a new volume is like.
 * "kind": "dir" | "disk". What it is made of. Default: "dir".
 * "size_mib": number. Of a disk, which needs one.
 * "quota_mib": number. By how many MiB guests may make the files of a directory grow; default:
 *   as there is room.
 * "labels": object of text. Labels. */

/* Makes a volume. Error: volume_already_exists.
 * Options: volume_create, all optional. */
char* msb_volume_create(const char* name, const char* options, char** result);

/* A volume. Errors: volume_not_found, corrupt. */
char* msb_volume_get(const char* name, char** result);

/* An array of the volumes, newest first. */
char* msb_volume_list(char** result);

/* Removes a volume with what is in it. Errors: volume_not_found, volume_in_use. */
char* msb_volume_remove(const char* name);

/* Options volume_clone: What the copy of a volume is like.
 * "labels": object of text. Labels; it has no others. */

/* Makes a volume with what is in another one, which no sandbox may have mounted. The new one.
 * Errors: volume_not_found, volume_already_exists, volume_in_use.
 * Options: volume_clone, all optional. */
char* msb_volume_clone(uint64_t cancel, const char* name, const char* to, const char* options,
                       char** result);

/* Options volume_prune: Which volumes are removed.
 * "labels": object of text. Only those that have all of these.
 * "dry_run": true or false. None is removed. */

/* Removes the volumes that no sandbox mounts, not even one that is stopped: an array of {"name",
 * "used_bytes"}.
 * Options: volume_prune, all optional. */
char* msb_volume_prune(const char* options, char** result);

/* ---- files of volumes ------------------------------------------------------------------------
 * Files of directory volumes, without a guest; sandboxes may have them mounted. Paths are from
 * the volume's root, and links lead within it. Errors of all: volume_not_found, path_not_found,
 * filesystem; unsupported of a disk. */

/* The content of a file. Error: limit_exceeded, beyond 256 MiB. */
char* msb_volume_fs_read(const char* name, const char* path, uint8_t** data, size_t* size);

/* Makes or replaces a file, with the directories that are missing; who opens it sees the old or
 * the new content. */
char* msb_volume_fs_write(const char* name, const char* path, const uint8_t* data, size_t size);

/* As msb_fs_stat(), of a link itself. */
char* msb_volume_fs_stat(const char* name, const char* path, char** result);

/* What a directory has in it, one level, by name: an array of what msb_volume_fs_stat() gives. */
char* msb_volume_fs_list(const char* name, const char* path, char** result);

/* Makes a directory, with the parents that are missing. */
char* msb_volume_fs_mkdir(const char* name, const char* path);

/* Options volume_fs_remove: How something in a volume is removed.
 * "recursive": true or false. A directory goes with what is in it; else it has to be empty. */

/* Removes a file or a directory, but not the volume's root.
 * Options: volume_fs_remove, all optional. */
char* msb_volume_fs_remove(const char* name, const char* path, const char* options);

/* Copies a single file within the volume. */
char* msb_volume_fs_copy(const char* name, const char* from, const char* to);

/* Gives a file or directory another path. */
char* msb_volume_fs_rename(const char* name, const char* from, const char* to);

/* ---- storage ---------------------------------------------------------------------------------
 * What takes room on the host's disk, and removing what nothing needs: as msb df and msb prune
 * say with --format json. */

/* {TYPE: {"count", "in_use", "logical_bytes", "allocated_bytes", "reclaimable_bytes", "items":
 * [{"name", "path", "logical_bytes", "allocated_bytes", "in_use", "reclaimable", "reasons"}],
 * "notes"}, "notes"}; the types are images, layers, sandboxes, snapshots, volumes, logs and
 * caches. */
char* msb_storage_usage(uint64_t cancel, char** result);

/* Options storage_prune: What is removed.
 * "types": array of text. images, layers, sandboxes, snapshots, volumes, caches; default: what
 *   can be had again, which is images, layers and caches.
 * "labels": object of text. Only what has all of these.
 * "older_than_ms": number. Only what was made, or ran last, so long ago.
 * "dry_run": true or false. Nothing is removed. */

/* Removes what nothing needs: {"dry_run", "items": what msb_storage_usage() says of each, with
 * "type", "state": "removed" | "reclaimable" | "in_use" | "error" and "error", "removed",
 * "bytes_reclaimed"}
 * Options: storage_prune, all optional. */
char* msb_storage_prune(uint64_t cancel, const char* options, char** result);

/* ---- snapshots -------------------------------------------------------------------------------
 * Disks of sandboxes, kept. Each is known by a name in the library's directory of them, by its
 * path, or by its digest.
 * A snapshot: {"digest", "name", "parent_digest", "scope", "state_kind", "image_ref", "format",
 * "fstype", "size_bytes", "created_at", "artifact_path"}. Details: also "image_manifest_digest",
 * "upper_file", "integrity", "source_sandbox", "labels", "extensions", "requires". */

/* Options snapshot_create: How a snapshot is made.
 * "dest_dir": text. Directory for it; default: that of the library's snapshots.
 * "labels": object of text. What is to be known about it.
 * "force": true or false. A snapshot that is there is replaced.
 * "integrity": true or false. A hash of the disk is recorded, for msb_snapshot_verify().
 * "copy_while_frozen": true or false. If the sandbox runs, it cannot write to its disk for as
 *   long as copying takes. */

/* Snapshots a sandbox; `name` may be a path. One that runs is frozen meanwhile. Details of the
 *   snapshot. Errors: snapshot_sandbox_running (that would take more than a moment),
 *   sandbox_not_found, snapshot_already_exists.
 * Options: snapshot_create, all optional.
 * Events:
 * {"event": "copied", "done_bytes", "total_bytes"}: So much of a disk, or of an archive, is
 *   done; 0 in all: that is not known. A report that nobody has read yet is replaced by the next
 *   one. */
char* msb_snapshot_create(uint64_t cancel, uint64_t progress, const char* sandbox, const char* name,
                          const char* options, char** result);

/* Details of a snapshot; of its disk only the size is looked at. Errors: snapshot_not_found,
 * corrupt. */
char* msb_snapshot_open(const char* snapshot, char** result);

/* What differs between the disks of two snapshots; result as of msb_sandbox_diff(). Errors:
 * snapshot_not_found, corrupt. */
char* msb_snapshot_diff(uint64_t cancel, const char* before, const char* after, char** result);

/* An array of the snapshots that are known here, newest first. */
char* msb_snapshot_list(char** result);

/* An array of those in a directory, whatever is known of it. */
char* msb_snapshot_list_dir(const char* directory, char** result);

/* Compares the disk with the hash that was recorded: {"digest", "path", "upper": {"kind":
 * "not_recorded"} or {"kind": "verified", "algorithm", "digest"}}. Error: snapshot_integrity. */
char* msb_snapshot_verify(uint64_t cancel, const char* snapshot, char** result);

/* Removes a snapshot. Errors: snapshot_not_found, snapshot_in_use.
 * Options: remove, all optional. */
char* msb_snapshot_remove(const char* snapshot, const char* options);

/* Looks again which snapshots a directory has; NULL: the library's. {"indexed": their number} */
char* msb_snapshot_reindex(const char* directory, char** result);

/* Options snapshot_export: What is written into an archive.
 * "since": text. Another snapshot: only what differs from its disk, which has to be there at
 *   import.
 * "with_parents": true or false. Also all snapshots that it came from.
 * "with_image": true or false. Also the image, so that what begins with it needs no registry.
 * "plain_tar": true or false. Not compressed.
 * "force": true or false. A file that is there is replaced. */

/* Writes a snapshot into one file: {"path"}. Errors: snapshot_not_found,
 *   snapshot_already_exists.
 * Options: snapshot_export, all optional.
 * Events:
 * {"event": "copied", "done_bytes", "total_bytes"}: So much of a disk, or of an archive, is
 *   done; 0 in all: that is not known. A report that nobody has read yet is replaced by the next
 *   one. */
char* msb_snapshot_export(uint64_t cancel, uint64_t progress, const char* snapshot, const char*
                          file, const char* options, char** result);

/* Options snapshot_import: How an archive is taken in.
 * "dest_dir": text. Directory for it; default: that of the library's snapshots.
 * "name": text. Name; default: the one that it had.
 * "force": true or false. A snapshot that is there is replaced. */

/* Takes in such a file. Details of the snapshot. Errors: snapshot_already_exists,
 *   snapshot_not_found (what it is a change of), corrupt, no_space.
 * Options: snapshot_import, all optional.
 * Events:
 * {"event": "copied", "done_bytes", "total_bytes"}: So much of a disk, or of an archive, is
 *   done; 0 in all: that is not known. A report that nobody has read yet is replaced by the next
 *   one. */
char* msb_snapshot_import(uint64_t cancel, uint64_t progress, const char* file, const char* options,
                          char** result);

#ifdef __cplusplus
}
#endif

#endif
