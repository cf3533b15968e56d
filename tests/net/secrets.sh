#!/usr/bin/env bash
# ctest: timeout=300
# A command sees a placeholder; the server that the secret is for gets the value, in the parts of a request where it may,
# and no other server gets even the placeholder. What the server echoes is the placeholder again.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
# shellcheck source=../tls.sh
. "$TESTS_DIR/tls.sh"
need_kernel
printf 'of a file\n' >"$T/file"
secrets_world --secret "FROM_FILE:file=$T/file,body,query,headers=X-Key@www.test.example" \
    --secret "FROM_COMMAND:exec=echo command-\$API_KEY,no-headers,body@*.test.example"

host_ok exec box -- sh -c 'echo "$API_KEY $FROM_FILE $FROM_COMMAND"'
# shellcheck disable=SC2016
assert_eq "$out" '$MSB_API_KEY $MSB_FROM_FILE $MSB_FROM_COMMAND'

# Headers, and the answer.
guest -H 'Authorization: Bearer $MSB_API_KEY' https://www.test.example/echo
assert_contains "$(cat "$came")" "Authorization: Bearer $value"
assert_not_contains "$out" "$value"
# shellcheck disable=SC2016
assert_contains "$out" 'Authorization: Bearer $MSB_API_KEY'
# Basic, also in the answer, where the value's base64 is another one for each user; the query and bodies of several kinds.
for user in u us use user; do
    guest -u "$user:\$MSB_API_KEY" https://www.test.example/echo
    assert_contains "$(cat "$came")" "Authorization: Basic $(printf '%s:%s' "$user" "$value" | base64 -w0)"
    # shellcheck disable=SC2016
    assert_match "$out" 'Authorization: Basic .*\$MSB_API_KEY'
done
guest -G --data-urlencode 'key=$MSB_FROM_FILE' --data-urlencode 'other=$MSB_API_KEY' https://www.test.example/query
assert_contains "$(cat "$came")" "GET /query?key=of%20a%20file&other=%24MSB_API_KEY"
guest -H 'X-Key: $MSB_FROM_FILE' -H 'Y-Key: $MSB_FROM_FILE' https://www.test.example/named
assert_contains "$(cat "$came")" "X-Key: of a file"
# shellcheck disable=SC2016
assert_contains "$(cat "$came")" 'Y-Key: $MSB_FROM_FILE'
guest --json '{"key":"$MSB_FROM_COMMAND"}' https://www.test.example/json
assert_contains "$(cat "$came")" "{\"key\":\"command-$value\"}"
guest --data-urlencode 'key=$MSB_FROM_COMMAND' https://www.test.example/form
assert_contains "$(cat "$came")" "key=command-$value"
guest -H 'Transfer-Encoding: chunked' --data-binary 'a $MSB_FROM_COMMAND b' https://www.test.example/chunked
assert_contains "$(cat "$came")" "a command-$value b"
printf '{"key":"$MSB_FROM_COMMAND"}' | gzip >"$T/body.gz"
host_ok cp "$T/body.gz" box:/body.gz
guest -H 'Content-Encoding: gzip' --data-binary @/body.gz https://www.test.example/gzip
sed -n '/^$/,$p' "$came" | tail -c +2 | { gzip -dc 2>/dev/null || :; } | grep -q "command-$value" || fail_test "the body: $(xxd "$came")"

# Another host gets nothing, whatever the placeholder looks like.
# shellcheck disable=SC2016
for text in '$MSB_API_KEY' 'x=%24MSB_API_KEY' 'x=%2524MSB_API_KEY' '{"a":"\u0024MSB_API_KEY"}'; do
    refused -H "X: $text" https://pinned.test.example/
    refused --data-binary "$text" https://pinned.test.example/
