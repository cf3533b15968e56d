#!/usr/bin/env bash
# A process that has mapped a ring of the kernel and forks, as Node 20 does for each child, does not
# harm the guest: either the kernel can do that, or it gives nobody such a ring.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n box
run_ok msb cp -q "$MSB_BUILD/tools/ring_fork" box:/bin/ring_fork
run_ok msb exec box -- ring_fork io_uring
assert_match "$out" '^(fine|refused)$' io_uring
# A kernel that cannot refuses io_uring; rings of packets there is no way to refuse (docs/guest.md).
if [ "$out" = fine ]; then
    run_ok msb exec box -- ring_fork packet
    assert_eq "$out" fine packet
fi
run_ok msb exec box -- ring_fork io_uring
run_ok msb exec box -- sh -c 'dmesg | grep -c "Bad page" || :'
assert_eq "$out" 0 "messages of the kernel about bad pages"
run_ok msb rm -q -f box
no_leftovers
