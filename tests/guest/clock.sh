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

# Set ahead by an hour, and back by years. A process that looks on sees the clock go wrong once and
# right again once, in a second or two (a busy machine is given twice that); its own time (the uptime) goes on as if nothing had been.
"$MSB" exec -d one -- sh -c 'while read -r up rest </proc/uptime; do
    echo "$up $(date +%s)"
    sleep 0.05
done >>/tmp/seen' >/dev/null
sees_time() { [ "$("$MSB" exec one -- sh -c 'wc -l </tmp/seen')" -gt 3 ]; }
# sees_jump TIME: sets the clock to this, and says what was seen of it.
sees_jump() {
    run_ok msb exec one -- sh -c ': >/tmp/seen'
    eventually 10 sees_time
    run_ok msb exec one -- date -s "@$1"
    eventually 10 near one
    # It has looked again since.
    run_ok msb exec one -- sh -c 'lines() { wc -l </tmp/seen; }; so_far=$(lines)
        until [ "$(lines)" -gt $((so_far + 1)) ]; do sleep 0.05; done; cat /tmp/seen'
    printf '%s\n' "$out" | awk '
        { offset = $2 - $1 }
        NR > 1 && ($1 < up || $1 - up > 5) { stood = 1 }
        NR > 1 && (offset - last > 1.5 || last - offset > 1.5) { # of one that shows whole seconds
            if (!jumps++) begin = $1
            end = $1
            sum += offset - last
        }
        { last = offset; up = $1 }
        END { printf "%d jumps, %d s in all, within %d s, uptime %s\n", jumps,
                     sum < 0 ? -sum : sum, end - begin, stood ? "stood" : "went on" }'
}
ahead=$(sees_jump $(($(date +%s) + 3600)))
back=$(sees_jump 981158400)
printf '%s\n' "ahead: $ahead" "back: $back"
for seen in "$ahead" "$back"; do
    assert_match "$seen" '^2 jumps, [012] s in all, within [0-4] s, uptime went on$' "what a process saw"
done

run_ok msb exec one -- sh -c 'head -c 32 /dev/random | sha256sum'
first=$out
run_ok msb exec two -- sh -c 'head -c 32 /dev/random | sha256sum'
[ "$out" != "$first" ] || fail_test "two guests have the same random numbers"
run_ok msb rm -q -f one two
no_leftovers
