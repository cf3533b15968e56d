/* microsandbox: untrusted code in local virtual machines that start like processes.
 *
 * C interface of libmicrosandbox.so.
 *
 * Conventions
 *  - A function that can fail returns NULL on success and otherwise an error: a JSON object
 *      {"kind": "already_exists", "message": "...", "hint": "..." or null, ...}
 *    Each kind has a meaning of its own (docs/sdk.md) and some have more members. Release it with
 *    msb_free_string(). Results are not touched when a call fails.
 *  - Results are allocated by the library: text (JSON, UTF-8) is released with msb_free_string(),
 *    bytes with msb_free_bytes(). Nothing is guessed, cut or encoded: data of commands and files
 *    are bytes with a length. A result pointer may be NULL if the caller does not want it.
 *  - Arguments belong to the caller and are not used after the call. Options are one JSON object,
 *    or NULL for none; an unknown member is an error (invalid_argument). Text is UTF-8.
 *  - Handles are numbers, never 0 and never used twice. One that is unknown or closed is the error
 *    invalid_handle.
 *  - All functions may be called by any thread at any time, also several on one handle. Calls block
 *    their thread; every call that may take long has `cancel`, a number of msb_cancel_alloc() or 0.
 *    The library starts no thread and changes nothing of the process: no signal handling, no
 *    environment, no working directory, no umask.
 *  - In a child that a program forks without executing another program all handles are invalid;
 *    the sandboxes of the parent are not affected. New ones can be made.
 *  - Times are in milliseconds; points in time are Unix time.
 */
#ifndef MICROSANDBOX_H
#define MICROSANDBOX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a function or a member of a result is taken away or changes its meaning. */
#define MSB_ABI_VERSION 1
uint32_t msb_abi_version(void);
/* "0.1.0"; not to be released. */
const char* msb_version(void);

void msb_free_string(char* text); /* NULL is fine, here and below */
void msb_free_bytes(uint8_t* bytes);

/* Where `msb` is, by whose place the library finds the programs and the kernel that it starts. It
 * looks at the environment variable MSB_PATH first, then at this path, then beside itself
 * (PREFIX/lib/libmicrosandbox.so: PREFIX/bin/msb). NULL or "" takes the path back. */
void msb_set_sdk_msb_path(const char* path);
/* The directory of all state, in place of the environment variable MSB_HOME: for languages where a
 * program's change of its environment does not reach the library. NULL or "" takes it back. */
void msb_set_sdk_home(const char* path);

/* ---- cancelling -------------------------------------------------------------------------------
 * A call that was given the number of msb_cancel_alloc() ends early, with the error "cancelled",
 * when another thread triggers it: before the call, during it, or not at all. The call uses the
 * number up. What a cancelled call had begun is undone where that is possible; wait for it to
 * return. */
uint64_t msb_cancel_alloc(void);
void msb_cancel_trigger(uint64_t cancel);
/* Only for a number that was never given to a call. */
void msb_cancel_unregister(uint64_t cancel);

/* ---- progress of pulls ------------------------------------------------------------------------
 * msb_sandbox_create() and msb_image_pull() that were given the number of msb_progress_alloc()
 * report to it. Another thread reads the reports; `*event` is NULL after the last, when the call
 * has ended:
 *   {"event": "resolving", "reference"}
 *   {"event": "resolved", "reference", "layer_count", "total_download_bytes"}
 *   {"event": "layer_download_progress", "layer_index", "downloaded_bytes", "total_bytes"}
 *   {"event": "layer_materialize_complete", "layer_index", "reused"}
 *   {"event": "stitch_merging_trees", "reference"}
 *   {"event": "complete", "reference"}: the image is there; a cached one has nothing before this
 * Reports of a layer's bytes that nobody has read yet are replaced by newer ones. */
uint64_t msb_progress_alloc(void);
char* msb_progress_next(uint64_t cancel, uint64_t progress, char** event);
void msb_progress_free(uint64_t progress);

/* ---- sandboxes --------------------------------------------------------------------------------
 * A sandbox is known by its name in this MSB_HOME; what has a name as argument works on any of
 * them, whoever made it. A handle is a connection to one that runs, for commands and files. The
 * handle of an attached sandbox (one that was made without "detached") also owns it: it stops when
 * the handle is closed, and when the process ends, however that ends. */

