#!/usr/bin/env bash
# --mount-dir and --mount-file exist on run and create, with the options of -v.
. "$(dirname "$0")/../lib.sh"
need_kernel

mkdir "$T/dir"
echo content >"$T/dir/file"
run_ok msb run --mount-dir "$T/dir:/d" --mount-file "$T/dir/file:/f" -- cat /d/file /f
assert_eq "$out" "content
content"
run_ok msb create -q -n box --mount-dir "$T/dir:/d:ro,noexec,nosuid,nodev" --mount-file "$T/dir/file:/f:rw,stat-virt=off,host-perms=private"
run_ok msb exec box -- sh -c 'cat /d/file && echo changed >/f'
assert_eq "$(cat "$T/dir/file")" changed
run_fail any 'Read-only' msb exec box -- touch /d/new
run_ok msb rm -q -f box
no_leftovers
