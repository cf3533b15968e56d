#!/usr/bin/env bash
# Input that could not be read and output that could not be written are failures; a reader who stops reading is not.
. "$(dirname "$0")/../lib.sh"

# msb_in REDIRECTIONS ARGUMENT...: msb with these.
# shellcheck disable=SC2086
msb_in() {
    local redirections=$1
    shift
    sh -c "\"\$0\" \"\$@\" $redirections" "$MSB" "$@"
}
full='cannot write to stdout: No space left on device'
closed='cannot write to stdout: Bad file descriptor'

run_fail 1 "$full" msb_in '>/dev/full' --help
run_fail 1 "$full" msb_in '>/dev/full' --version
run_fail 1 "$full" msb_in '>/dev/full' ls --format json
run_ok msb_in '>/dev/full' ls -q # nothing to write
run_ok msb_in '| true' --help
run_fail 1 "$closed" msb_in '>&-' image ls --format json
need_kernel

run_ok msb create -q -n box
# A closed stdout must not be replaced by the catalogue's file.
run_fail 1 "$closed" msb_in '>&-' ls
run_ok msb_in '<&- 2>&-' ls -q
assert_eq "$out" box
run_ok msb_in '>&-' exec box -- true
for redirection in '>/dev/full' '>&-'; do
    reason=$full
    [ "$redirection" != '>&-' ] || reason=$closed
    run_fail 1 "$reason" msb_in "$redirection" exec box -- seq 100000
    run_fail 1 "$reason" msb_in "$redirection" exec box -- sh -c 'echo short; exit 3'
    run_fail 1 "$reason" msb_in "$redirection" logs box
    run_fail 1 "$reason" msb_in "$redirection" inspect box
    run_fail 1 "$reason" msb_in "$redirection" exec -d box -- true
done
run_fail 1 '' msb_in '2>/dev/full' exec box -- sh -c 'echo lost >&2'

# A reader who leaves ends the command.
run_ok msb_in '| head -n 1' exec box -- yes
assert_eq "$out" y
run_ok bash -c '"$0" exec box -- yes | head -n 1 >/dev/null; exit "${PIPESTATUS[0]}"' "$MSB"
run_ok bash -c '"$0" logs box | true; exit "${PIPESTATUS[0]}"' "$MSB"

run_fail 1 'cannot read stdin: Is a directory' msb_in '</etc' exec box -- cat
run_fail 1 'cannot read stdin: Input/output error' msb_in '</proc/self/mem' exec box -- cat
run_fail 1 'Is a directory' msb_in '</etc' cp - box:/root
# A stdin that is closed, or opened as by nohup, is empty input.
run_ok msb_in '<&-' exec box -- cat
run_ok msb_in '0>/dev/null' exec box -- cat
run_ok msb_in '</dev/null' exec box -- cat
run_ok msb rm -q -f box
no_leftovers
