#!/usr/bin/env bash
# ctest: timeout=240
# Secrets are changed while a sandbox runs: a new value, other hosts, one more, one less. All or nothing; a connection that is
# open has them from its next request on.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
# shellcheck source=../tls.sh
. "$TESTS_DIR/tls.sh"
need_kernel
secrets_world
key='Authorization: Bearer $MSB_API_KEY'
sent() { grep -o 'Bearer .*' "$came" | tr -d '\r'; }
guest -H "$key" https://www.test.example/
assert_eq "$(sent)" "Bearer $value"

# A connection that stays open while the value changes.
cat >"$T/kept.py" <<'PY'
import http.client, os, sys
connection = http.client.HTTPSConnection("www.test.example", timeout=20)
for _ in sys.stdin:
    connection.request("GET", "/", headers={"Authorization": "Bearer " + os.environ["API_KEY"]})
    print(connection.getresponse().read().decode().split()[0], connection.sock.getsockname()[1], flush=True)
PY
host_ok cp "$T/kept.py" box:/kept.py
: >"$came"
mkfifo "$T/ask" "$T/told"
in_host "$MSB" exec box -- python3 /kept.py <"$T/ask" >"$T/told" &
HELPER_PIDS+=($!)
exec 8>"$T/ask" 9<"$T/told"
ask() { echo >&8; read -r -t 20 answer <&9 || fail_test "no answer"; }
ask
first=$answer
API_KEY=rotated-$value host_ok modify box --secret API_KEY@www.test.example
ask
assert_eq "$answer" "$first" "the same connection"
assert_eq "$(sent)" "Bearer $value
Bearer rotated-$value"

# A second one beside it, whose value is asked for alone; then other hosts.
unset API_KEY
printf 'second' >"$T/second"
host_ok modify box --secret "SECOND:file=$T/second@pinned.test.example"
guest -H "$key" https://www.test.example/
assert_eq "$(sent)" "Bearer rotated-$value"
# shellcheck disable=SC2016
guest -H 'Authorization: Bearer $MSB_SECOND' https://pinned.test.example/
assert_eq "$(sent)" "Bearer second"
host_ok exec box -- sh -c 'echo "$SECOND"'
# shellcheck disable=SC2016
assert_eq "$out" '$MSB_SECOND'
printf 'third' >"$T/second"
host_run 20 modify box --secret-reload
[ "$code" -eq 1 ] || fail_test "reloaded without API_KEY"
assert_contains "$err" 'API_KEY is not set'
# shellcheck disable=SC2016
guest -H 'Authorization: Bearer $MSB_SECOND' https://pinned.test.example/
assert_eq "$(sent)" "Bearer second" "nothing was changed"
API_KEY=again host_ok modify box --secret-reload
# shellcheck disable=SC2016
guest -H 'Authorization: Bearer $MSB_SECOND' https://pinned.test.example/
assert_eq "$(sent)" "Bearer third"

# One less: its placeholder is text like any other.
host_ok modify box --secret-rm SECOND
# shellcheck disable=SC2016
guest -H 'X: $MSB_SECOND' https://www.test.example/
# shellcheck disable=SC2016
assert_contains "$(cat "$came")" 'X: $MSB_SECOND'
host_run 20 modify box --secret-rm SECOND
assert_contains "$err" 'has no secret SECOND'
# One less while a server is in the middle of an answer that shows it: the answer ends as it has begun, and the process that
# intercepts goes on.
printf 'of an answer' >"$T/second"
host_ok modify box --secret "SECOND:file=$T/second@www.test.example"
# shellcheck disable=SC2016
in_host "$MSB" exec box -- curl -sSN --max-time 30 -H 'X: $MSB_SECOND' https://www.test.example/pause >"$T/answer" 2>&1 &
asking=$!
HELPER_PIDS+=("$asking")
eventually 20 test -s "$T/answer"
tlsd=$(host_pids_of tlsd box)
host_ok modify box --secret-rm SECOND
touch "${came%.log}.go"
wait "$asking" || fail_test "the answer did not end: $(cat "$T/answer")"
# shellcheck disable=SC2016
assert_contains "$(cat "$T/answer")" 'X: $MSB_SECOND'
assert_not_contains "$(cat "$T/answer")" 'of an answer'
assert_eq "$(host_pids_of tlsd box)" "$tlsd"

# A change of what may be reached leaves them as they are.
host_ok modify box --net public --net-rule 'deny@192.0.2.1'
guest -H "$key" https://www.test.example/
assert_eq "$(sent)" "Bearer again"

# One that runs without interception gets it at its next start.
exec 8>&- 9<&-
host_ok create -q -n plain tools
host_ok modify plain --secret "SECOND:file=$T/second@www.test.example"
assert_contains "$err" 'from its next start on'
host_ok stop plain
host_ok start plain
host_ok exec plain -- sh -c 'echo "$SECOND"'
# shellcheck disable=SC2016
assert_eq "$out" '$MSB_SECOND'
host_ok rm -f box plain
