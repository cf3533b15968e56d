#!/usr/bin/env bash
# A running sandbox reads parts of its image that the host's page cache has dropped.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n cold
find "$MSB_HOME/cache/blobs" -name '*.data' | while read -r blob; do
    sync "$blob"
    dd of="$blob" oflag=nocache conv=notrunc,fdatasync count=0 2>/dev/null
done
run_ok msb exec cold -- sha256sum /bin/busybox
assert_match "$out" '^[0-9a-f]{64} '
run_ok msb exec cold -- sh -c 'echo 3 > /proc/sys/vm/drop_caches; sha256sum /bin/busybox'
run_ok msb ls --format json
assert_contains "$out" '"status": "Running"'
run_ok msb rm -q -f cold
no_leftovers
