#!/usr/bin/env bash
# --timestamps --grep --json --show-id --color-sessions --color --no-color --raw, NO_COLOR; and that
# nothing a guest writes can give orders to the user's terminal.
. "$(dirname "$0")/../lib.sh"
need_kernel
need python3 script

run_ok msb create -q -n box
run_ok msb exec box -- printf 'one\ntwo\n'
run_ok msb exec box -- sh -c 'printf "\033[31mred\033[0m\033]0;owned\007\033[2J\n" >&2'
stamp='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z'

run_ok msb logs box --timestamps
assert_eq "$(printf '%s\n' "$out" | grep -cE "^$stamp	(one|two|red)$")" 3
run_ok msb logs box --show-id
assert_eq "$out" "[id:  1] one
[id:  1] two
[id:  2] red"
run_ok msb logs box --show-id --source all
assert_contains "$out" "[id:sys] --- sandbox started ---"
run_ok msb logs box --timestamps --show-id --tail 1
assert_match "$out" "^$stamp	\[id:  2\] red$"
run_ok msb logs box --grep '^T?w.$|(x|e)d'
assert_eq "$out" "red"
run_ok msb logs box --grep '(?i)^TW\w$'
assert_eq "$out" two
run_ok msb logs box --tail 2 --grep one
assert_eq "$out" "" "grep looks at what the tail left"
run_fail 1 "invalid regular expression '\['" msb logs box --grep '['

# JSON Lines are the stored entries, also while following.
run_ok msb logs box --json --grep two
assert_eq "$(printf '%s\n' "$out" | sed 's/"t":.*//')" '{"d":"one\ntwo\n","id":1,"s":"stdout",'
"$MSB" logs -f --json box >"$T/json" &
follower=$!
run_ok msb exec box -- echo more
eventually 10 grep -q more "$T/json"
run_ok msb stop -q box
wait $follower
python3 -c 'import json,sys; [json.loads(line) for line in open(sys.argv[1])]' "$T/json"

# A pipe gets text without sequences; colours only on demand; never anything but colours.
esc=$'\033'
run_ok msb logs box --source stderr
assert_eq "$out" red
run_ok msb logs box --source stderr --color always
assert_eq "$out" "${esc}[31mred${esc}[0m
${esc}[0m"
run_ok msb logs box --source stderr --color never
assert_eq "$out" red
run_ok msb logs box --source stderr --no-color
assert_eq "$out" red
run_ok env NO_COLOR=1 "$MSB" logs box --source stderr --color always
assert_contains "$out" "${esc}[31mred"
run_ok msb logs box --color-sessions --color always --tail 1
assert_match "$out" "${esc}\[[0-9]+m\[id: +[0-9]+\] ${esc}\[0m"
run_ok msb logs box --color-sessions
assert_match "$out" '^\[id:  1\] one$'
run_fail 2 'color' msb logs box --color sometimes
run_fail 2 'raw' msb logs box --raw --json

# --raw: the bytes as they were written.
run_ok msb start -q box
run_ok msb exec box -- printf '\001\377\000\033[2Jz'
msb logs box --raw | tail -c 8 | od -An -tx1 >"$T/raw"
assert_eq "$(cat "$T/raw")" " 01 ff 00 1b 5b 32 4a 7a"

# On a terminal: colours come through, orders and hidden text do not. The console is the guest's, too.
run_ok msb exec box -- sh -c 'printf "\033]52;c;b3duZWQ=\007\033[5ncon\rsole\n" >/dev/console'
eventually 5 sh -c '"$0" logs box --source system | grep -q sole' "$MSB"
on_terminal() { TERM=xterm limited 20 script -qec "$(printf '%q ' "$MSB" logs "$@")" /dev/null </dev/null; }
on_terminal box --source all >"$T/screen"
assert_contains "$(tr -d '\0' <"$T/screen")" "${esc}[31mred${esc}[0m"
python3 - "$T/screen" <<'PY'
import re, sys
screen = open(sys.argv[1], "rb").read()
rest = re.sub(rb"\x1b\[[0-9;]*m", b"", screen)
bad = set(rest) & (set(range(32)) - set(b"\r\n\t") | {0x7f, 0xff})
assert not bad and b"owned" not in rest and b"52;c" not in rest, (bad, screen[-400:])
assert not re.search(rb"\r(?!\n)", rest), screen[-400:]
PY
NO_COLOR=1 on_terminal box >"$T/screen"
assert_not_contains "$(tr -d '\0' <"$T/screen")" "$esc" "output with NO_COLOR"
run_ok msb rm -q -f box
no_leftovers
