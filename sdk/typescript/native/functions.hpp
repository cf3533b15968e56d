// clang-format off
// Made by sdk/generate.py from sdk/abi.json.
// The functions of libmicrosandbox.so by how they are called.
#pragma once

/// Block, and take the number that cancels them first.
#define MSB_NODE_CANCELLABLE(X) \
    X(progress_next) \
    X(sandbox_create) \
    X(sandbox_start) \
    X(sandbox_connect) \
    X(sandbox_close) \
    X(sandbox_fork) \
    X(sandbox_diff) \
    X(sandbox_stop) \
    X(sandbox_kill) \
    X(sandbox_drain) \
    X(sandbox_wait_until_stopped) \
    X(sandbox_ping) \
    X(sandbox_touch) \
    X(sandbox_exec) \
    X(sandbox_exec_stream) \
    X(sandbox_attach) \
    X(exec_recv) \
    X(exec_stdin_write) \
    X(exec_stdin_close) \
    X(exec_signal) \
    X(exec_resize) \
    X(exec_collect) \
    X(fs_read) \
    X(fs_write) \
    X(fs_stat) \
    X(fs_list) \
    X(fs_exists) \
    X(fs_mkdir) \
    X(fs_remove) \
    X(fs_remove_dir) \
    X(fs_copy) \
    X(fs_rename) \
    X(fs_symlink) \
    X(fs_read_link) \
    X(fs_real_path) \
    X(fs_copy_from_host) \
    X(fs_copy_to_host) \
    X(fs_read_stream) \
    X(fs_read_stream_recv) \
    X(fs_write_stream) \
    X(fs_write_stream_write) \
    X(fs_write_stream_finish) \
    X(ssh_server_serve) \
    X(image_pull) \
    X(image_load) \
    X(log_stream_recv) \
    X(metrics_stream_recv) \
    X(volume_clone) \
    X(storage_usage) \
    X(storage_prune) \
    X(snapshot_create) \
    X(snapshot_diff) \
    X(snapshot_verify) \
    X(snapshot_export) \
    X(snapshot_import)

/// Block, and cannot be ended early.
#define MSB_NODE_BLOCKING(X) \
    X(sandbox_info) \
    X(sandbox_detach) \
    X(sandbox_get) \
    X(sandbox_list) \
    X(sandbox_remove) \
    X(sandbox_request_stop) \
    X(sandbox_request_kill) \
    X(sandbox_request_drain) \
    X(sandbox_modify) \
    X(network_check) \
    X(network_log) \
    X(network_learn) \
    X(network_policies) \
    X(network_policy) \
    X(exec_close) \
    X(fs_stream_close) \
    X(ssh_server_open) \
    X(ssh_server_close) \
    X(image_list) \
    X(image_inspect) \
    X(image_remove) \
    X(image_prune) \
    X(sandbox_logs) \
    X(log_stream_open) \
    X(log_stream_close) \
    X(sandbox_metrics) \
    X(all_sandbox_metrics) \
    X(metrics_stream_open) \
    X(metrics_stream_close) \
    X(network_create) \
    X(network_get) \
    X(network_list) \
    X(network_remove) \
    X(network_prune) \
    X(volume_create) \
    X(volume_get) \
    X(volume_list) \
    X(volume_remove) \
    X(volume_prune) \
    X(volume_fs_read) \
    X(volume_fs_write) \
    X(volume_fs_stat) \
    X(volume_fs_list) \
    X(volume_fs_mkdir) \
    X(volume_fs_remove) \
    X(volume_fs_copy) \
    X(volume_fs_rename) \
    X(snapshot_open) \
    X(snapshot_list) \
    X(snapshot_list_dir) \
    X(snapshot_remove) \
    X(snapshot_reindex)

/// Return at once.
#define MSB_NODE_IMMEDIATE(X) \
    X(version) \
    X(set_sdk_msb_path) \
    X(set_sdk_home) \
    X(cancel_alloc) \
    X(cancel_trigger) \
    X(cancel_unregister) \
    X(progress_alloc) \
    X(progress_free) \
    X(agent_socket_path)

/// Used by this module itself.
#define MSB_NODE_INTERNAL(X) \
    X(abi_version) \
    X(free_string) \
    X(free_bytes)
