#!/usr/bin/env bash
# The guest's clock is the host's: at boot, after the guest stood still, after somebody set it. Random
# numbers are there from the start and differ from guest to guest.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb create -q -n one
run_ok msb create -q -n two
# offset NAME: by how many ms the guest's clock differs, at least: the time the asking took is not its
# fault.
offset() {
    local before guest after
    before=$(date +%s%3N)
    # busybox's date knows seconds only; its adjtimex shows the kernel's clock.
    guest=$(msb exec "$1" -- busybox adjtimex |
        awk '$1 == "time.tv_sec:" {s = $2} $1 == "time.tv_usec:" {printf "%d%03d\n", s, $2 / 1000}')
    after=$(date +%s%3N)
    if [ "$guest" -lt "$before" ]; then
        echo $((before - guest))
    elif [ "$guest" -gt "$after" ]; then
        echo $((guest - after))
    else
        echo 0
    fi
}
near() { [ "$(offset "$1")" -lt 100 ]; }
near one || fail_test "off by $(offset one) ms at boot"

# The whole engine stands still for a while, as with a suspended machine.
engine=$(host_pids_of linux)
[ -n "$engine" ] || engine=$(host_pids_of linux.uml)
[ -n "$engine" ] || skip "the engine's processes cannot be told"
for pid in $engine; do kill -STOP "$pid"; done
sleep 3
for pid in $engine; do kill -CONT "$pid"; done
eventually 10 near one
eventually 10 near two

run_ok msb exec one -- date -s 2001-02-03
eventually 10 near one

run_ok msb exec one -- sh -c 'head -c 32 /dev/random | sha256sum'
first=$out
run_ok msb exec two -- sh -c 'head -c 32 /dev/random | sha256sum'
[ "$out" != "$first" ] || fail_test "two guests have the same random numbers"
run_ok msb rm -q -f one two
no_leftovers
