#!/usr/bin/env bash
# "--- sandbox started ---" and "--- sandbox stopped ---" bracket every run, also one that crashed.
. "$(dirname "$0")/../lib.sh"
need_kernel

markers() {
    msb logs box --source system --json | sed -n 's/.*"d":"--- sandbox \([a-z]*\) ---\\n","s":"system".*/\1/p' |
        tr '\n' ' '
}

run_ok msb create -q -m 128M -n box
assert_eq "$(markers)" "started "
run_ok msb stop -q box
assert_eq "$(markers)" "started stopped "

# The guest's kernel crashes.
run_ok msb start -q box
run msb exec box -- sh -c 'echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero'
eventually 10 sh -c '"$0" ls --format json | grep -q Crashed' "$MSB"
assert_eq "$(markers)" "started stopped started stopped "

# The runtime is killed: the next command that looks at the sandbox writes its marker.
run_ok msb start -q box
runtime=$(test_processes | awk '$2 == "runtime" { print $1; exit }')
kill -9 "$runtime"
eventually 10 sh -c '"$0" ls --format json | grep -q Crashed' "$MSB"
assert_eq "$(markers)" "started stopped started stopped started stopped "

run_ok msb start -q box
run_ok msb kill -q box
assert_eq "$(markers)" "started stopped started stopped started stopped started stopped "
run_ok msb rm -q box
no_leftovers
