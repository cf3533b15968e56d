#!/usr/bin/env bash
# `logs` neither adds nor cuts nor loses a byte of what commands wrote, whatever selects it.
. "$(dirname "$0")/../lib.sh"
need_kernel

# bytes OPTION...: how many `msb logs` prints.
bytes() { msb logs "$@" box | wc -c; }
# line_lengths OPTION...
line_lengths() { msb logs "$@" box | awk '{ print length($0) }' | tr '\n' ' '; }

run_ok msb create -q -n box
run_ok msb exec box -- sh -c 'head -c 300000 /dev/zero | tr "\0" L; echo'
run_ok msb exec box -- printf 'no-line-feed'
for options in "" --raw "--tail 100" "--raw --tail 100" "--grep ." "--raw --grep [Ln]"; do
    # shellcheck disable=SC2086
    assert_eq "$(bytes $options)" 300013 "bytes of 'logs $options'"
done
assert_eq "$(line_lengths --tail 2)" "300000 12 " "the last two lines"
assert_eq "$(line_lengths --tail 1)" "12 " "the last line"
assert_eq "$(line_lengths --grep LLL)" "300000 " "the line that matches"
assert_eq "$(bytes --raw --tail 1)" 12 "bytes of a last line without an end"

# Bytes that are no text, carriage returns, empty lines.
run_ok msb exec box -- sh -c 'printf "\n\n\r\nx\ry\n\377\376\n\0\n"'
assert_eq "$(msb logs --raw --tail 100 box | tail -c 13 | od -An -tx1 | tr -d ' \n')" \
    "0a0a0d0a780d790afffe0a000a" "the end, byte by byte"
run_ok msb rm -q -f box
no_leftovers