/* Options, all optional:
 *   image              reference; default: the image that comes with the program
 *   cpus, max_cpus, memory_mib, max_memory_mib, root_disk_mib
 *   thp                "always", "madvise", "never"
 *   env, labels, scripts      objects; a script is a file on every command's PATH
 *   workdir, user, hostname, shell
 *   entrypoint, cmd    arrays, in place of the image's
 *   init               "auto", an absolute path, or {"cmd", "args": [], "env": {}}
 *   security           "default", "restricted"
 *   volumes            {"/guest/path": {"bind": "/host/directory/or/file", "readonly", "noexec",
 *                      "nosuid", "nodev", "follow_root_symlinks", "stat_virtualization": "strict" |
 *                      "off", "host_permissions": "private" | "mirror"}}
 *   network            false: none. {"profiles": what the guest may reach: any of "public",
 * "private", "host", or "all"; "max_connections"} ports              [{"bind", "host_port",
 * "guest_port", "protocol": "tcp" | "udp"}] rlimits            [{"resource": "nofile", "soft",
 * "hard"}] engine             "auto", "uml", "kvm";  require_isolation: "any", "hardware"
 *   pull_policy        "if-missing", "always", "never"
 *   insecure           true: plain HTTP to the registry
 *   ca_certs           path of a PEM file, for the registry
 *   max_duration_secs, idle_timeout_secs
 *   log_level          "error", "warn", "info", "debug", "trace"
 *   detached           true: it goes on without handle and process
 *   ephemeral          true: nothing of it is kept when it has stopped
 *   replace            true: a sandbox of this name is stopped and removed first
 *   replace_with_timeout_ms   implies replace: between the stop signal and the kill; default 10000
 * Errors: already_exists, boot_start {"name", "stage", "errno"}, image_not_found,
 * image_pull_failed, invalid_config, ...
 * Result: {"handle", "name", "owns_lifecycle", "notices": [text for people, ...]} */
char* msb_sandbox_create(uint64_t cancel, uint64_t progress, const char* name, const char* options,
                         char** result);
/* Starts a stopped one. Options: detached. Result as above. Errors: sandbox_not_found,
 * still_running, boot_start. */
char* msb_sandbox_start(uint64_t cancel, const char* name, const char* options, char** result);
/* To one that runs, or is coming up: it is waited for. Result as above. Errors: sandbox_not_found,
 * not_running, boot_start. timeout_ms < 0: 10000. */
char* msb_sandbox_connect(uint64_t cancel, const char* name, int64_t timeout_ms, char** result);
/* {"name", "owns_lifecycle", "config": as in msb_sandbox_get()} */
char* msb_sandbox_info(uint64_t sandbox, char** result);
/* An attached sandbox goes on without its handle and process from now on. The handle stays open. */
char* msb_sandbox_detach(uint64_t sandbox);
/* An attached sandbox is stopped, and waited for. Handles of commands and streams have to be closed
 * by themselves. The handle is closed even if this fails. */
char* msb_sandbox_close(uint64_t cancel, uint64_t sandbox);
/* The same without waiting for anything, for finalizers: an attached sandbox stops by itself. */
void msb_sandbox_release(uint64_t sandbox);

/* {"name", "status": "created" | "starting" | "running" | "draining" | "stopped" | "crashed",
 * "reason", "detail", "exit_code", "engine", "isolation", "image", "created_at_ms",
 * "started_at_ms", "stopped_at_ms", "updated_at_ms", "config": {...}}; null: not known. */
char* msb_sandbox_get(const char* name, char** result);
/* Options: labels (an object; all must match), limit (1 to 100; default: all), cursor.
 * {"sandboxes": [as above, newest first], "next_cursor": text or null, "damaged": [message]} */
char* msb_sandbox_list(const char* options, char** result);
/* Options: force (kill it first if it runs). Errors: sandbox_not_found, still_running. */
char* msb_sandbox_remove(const char* name, const char* options);

/* The guest is asked to end and waited for; killed after timeout_ms (< 0: 10000; 0: at once).
 * Succeeds if it is stopped in the end, also if it was before. */
char* msb_sandbox_stop(uint64_t cancel, const char* name, int64_t timeout_ms);
/* At once. timeout_ms (< 0: 5000) is how long its end is waited for: then the error timed_out. */
char* msb_sandbox_kill(uint64_t cancel, const char* name, int64_t timeout_ms);
/* Commands that run may finish, new ones are refused; waits for that without limit. */
char* msb_sandbox_drain(uint64_t cancel, const char* name);
/* The same without waiting. */
char* msb_sandbox_request_stop(const char* name, int64_t timeout_ms);
char* msb_sandbox_request_kill(const char* name);
char* msb_sandbox_request_drain(const char* name);
/* Waits and never causes it. timeout_ms < 0: without limit; then the error timed_out. With a handle
 * (else 0) of a sandbox that this process started, and its name, more is known of the end.
 * {"name", "status", "exit_code", "signal", "observed_at_ms", "source": "process" | "state"} */
