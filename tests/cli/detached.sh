#!/usr/bin/env bash
# run -d: prints the name, outlives the command line, stops when its command ends, keeps its log.
. "$(dirname "$0")/../lib.sh"
need_kernel

run_ok msb run -d -q -n job -- sh -c 'echo out; echo err >&2; until [ -e /root/go ]; do sleep 0.05; done; exit 5'
assert_eq "$out" job
run_ok msb ls --format json
assert_contains "$out" '"status": "Running"'
run_ok msb exec job -- touch /root/go
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx job' "$MSB"
run_ok msb inspect job --format json
assert_contains "$out" '"exit_code": 5'
run_ok msb logs job
assert_contains "$out" out
assert_contains "$out" err
assert_not_contains "$out" "sandbox started"
run_ok msb logs job --source system
assert_contains "$out" "--- sandbox started ---"
assert_contains "$out" "--- sandbox stopped ---"
run_ok msb logs job --source stderr --json
assert_match "$out" '^\{"d":"err\\n","id":1,"s":"stderr","t":"[0-9T:.Z-]+"\}$'
run_ok msb logs job --tail 1 --source stdout
assert_eq "$out" out
run_ok msb rm job

# With a terminal; without a limit, which nobody would watch.
run_ok msb run -d -t -q -n terminal -- sh -c 'tty; echo "[$TERM]"'
eventually 20 sh -c '"$0" ls --stopped -q | grep -qx terminal' "$MSB"
run_ok msb logs terminal
assert_match "$out" '^/dev/pts/'
assert_match "$out" '^\[.+\]'
run_ok msb rm terminal
run_fail 2 'excludes' msb run -d --timeout 1s -- sleep 5

# Unnamed: gone when its command has ended.
run_ok msb run -d -q -- sleep 1
name=$out
assert_match "$name" '^msb-[0-9a-f]{8}$'
eventually 20 sh -c '! "$0" ls -q | grep -q .' "$MSB"
assert_no_path "$MSB_HOME/sandboxes/$name"
no_leftovers
