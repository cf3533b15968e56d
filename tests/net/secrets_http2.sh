#!/usr/bin/env bash
# ctest: timeout=300
# Secrets over HTTP/2, with other programs' clients and servers: headers, query, bodies of all sizes, trailers, answers; a
# violation ends its stream alone; what is written by hand in frames is found as well.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
# shellcheck source=../tls.sh
. "$TESTS_DIR/tls.sh"
need_kernel
need nghttpd jq
# shellcheck disable=SC2016
# (placeholders)
# Pure Python, for whichever is the first in PATH, and for the guest's.
packages=/usr/lib/python3/dist-packages
[ -d $packages/h2 ] || skip "python3-h2 is missing"
mkdir "$T/python"
cp -r $packages/h2 $packages/hpack $packages/hyperframe "$T/python"
body_value=$(openssl rand -hex 16)
export BODY=$body_value
secrets_world --secret BODY:body,query@www.test.example --tls-intercept-port 443 --tls-intercept-port 8443 \
    --tls-intercept-port 9443
helper nsenter --net --target "$WORLD_PID" -- env PYTHONPATH="$T/python" python3 "$TESTS_DIR/http2_server.py" "$T/h2" 9443 "$T/good.pem" "$T/good.key"
eventually 10 test -e "$T/h2"
came=$T/h2.log

# two OPTION...: curl in the guest; the server and it speak HTTP/2.
two() {
    guest --http2 -w '\n%{http_version} %{http_code}' "$@"
}
for user in u us; do
    two -u "$user:\$MSB_API_KEY" -H 'X-Key: $MSB_API_KEY' 'https://www.test.example:9443/echo?q=$MSB_BODY'
    assert_contains "$out" '2 200'
    assert_contains "$(cat "$came")" "authorization: Basic $(printf '%s:%s' "$user" "$value" | base64 -w0)"
    assert_contains "$(cat "$came")" "x-key: $value"
    assert_contains "$(cat "$came")" ":path: /echo?q=$body_value"
    assert_not_contains "$out" "$value"
    assert_not_contains "$out" "$body_value"
    assert_contains "$out" 'x-key: $MSB_API_KEY'
    assert_contains "$out" 'q=$MSB_BODY'
done
# A body with a length and one without, and its echo with trailers.
two --json '{"key":"$MSB_BODY"}' https://www.test.example:9443/echo
assert_contains "$(cat "$came")" "{\"key\":\"$body_value\"}"
assert_contains "$out" '{"key":"$MSB_BODY"}'
printf 'a $MSB_BODY b' >"$T/part"
host_ok cp "$T/part" box:/part
: >"$came"
host_ok exec box -- sh -c 'curl -sS --http2 -T - https://www.test.example:9443/trailers </part'
assert_contains "$(cat "$came")" "a $body_value b"
assert_eq "$out" 'a $MSB_BODY b'
# Much of it, both ways; nghttpd as the server.
dd if=/dev/urandom of="$T/large" bs=1M count=24 status=none
helper nsenter --net --target "$WORLD_PID" -- nghttpd -d "$T" 8443 "$T/good.key" "$T/good.pem"
host_ok exec box -- sh -c 'curl -sS --retry 5 --retry-connrefused --http2 https://www.test.example:8443/large | sha256sum'
assert_eq "${out%% *}" "$(sha256sum <"$T/large" | cut -d' ' -f1)"
count() { host_ok exec box -- sh -c "head -c 20000000 /dev/zero >/zero && head -c 9000000 /zero >/less
    curl -sS --http2 $1 https://www.test.example:9443/count"; }
count '-T /less'
assert_eq "$out" 9000000
count '-T - </zero'
assert_eq "$out" 20000000
count '-T /zero' # more than is collected, which its length asks for
assert_contains "$out" 'more than 16 MiB'

# A violation is answered on its stream, with what S2-27 wants to know.
two -H 'X: $MSB_API_KEY' https://pinned.test.example:9443/path/x?query=1
assert_contains "$out" '"code":"secret_policy_denied"'
assert_contains "$out" '2 403'
assert_eq "$(cat "$came")" ""
assert_eq "$(violations | jq -c '[.protocol, .http2_stream_id, .sni, .host, .method, .path, .location, .match_form]')" \
    '["http/2",1,"pinned.test.example","pinned.test.example:9443","GET","/path/x","header","raw"]'

# Frames by hand, by the sandbox's own Python: a placeholder split over DATA and CONTINUATION frames, another :authority on
# the same connection, and what goes on beside a refused stream.
host_ok cp "$T/python" box:/python
host_ok cp "$TESTS_DIR/http2_client.py" box:/client.py
: >"$came"
host_ok exec box -- env PYTHONPATH=/python python3 /client.py pinned.test.example 9443
assert_eq "$out" 'split data: 403 secret_policy_denied
split headers: 403 secret_policy_denied
another authority: 400 request_refused
beside them: 200'
assert_not_contains "$(cat "$came")" 'API_KEY'
# The server's end, in the middle of answers, is an error of the client's and not half an answer.
host_run 20 exec box -- curl -sS --http2 --max-time 10 https://www.test.example:9443/die
[ "$code" -ne 0 ] || fail_test "half an answer: $out"
host_ok rm -f box