char* msb_sandbox_wait_until_stopped(uint64_t cancel, uint64_t sandbox, const char* name,
                                     int64_t timeout_ms, char** result);
/* Whether the agent answers: {"name", "latency_ms"}. Does not count as activity. */
char* msb_sandbox_ping(uint64_t cancel, const char* name, char** result);
/* Starts the idle time anew: {"name", "activity_seq"}. */
char* msb_sandbox_touch(uint64_t cancel, const char* name, char** result);

/* Path of the socket on which the sandbox's agent speaks its protocol, as text. Nothing is
 * connected; the sandbox need not run or exist. */
char* msb_agent_socket_path(const char* name, char** path);

/* ---- commands ---------------------------------------------------------------------------------
 * `command` is literal: no shell, no entrypoint. NULL is the sandbox's own: its entrypoint and cmd.
 * Options, all optional:
 *   args               array
 *   shell              true: `command` is a script for the sandbox's shell
 *   env                object, over the sandbox's
 *   cwd, user
 *   timeout_ms         then it is killed with all it started: the error exec_timeout
 *   tty                true: a terminal; everything comes as stdout;  rows, cols
 *   stdin              true: a pipe stays open behind `input` (msb_exec_stdin_write); only for
 *                      msb_sandbox_exec_stream
 *   rlimits            as above
 *   max_output_bytes   only for collected output; more is the error limit_exceeded; default 256 MiB
 * A program that ran and ended in failure is a result. One that could not start is the error
 * exec_failed {"exec_kind": "not_found" | "permission_denied" | "not_executable" | "bad_cwd" |
 * "bad_args" | "resource_limit" | "user_setup_failed" | "out_of_memory" | "pty_setup_failed" |
 * "other", "errno", "errno_name", "stage"}. */

/* Runs it with this input, of any size, and collects what it writes. {"exit_code": as a shell has
 * it, "signal"} */
char* msb_sandbox_exec(uint64_t cancel, uint64_t sandbox, const char* command, const char* options,
                       const uint8_t* input, size_t input_size, char** result, uint8_t** out,
                       size_t* out_size, uint8_t** err, size_t* err_size);

/* Starts it. Nothing of it moves while nobody waits in one of the calls below, and a client that
 * does not read holds the command up, as a pipe does. */
char* msb_sandbox_exec_stream(uint64_t cancel, uint64_t sandbox, const char* command,
                              const char* options, const uint8_t* input, size_t input_size,
                              uint64_t* exec);
/* The next event. `*data` is NULL and `*size` 0 but for stdout and stderr.
 *   {"event": "started", "pid"}
 *   {"event": "stdout"}, {"event": "stderr"}
 *   {"event": "stdin_error", "errno", "errno_name", "message"}: it goes on without more input
 *   {"event": "exited", "exit_code", "signal"}: the last one, or
 *   {"event": "failed", "exec_kind", "errno", "errno_name", "stage", "message"}: it did not start
 *   {"event": "done"}: after the last, again and again
 * Errors: exec_timeout, session_lost. A cancelled call loses nothing. */
char* msb_exec_recv(uint64_t cancel, uint64_t exec, char** event, uint8_t** data, size_t* size);
/* Returns when there is room for more: read the output meanwhile, in another thread. */
char* msb_exec_stdin_write(uint64_t cancel, uint64_t exec, const uint8_t* data, size_t size);
char* msb_exec_stdin_close(uint64_t cancel, uint64_t exec);
/* To the command's process group. */
char* msb_exec_signal(uint64_t cancel, uint64_t exec, int32_t signal);
char* msb_exec_resize(uint64_t cancel, uint64_t exec, uint16_t rows, uint16_t cols);
/* The rest of the output and the end, as msb_sandbox_exec(). */
char* msb_exec_collect(uint64_t cancel, uint64_t exec, const char* options, char** result,
                       uint8_t** out, size_t* out_size, uint8_t** err, size_t* err_size);
/* Ends a command that still runs. */
void msb_exec_close(uint64_t exec);

/* ---- files ------------------------------------------------------------------------------------
 * Of the guest, by absolute path. Options of all: user (USER[:GROUP] to act as; default: root).
 * Errors: path_not_found, filesystem {"errno"}. */

