#!/usr/bin/env bash
# Values of variables are bytes: -e of create, run and exec, foreground or not, stored or not.
. "$(dirname "$0")/../lib.sh"
need_kernel

odd=$'a\xff\xfe b'
hex=61fffe20620a # and the newline of echo
# shown COMMAND...: the variable as a command of the guest sees it, in hexadecimal.
shown() { run_ok "$@" -- sh -c 'echo "$ODD" | hexdump -v -e "/1 \"%02x\""'; }

shown msb run -q -e ODD="$odd"
assert_eq "$out" $hex
ODD=$odd shown msb run -q -e ODD
assert_eq "$out" $hex
run_ok msb create -q -n box -e ODD="$odd" -e PLAIN=plain
shown msb exec box
assert_eq "$out" $hex
run_ok msb restart -q -t 1 box
shown msb exec box
assert_eq "$out" $hex
run_ok msb inspect box --format json
assert_eq "$(jq -r '.config.env[] | select(.key == "ODD") | .value_b64' <<<"$out")" "$(printf %s "$odd" | base64)"
assert_eq "$(jq -r '.config.env[] | select(.key == "PLAIN") | has("value_b64")' <<<"$out")" false
# A file of an earlier version has none of it; one that is broken is said to be.
spec=$MSB_HOME/sandboxes/box/spec.json
run_ok msb stop -q -t 1 box
jq '(.env[] | select(.key == "ODD").value_b64) = "%"' "$spec" >"$T/spec"
cp "$T/spec" "$spec"
run_fail 1 "value_b64" msb start box
jq 'del(.env[].value_b64) | del(.kernel)' "$T/spec" >"$spec"
run_ok msb start -q box
run_ok msb rm -q -f box

run_ok msb run -q -d -n late -e ODD="$odd" -- sh -c 'echo "$ODD" | hexdump -v -e "/1 \"%02x\""; echo; sleep 1000'
eventually 20 sh -c '"$0" logs late | grep -q '$hex "$MSB"
run_ok msb rm -q -f late
no_leftovers
