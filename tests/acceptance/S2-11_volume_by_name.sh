#!/usr/bin/env bash
# -v NAME:/x with no such volume makes it, a directory, and mounts it; the second sandbox sees the first one's files.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb run -v data:/d -- sh -c 'echo first >/d/file && mkdir /d/dir && chown 7:8 /d/file && chmod 640 /d/file'
run_ok msb volume inspect data --format json
assert_eq "$(jq -r .kind <<<"$out")" directory
assert_eq "$(jq -r .path <<<"$out")" "$MSB_HOME/volumes/data"
assert_eq "$(cat "$MSB_HOME/volumes/data/file")" first "the file on the host"
run_ok msb run -v data:/elsewhere -- sh -c 'cat /elsewhere/file && [ -d /elsewhere/dir ] && stat -c "%u:%g %a" /elsewhere/file'
assert_eq "$out" $'first\n7:8 640'

# Two that run share it, also one that is kept and stopped in between.
run_ok msb create -q -n kept -v data:/d
run_ok msb exec kept -- sh -c 'echo second >/d/file'
run_ok msb run -v data:/d:ro -- sh -c 'cat /d/file; touch /d/x 2>/dev/null || echo read-only'
assert_eq "$out" $'second\nread-only'
run_ok msb stop -q kept
run_ok msb exec kept -- cat /d/file
assert_eq "$out" second
run_ok msb inspect kept
assert_match "$out" '/d: *→ volume data'

# Removing a sandbox never removes its volumes.
run_ok msb rm -q -f kept
run_ok msb volume ls -q
assert_eq "$out" data
no_leftovers
