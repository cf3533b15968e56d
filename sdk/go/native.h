// clang-format off
// Made by sdk/generate.py from sdk/abi.json.
// The functions of libmicrosandbox.so, called through pointers that dlopen and dlsym found.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MSB_SDK_ABI_VERSION 1

// F(RESULT, NAME, PARAMETERS, ARGUMENTS): msb_NAME as microsandbox.h has it.
#define MSB_FUNCTIONS(F) \
    F(uint32_t, abi_version, (void), ()) \
    F(const char*, version, (void), ()) \
    F(void, free_string, (char* text), (text)) \
    F(void, free_bytes, (uint8_t* bytes), (bytes)) \
    F(void, set_sdk_msb_path, (const char* path), (path)) \
    F(void, set_sdk_home, (const char* path), (path)) \
    F(uint64_t, cancel_alloc, (void), ()) \
    F(void, cancel_trigger, (uint64_t cancel), (cancel)) \
    F(void, cancel_unregister, (uint64_t cancel), (cancel)) \
    F(uint64_t, progress_alloc, (void), ()) \
    F(char*, progress_next, (uint64_t cancel, uint64_t progress, char** event), (cancel, progress, event)) \
    F(void, progress_free, (uint64_t progress), (progress)) \
    F(char*, sandbox_create, (uint64_t cancel, uint64_t progress, const char* name, const char* options, char** result), (cancel, progress, name, options, result)) \
    F(char*, sandbox_start, (uint64_t cancel, const char* name, const char* options, char** result), (cancel, name, options, result)) \
    F(char*, sandbox_connect, (uint64_t cancel, const char* name, int64_t timeout_ms, char** result), (cancel, name, timeout_ms, result)) \
    F(char*, sandbox_info, (uint64_t sandbox, char** result), (sandbox, result)) \
    F(char*, sandbox_detach, (uint64_t sandbox), (sandbox)) \
    F(char*, sandbox_close, (uint64_t cancel, uint64_t sandbox), (cancel, sandbox)) \
    F(void, sandbox_release, (uint64_t sandbox), (sandbox)) \
    F(char*, sandbox_fork, (uint64_t cancel, uint64_t progress, const char* sandbox, const char* options, char** result), (cancel, progress, sandbox, options, result)) \
    F(char*, sandbox_diff, (uint64_t cancel, const char* name, char** result), (cancel, name, result)) \
    F(char*, sandbox_get, (const char* name, char** result), (name, result)) \
    F(char*, sandbox_list, (const char* options, char** result), (options, result)) \
    F(char*, sandbox_remove, (const char* name, const char* options), (name, options)) \
    F(char*, sandbox_stop, (uint64_t cancel, const char* name, int64_t timeout_ms), (cancel, name, timeout_ms)) \
    F(char*, sandbox_kill, (uint64_t cancel, const char* name, int64_t timeout_ms), (cancel, name, timeout_ms)) \
    F(char*, sandbox_drain, (uint64_t cancel, const char* name), (cancel, name)) \
    F(char*, sandbox_request_stop, (const char* name, int64_t timeout_ms), (name, timeout_ms)) \
    F(char*, sandbox_request_kill, (const char* name), (name)) \
    F(char*, sandbox_request_drain, (const char* name), (name)) \
    F(char*, sandbox_wait_until_stopped, (uint64_t cancel, uint64_t sandbox, const char* name, int64_t timeout_ms, char** result), (cancel, sandbox, name, timeout_ms, result)) \
    F(char*, sandbox_ping, (uint64_t cancel, const char* name, char** result), (cancel, name, result)) \
    F(char*, sandbox_touch, (uint64_t cancel, const char* name, char** result), (cancel, name, result)) \
    F(char*, agent_socket_path, (const char* name, char** path), (name, path)) \
    F(char*, sandbox_modify, (const char* name, const char* options, char** result), (name, options, result)) \
    F(char*, network_check, (const char* name, const char* destination, char** result), (name, destination, result)) \
    F(char*, network_log, (const char* name, const char* options, char** result), (name, options, result)) \
    F(char*, network_learn, (const char* name, char** result), (name, result)) \
    F(char*, network_policies, (char** result), (result)) \
    F(char*, network_policy, (const char* name, char** result), (name, result)) \
    F(char*, sandbox_exec, (uint64_t cancel, uint64_t sandbox, const char* command, const char* options, const uint8_t* input, size_t input_size, char** result, uint8_t** out, size_t* out_size, uint8_t** err, size_t* err_size), (cancel, sandbox, command, options, input, input_size, result, out, out_size, err, err_size)) \
    F(char*, sandbox_exec_stream, (uint64_t cancel, uint64_t sandbox, const char* command, const char* options, const uint8_t* input, size_t input_size, uint64_t* exec), (cancel, sandbox, command, options, input, input_size, exec)) \
    F(char*, sandbox_attach, (uint64_t cancel, uint64_t sandbox, const char* command, const char* options, char** result), (cancel, sandbox, command, options, result)) \
    F(char*, exec_recv, (uint64_t cancel, uint64_t exec, char** event, uint8_t** data, size_t* size), (cancel, exec, event, data, size)) \
    F(char*, exec_stdin_write, (uint64_t cancel, uint64_t exec, const uint8_t* data, size_t size), (cancel, exec, data, size)) \
    F(char*, exec_stdin_close, (uint64_t cancel, uint64_t exec), (cancel, exec)) \
    F(char*, exec_signal, (uint64_t cancel, uint64_t exec, int32_t signal), (cancel, exec, signal)) \
    F(char*, exec_resize, (uint64_t cancel, uint64_t exec, uint16_t rows, uint16_t cols), (cancel, exec, rows, cols)) \
    F(char*, exec_collect, (uint64_t cancel, uint64_t exec, const char* options, char** result, uint8_t** out, size_t* out_size, uint8_t** err, size_t* err_size), (cancel, exec, options, result, out, out_size, err, err_size)) \
    F(void, exec_close, (uint64_t exec), (exec)) \
    F(char*, fs_read, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, uint8_t** data, size_t* size), (cancel, sandbox, path, options, data, size)) \
    F(char*, fs_write, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, const uint8_t* data, size_t size), (cancel, sandbox, path, options, data, size)) \
    F(char*, fs_stat, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char** result), (cancel, sandbox, path, options, result)) \
    F(char*, fs_list, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char** result), (cancel, sandbox, path, options, result)) \
    F(char*, fs_exists, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char** result), (cancel, sandbox, path, options, result)) \
    F(char*, fs_mkdir, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options), (cancel, sandbox, path, options)) \
    F(char*, fs_remove, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options), (cancel, sandbox, path, options)) \
    F(char*, fs_remove_dir, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options), (cancel, sandbox, path, options)) \
    F(char*, fs_copy, (uint64_t cancel, uint64_t sandbox, const char* from, const char* to, const char* options), (cancel, sandbox, from, to, options)) \
    F(char*, fs_rename, (uint64_t cancel, uint64_t sandbox, const char* from, const char* to, const char* options), (cancel, sandbox, from, to, options)) \
    F(char*, fs_symlink, (uint64_t cancel, uint64_t sandbox, const char* target, const char* path, const char* options), (cancel, sandbox, target, path, options)) \
    F(char*, fs_read_link, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char** result), (cancel, sandbox, path, options, result)) \
    F(char*, fs_real_path, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, char** result), (cancel, sandbox, path, options, result)) \
    F(char*, fs_copy_from_host, (uint64_t cancel, uint64_t sandbox, const char* host, const char* guest, const char* options), (cancel, sandbox, host, guest, options)) \
    F(char*, fs_copy_to_host, (uint64_t cancel, uint64_t sandbox, const char* guest, const char* host, const char* options), (cancel, sandbox, guest, host, options)) \
    F(char*, fs_read_stream, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, uint64_t* stream), (cancel, sandbox, path, options, stream)) \
    F(char*, fs_read_stream_recv, (uint64_t cancel, uint64_t stream, uint8_t** data, size_t* size), (cancel, stream, data, size)) \
    F(char*, fs_write_stream, (uint64_t cancel, uint64_t sandbox, const char* path, const char* options, uint64_t* stream), (cancel, sandbox, path, options, stream)) \
    F(char*, fs_write_stream_write, (uint64_t cancel, uint64_t stream, const uint8_t* data, size_t size), (cancel, stream, data, size)) \
    F(char*, fs_write_stream_finish, (uint64_t cancel, uint64_t stream), (cancel, stream)) \
    F(void, fs_stream_close, (uint64_t stream), (stream)) \
    F(char*, ssh_server_open, (uint64_t sandbox, const char* options, uint64_t* server), (sandbox, options, server)) \
    F(char*, ssh_server_serve, (uint64_t cancel, uint64_t server, int32_t input, int32_t output), (cancel, server, input, output)) \
    F(void, ssh_server_close, (uint64_t server), (server)) \
    F(char*, image_list, (char** result), (result)) \
    F(char*, image_inspect, (const char* reference, char** result), (reference, result)) \
    F(char*, image_pull, (uint64_t cancel, uint64_t progress, const char* reference, const char* options, char** result), (cancel, progress, reference, options, result)) \
    F(char*, image_load, (uint64_t cancel, uint64_t progress, const char* path, const char* options, char** result), (cancel, progress, path, options, result)) \
    F(char*, image_remove, (const char* reference, const char* options), (reference, options)) \
    F(char*, image_prune, (char** result), (result)) \
    F(char*, sandbox_logs, (const char* name, const char* options, char** result, uint8_t** data, size_t* size), (name, options, result, data, size)) \
    F(char*, log_stream_open, (const char* name, const char* options, uint64_t* stream), (name, options, stream)) \
    F(char*, log_stream_recv, (uint64_t cancel, uint64_t stream, char** entry, uint8_t** data, size_t* size), (cancel, stream, entry, data, size)) \
    F(void, log_stream_close, (uint64_t stream), (stream)) \
    F(char*, sandbox_metrics, (const char* name, char** result), (name, result)) \
    F(char*, all_sandbox_metrics, (char** result), (result)) \
    F(char*, metrics_stream_open, (const char* name, const char* options, uint64_t* stream), (name, options, stream)) \
    F(char*, metrics_stream_recv, (uint64_t cancel, uint64_t stream, char** sample), (cancel, stream, sample)) \
    F(void, metrics_stream_close, (uint64_t stream), (stream)) \
    F(char*, network_create, (const char* name, const char* options, char** result), (name, options, result)) \
    F(char*, network_get, (const char* name, char** result), (name, result)) \
    F(char*, network_list, (char** result), (result)) \
    F(char*, network_remove, (const char* name), (name)) \
    F(char*, network_prune, (char** result), (result)) \
    F(char*, volume_create, (const char* name, const char* options, char** result), (name, options, result)) \
    F(char*, volume_get, (const char* name, char** result), (name, result)) \
    F(char*, volume_list, (char** result), (result)) \
    F(char*, volume_remove, (const char* name), (name)) \
    F(char*, volume_clone, (uint64_t cancel, const char* name, const char* to, const char* options, char** result), (cancel, name, to, options, result)) \
    F(char*, volume_prune, (const char* options, char** result), (options, result)) \
    F(char*, volume_fs_read, (const char* name, const char* path, uint8_t** data, size_t* size), (name, path, data, size)) \
    F(char*, volume_fs_write, (const char* name, const char* path, const uint8_t* data, size_t size), (name, path, data, size)) \
    F(char*, volume_fs_stat, (const char* name, const char* path, char** result), (name, path, result)) \
    F(char*, volume_fs_list, (const char* name, const char* path, char** result), (name, path, result)) \
    F(char*, volume_fs_mkdir, (const char* name, const char* path), (name, path)) \
    F(char*, volume_fs_remove, (const char* name, const char* path, const char* options), (name, path, options)) \
    F(char*, volume_fs_copy, (const char* name, const char* from, const char* to), (name, from, to)) \
    F(char*, volume_fs_rename, (const char* name, const char* from, const char* to), (name, from, to)) \
    F(char*, storage_usage, (uint64_t cancel, char** result), (cancel, result)) \
    F(char*, storage_prune, (uint64_t cancel, const char* options, char** result), (cancel, options, result)) \
    F(char*, snapshot_create, (uint64_t cancel, uint64_t progress, const char* sandbox, const char* name, const char* options, char** result), (cancel, progress, sandbox, name, options, result)) \
    F(char*, snapshot_open, (const char* snapshot, char** result), (snapshot, result)) \
    F(char*, snapshot_diff, (uint64_t cancel, const char* before, const char* after, char** result), (cancel, before, after, result)) \
    F(char*, snapshot_list, (char** result), (result)) \
    F(char*, snapshot_list_dir, (const char* directory, char** result), (directory, result)) \
    F(char*, snapshot_verify, (uint64_t cancel, const char* snapshot, char** result), (cancel, snapshot, result)) \
    F(char*, snapshot_remove, (const char* snapshot, const char* options), (snapshot, options)) \
    F(char*, snapshot_reindex, (const char* directory, char** result), (directory, result)) \
    F(char*, snapshot_export, (uint64_t cancel, uint64_t progress, const char* snapshot, const char* file, const char* options, char** result), (cancel, progress, snapshot, file, options, result)) \
    F(char*, snapshot_import, (uint64_t cancel, uint64_t progress, const char* file, const char* options, char** result), (cancel, progress, file, options, result))

#define MSB_DECLARE(type, name, parameters, arguments) type call_##name parameters;
MSB_FUNCTIONS(MSB_DECLARE)
#undef MSB_DECLARE

// Loads the library. NULL, or what was wrong, to be given to free(3).
char* load_library(const char* path);
