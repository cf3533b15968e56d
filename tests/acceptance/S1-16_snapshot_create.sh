#!/usr/bin/env bash
# create prints the digest and then the path, -q the digest alone; --from is required; nobody sees half of a snapshot.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_fail 2 "--from" msb snapshot create one
msb create -q -n box
msb exec box -- sh -c 'dd if=/dev/urandom of=/data bs=1M count=64 2>/dev/null; sync'
msb stop -q box

run_ok msb snapshot create one --from box
assert_eq "$out" "sha256:$(sha256sum <"$MSB_HOME/snapshots/one/snapshot.json" | cut -d' ' -f1)
$MSB_HOME/snapshots/one"
assert_eq "$(ls -A "$MSB_HOME/snapshots/one")" "snapshot.json
upper.ext4"
run_ok msb snapshot create "$T/elsewhere/two" --from box
assert_eq "$(tail -n 1 <<<"$out")" "$T/elsewhere/two"
run_ok msb snap create three --from box -q
assert_match "$out" '^sha256:[0-9a-f]{64}$'
assert_eq "$(wc -l <<<"$out")" 1 "lines of output"

# While it is made its place is empty, and what is there when it comes is whole.
"$MSB" snapshot create -q four --from box --integrity >/dev/null &
pid=$!
while kill -0 $pid 2>/dev/null; do
    if [ -e "$MSB_HOME/snapshots/four" ]; then
        assert_path "$MSB_HOME/snapshots/four/snapshot.json"
        assert_path "$MSB_HOME/snapshots/four/upper.ext4"
    fi
done
wait $pid
run_ok msb snapshot verify four
assert_eq "$(find "$T" -name '*.staging')" "" "what is left over"
msb rm -q -f box
no_leftovers