done
refused -u 'user:$MSB_API_KEY' https://pinned.test.example/
refused "https://pinned.test.example/?key=%24MSB_API_KEY"
refused --data-binary @/body.gz -H 'Content-Encoding: gzip' -H 'X: $MSB_API_KEY' https://pinned.test.example/
# Nor does the right host under another name, in a request that names both.
host_ok exec box -- curl -sS -H 'Host: www.test.example' -H 'X: $MSB_API_KEY' https://pinned.test.example/
assert_contains "$out" '"code":"request_refused"'

# What was refused is told, without any value.
host_ok net log box --denied
assert_contains "$out" 'the placeholder of the secret API_KEY may not be sent there'
host_ok inspect box
assert_not_contains "$out" "$value"
# The value is nowhere but in tlsd, not even when all of them crash.
assert_contains "$out" 'API_KEY'
leaks() { grep -rlaF -- "$value" "$MSB_HOME" /dev/shm 2>/dev/null || :; }
assert_eq "$(leaks)" ""
tlsd=$(host_pids_of tlsd box)
for pid in $(host_pids_of runtime box) $(host_pids_of netd box); do
    grep -aqF -- "$value" "/proc/$pid/environ" "/proc/$pid/cmdline" && fail_test "process $pid has it"
done
kill -KILL "$tlsd"
host_run 20 exec box -- curl -sS --max-time 5 https://www.test.example/
[ "$code" -ne 0 ] || fail_test "without tlsd there was an answer"
assert_eq "$(leaks)" ""

# Each start asks the source again.
host_ok stop box
API_KEY=changed-$value host_ok start box
guest -H 'Authorization: Bearer $MSB_API_KEY' https://www.test.example/
assert_contains "$(cat "$came")" "Bearer changed-$value"
host_ok stop box
unset API_KEY
host_run 20 start box
[ "$code" -eq 1 ] || fail_test "started without the secret"
assert_contains "$err" 'secret API_KEY: host environment variable API_KEY is not set'

# What is not right is said before anything starts.
export API_KEY=$value
run_fail 1 'has no host' msb run --secret API_KEY -- true
run_fail 1 'does not stand on a command line' msb run --secret "API_KEY=$value@www.test.example" -- true
run_fail 1 'invalid secret option: quary' msb run --secret API_KEY:quary@www.test.example -- true
run_fail 1 'at least one substitution location' msb run --secret API_KEY:no-headers@www.test.example -- true
run_fail 1 'reserved' msb run --secret MSB_X@www.test.example -- true
run_fail 1 'invalid host pattern' msb run --secret 'API_KEY@a b' -- true
run_fail 1 'secret NOT_THERE: host environment variable NOT_THERE is not set' msb run --secret NOT_THERE@www.test.example -- true
printf 'API_KEY: {hosts: [www.test.example], quary: true}\n' >"$T/secrets.yaml"
run_fail 1 "secrets.API_KEY.quary is unknown" msb run --secret-conf "$T/secrets.yaml" -- true
printf 'API_KEY: {allow: [www.test.example], value: "${API_KEY}", inject: [headers, body]}\n' >"$T/secrets.yaml"
host_ok run --secret-conf "$T/secrets.yaml" -- sh -c 'echo "$API_KEY"'
# shellcheck disable=SC2016
assert_eq "$out" '$MSB_API_KEY'
printf 'API_KEY: {allow: [www.test.example], value: "plain"}\n' >"$T/secrets.yaml"
run_fail 1 'a value does not stand in a file' msb run --secret-conf "$T/secrets.yaml" -- true

# A sandbox that must not go on.
host_ok create -q -n strict --net public --tls-upstream-ca-cert "$T/upstream.pem" --secret API_KEY@www.test.example \
    --secret-violation-action block-and-terminate tools
host_run 30 exec strict -- curl -sS --max-time 10 -H 'X: $MSB_API_KEY' https://pinned.test.example/
host_run 30 wait strict
host_ok inspect strict
assert_contains "$out" 'SecretViolation'
host_ok net log strict --format json
assert_contains "$out" '"action":"block-and-terminate"'
for field in secret_env_var placeholder protocol sni host method path location match_form guest_dst http2_stream_id; do
    assert_contains "$out" "\"$field\":"
done
