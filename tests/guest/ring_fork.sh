#!/usr/bin/env bash
# A process that has mapped a ring of the kernel and forks, as Node 20 does for each child, does not harm the guest:
# either the kernel handles it, or it does not offer such rings.
. "$(dirname "$0")/../lib.sh"
need_kernel

for kernel in "$MSB_BUILD"/share/microsandbox/kernels/uml-*; do
    name=${kernel##*/}
    run_ok msb create -q -n box --kernel "$name"
    run_ok msb cp -q "$MSB_BUILD/tools/ring_fork" box:/bin/ring_fork
    run_ok msb exec box -- ring_fork io_uring
    assert_match "$out" '^(fine|refused)$' "io_uring on $name"
    # A kernel that does not handle it has io_uring off; packet rings cannot be switched off (docs/guest.md).
    if [ "$out" = fine ]; then
        run_ok msb exec box -- ring_fork packet
        assert_eq "$out" fine "packet on $name"
    fi
    run_ok msb exec box -- ring_fork io_uring
    run_ok msb exec box -- sh -c 'dmesg | grep -c "Bad page" || :'
    assert_eq "$out" 0 "messages of $name about bad pages"
    run_ok msb rm -q -f box
done
no_leftovers
