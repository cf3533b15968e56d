#!/usr/bin/env bash
# --error ... --trace, and -v, in front of the command or behind it, set the runtime's log level for run, create and
# start; --log-level wins.
. "$(dirname "$0")/../lib.sh"
need_kernel

# levels NAME: the levels that lines of its runtime.log have, once each.
levels() { awk '{ print $2 }' "$MSB_HOME/sandboxes/$1/logs/runtime.log" | sort -u | tr '\n' ' '; }

run_ok msb create -q -n silent
run_ok msb exec silent -- true
assert_eq "$(levels silent)" ""
run_ok msb --debug create -q -n global
run_ok msb exec global -- true
run_ok msb stop -q global
assert_eq "$(levels global)" "debug info "
run_ok msb create -q --debug --log-level error -n explicit
run_ok msb exec explicit -- true
assert_eq "$(levels explicit)" ""
run_ok msb --error create -q --log-level debug -n louder
run_ok msb exec louder -- true
run_ok msb stop -q louder
assert_eq "$(levels louder)" "debug info "
run_ok msb -v run -q -n verbose -- true
assert_eq "$(levels verbose)" "info "
run_ok msb -vv run -q -n verboser -- true # behind run and create, -v is a mount
assert_eq "$(levels verboser)" "debug info "
run_fail 2 '' msb -v --debug ls

# start: for this run only.
run_ok msb stop -q silent
run_ok msb start -q --info silent
run_ok msb stop -q silent
assert_eq "$(levels silent)" "info "
lines=$(wc -l <"$MSB_HOME/sandboxes/silent/logs/runtime.log")
run_ok msb start -q silent
run_ok msb stop -q silent
assert_eq "$(wc -l <"$MSB_HOME/sandboxes/silent/logs/runtime.log")" "$lines"
run_fail 2 '' msb --error --debug ls
run_ok msb rm -q -f silent global explicit louder verbose verboser
no_leftovers