/* Options: max_bytes (default 256 MiB): more is the error limit_exceeded. */
char* msb_fs_read(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                  uint8_t** data, size_t* size);
/* Made or replaced; its directory must exist. Options: mode (default 0644 = 420). */
char* msb_fs_write(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                   const uint8_t* data, size_t size);
/* Options: follow (default true). {"path", "kind": "file" | "dir" | "symlink" | "other", "size",
 * "mode", "uid", "gid", "accessed_ms", "modified_ms"} */
char* msb_fs_stat(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                  char** result);
/* One level: an array of the above. */
char* msb_fs_list(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                  char** result);
/* {"exists"} */
char* msb_fs_exists(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                    char** result);
/* With missing parents. Options: mode. */
char* msb_fs_mkdir(uint64_t cancel, uint64_t sandbox, const char* path, const char* options);
char* msb_fs_remove(uint64_t cancel, uint64_t sandbox, const char* path, const char* options);
/* Options: recursive (default true). */
char* msb_fs_remove_dir(uint64_t cancel, uint64_t sandbox, const char* path, const char* options);
/* A single file. */
char* msb_fs_copy(uint64_t cancel, uint64_t sandbox, const char* from, const char* to,
                  const char* options);
char* msb_fs_rename(uint64_t cancel, uint64_t sandbox, const char* from, const char* to,
                    const char* options);
/* A single file of the host, read and written as the user of this process. */
char* msb_fs_copy_from_host(uint64_t cancel, uint64_t sandbox, const char* host, const char* guest,
                            const char* options);
char* msb_fs_copy_to_host(uint64_t cancel, uint64_t sandbox, const char* guest, const char* host,
                          const char* options);
/* Piece by piece. `*data` is NULL and `*size` 0 at the end. */
char* msb_fs_read_stream(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                         uint64_t* stream);
char* msb_fs_read_stream_recv(uint64_t cancel, uint64_t stream, uint8_t** data, size_t* size);
/* Options: mode. */
char* msb_fs_write_stream(uint64_t cancel, uint64_t sandbox, const char* path, const char* options,
                          uint64_t* stream);
char* msb_fs_write_stream_write(uint64_t cancel, uint64_t stream, const uint8_t* data, size_t size);
/* What was written is complete only after this has succeeded. */
char* msb_fs_write_stream_finish(uint64_t cancel, uint64_t stream);
/* Of either kind. */
void msb_fs_stream_close(uint64_t stream);

/* ---- images -----------------------------------------------------------------------------------
 * An image: {"reference", "digest", "architecture", "os", "layer_count", "size_bytes",
 * "created_at"}. */

/* An array, newest first. */
char* msb_image_list(char** result);
/* Error: image_not_found. With "config" and "layers". */
char* msb_image_inspect(const char* reference, char** result);
/* Options: pull_policy, insecure, ca_certs, as of msb_sandbox_create(). The image, and "cached". */
char* msb_image_pull(uint64_t cancel, uint64_t progress, const char* reference, const char* options,
                     char** result);
/* From a docker-archive or OCI-layout tar on the host. Options: tags (more names of the first
 * image). An array of images. */
char* msb_image_load(uint64_t cancel, uint64_t progress, const char* path, const char* options,
                     char** result);
/* Options: force. Error: image_in_use. */
char* msb_image_remove(const char* reference, const char* options);
/* Deletes what neither a reference nor a sandbox needs. {"bytes_reclaimed"} */
char* msb_image_prune(char** result);

/* ---- logs -------------------------------------------------------------------------------------
 * What commands wrote, also of sandboxes that are stopped. Options: tail (entries), since_ms,
 * until_ms, sources (["stdout", "stderr", "output", "system"], or "all"; default: all but system),
 * from_cursor.
 * Result: [{"timestamp_ms", "source", "session_id": number or null, "cursor", "offset", "size"},
 * ...], oldest first; the data of each are `size` bytes at `offset` of `*data`. */
char* msb_sandbox_logs(const char* name, const char* options, char** result, uint8_t** data,
                       size_t* size);
/* The same one by one. Options as above without tail, and follow: go on until the sandbox stops. */
char* msb_log_stream_open(const char* name, const char* options, uint64_t* stream);
/* The next entry, without offset and size, and its data; `*entry` is NULL after the last. Error:
 * missed_rotation, once, if entries were lost before they were read: the next call goes on. */
char* msb_log_stream_recv(uint64_t cancel, uint64_t stream, char** entry, uint8_t** data,
                          size_t* size);
void msb_log_stream_close(uint64_t stream);

#ifdef __cplusplus
}
#endif

#endif
