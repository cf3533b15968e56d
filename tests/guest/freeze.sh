#!/usr/bin/env bash
# A sandbox that runs is snapshotted and forked: its guest holds its disk still for the copy, and goes on afterwards,
# whatever becomes of the command. What was synced is in the copy.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
need_kernel

msb create -q -n box
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=60 2>/dev/null; sha256sum /data >/sum'
# shares_blocks: whether files here can, so that copying takes no time.
shares_blocks() { cp --reflink=always "$MSB" "$T/shared" 2>/dev/null; }

if ! shares_blocks; then
    run_fail 1 "snapshot source sandbox 'box' is not stopped" msb snapshot create one --from box
    assert_match "$err" "stop it first: msb stop box; or --copy-while-frozen: .* for about [0-9.e-]+ s"
    run_fail 1 "is not stopped" msb fork box a
fi
assert_eq "$(ls -A "$MSB_HOME/snapshots" 2>/dev/null)" "" "what is left of a refused one"

# Something writes all the time; what a command has seen synced is in the snapshot.
msb exec box -d -- sh -c 'i=0; while :; do i=$((i + 1)); echo $i >>/counter; done'
msb exec box -- sh -c 'echo synced >/synced; sync'
run_ok msb snapshot create one --from box --copy-while-frozen --integrity
run_ok msb snapshot verify one
before=$(msb exec box -- wc -l </dev/null /counter | cut -d' ' -f1)
grown() { [ "$(msb exec box -- wc -l /counter | cut -d' ' -f1)" -gt "$before" ]; }
eventually 10 grown
run_ok msb run -q --from one -- sh -c 'cat /synced; sha256sum -c /sum; tail -n 1 /counter | grep -c "^[0-9]*$"'
assert_eq "$out" "synced
/data: OK
1"

# One moment for all forks.
run_ok msb fork box a --names b --copy-while-frozen
for name in a b; do
    assert_match "$err" "Forked +$name"
    assert_eq "$(msb exec $name -- sh -c 'cat /synced; hostname')" "synced
$name"
done
assert_eq "$(msb exec a -- sha256sum /counter)" "$(msb exec b -- sha256sum /counter)" "what both begin with"
msb exec a -- sh -c 'echo a >/own; sync'
run_fail 1 "" msb exec b -- cat /own
run_fail 1 "already exists" msb fork box a
run_fail 1 "already exists" msb fork box c c
run_fail 1 "sandbox not found: nobody" msb fork nobody c
assert_eq "$(ls -A "$MSB_HOME/snapshots")" one "what is left in the store"

# A command that dies while the guest is frozen: it goes on by itself.
for delay in 0.02 0.05 0.1; do
    "$MSB" snapshot create -q two --from box --copy-while-frozen -f >/dev/null 2>&1 &
    sleep $delay
    kill -9 $! 2>/dev/null || :
    wait $! 2>/dev/null || :
    run_ok limited 20 msb exec box -- sh -c 'echo goes on >/alive; sync; cat /alive'
    assert_eq "$out" "goes on"
done
run_ok msb snapshot create -q two --from box --copy-while-frozen -f
# One that is stopped meanwhile: the guest thaws by its own clock, and what was copied is not taken for a snapshot.
"$MSB" snapshot create -q two --from box --copy-while-frozen -f >/dev/null 2>&1 &
pid=$!
sleep 0.05
kill -STOP $pid
run_ok limited 20 msb exec box -- sh -c 'echo goes on >/alive; sync; cat /alive'
assert_eq "$out" "goes on"
kill -CONT $pid
wait $pid || :
run_ok msb run -q --from two -- sha256sum -c /sum

# Two at a time: one is refused or comes later, none takes the other's moment.
"$MSB" snapshot create -q three --from box --copy-while-frozen >"$T/three" 2>&1 &
run msb snapshot create -q four --from box --copy-while-frozen
wait $! || :
for name in three four; do
    [ ! -e "$MSB_HOME/snapshots/$name" ] || run_ok msb run -q --from $name -- sha256sum -c /sum
done

# A guest that has frozen its disk itself is said to, and is not thawed.
msb exec box -- sh -c 'mkdir -p /disk; for disk in /dev/ubdb /dev/vdb; do [ ! -b $disk ] || mount -t ext4 $disk /disk; done'
if msb exec box -- test -d /disk/upper && msb exec box -- sh -c 'command -v fsfreeze' >/dev/null; then
    msb exec box -- fsfreeze --freeze /disk
    run_fail 1 "the guest has frozen its disk itself" msb snapshot create five --from box --copy-while-frozen
    assert_no_path "$MSB_HOME/snapshots/five"
    msb exec box -- fsfreeze --unfreeze /disk
    msb exec box -- umount /disk
fi
run_ok msb exec box -- sh -c 'echo end >/end; sync'
msb stop -q box
msb start -q box
assert_eq "$(msb exec box -- cat /end)" end
# A stopped one is forked as well.
msb stop -q box
run_ok msb fork -q box c
assert_eq "$(msb exec c -- cat /end)" end
msb rm -q -f box a b c
no_leftovers
