#!/usr/bin/env bash
# S1-75: a placeholder that is percent-encoded, escaped as in JSON, in Basic credentials, or split over several writes is found.
# ctest: timeout=180
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
# shellcheck source=../tls.sh
. "$TESTS_DIR/tls.sh"
need_kernel
need jq
# shellcheck disable=SC2016
# (placeholders)
secrets_world
refused "https://pinned.test.example/?key=%24MSB_API_KEY"
refused --data-binary 'key=%24MSB_API_KEY' https://pinned.test.example/
refused --json '{"key":"\u0024MSB_API_KEY"}' https://pinned.test.example/
refused --json '{"key":"\u0024\u004dSB_API_KEY"}' https://pinned.test.example/
refused -H "Authorization: Basic $(printf 'u:$MSB_API_KEY' | base64 -w0)" https://pinned.test.example/
assert_eq "$(violations | jq -r .match_form | sort | uniq -c | tr -s ' ')" \
    " 1 basic_auth_decoded
 2 json_unescaped
 2 percent_decoded"

# Split over writes, each a segment and a record of its own, in the head and in the body.
cat >"$T/split.py" <<'PY'
import socket, ssl, sys, time
where, text = sys.argv[1:]
context = ssl.create_default_context()
with context.wrap_socket(socket.create_connection(("pinned.test.example", 443)), server_hostname="pinned.test.example") as connection:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.send(b"POST / HTTP/1.1\r\nHost: pinned.test.example\r\nContent-Length: %d\r\n" % len(text))
    if where == "head":
        connection.send(b"X: ")
    else:
        connection.send(b"\r\n")
    for byte in text.encode():
        time.sleep(0.002)
        try:
            connection.send(bytes([byte]))
        except OSError:
            break
    if where == "head":
        connection.send(b"\r\n\r\n")
    print(connection.recv(4096).decode())
PY
host_ok cp "$T/split.py" box:/split.py
for where in head body; do
    for text in '$MSB_API_KEY' 'a%24MSB_API_KEYb' '\u0024MSB_API_KEY'; do
        : >"$came"
        host_ok exec box -- python3 /split.py "$where" "$text"
        assert_contains "$out" 'secret_policy_denied'
        assert_not_contains "$(cat "$came")" 'API_KEY'
    done
done
# The same to the right host is no violation.
guest --data-binary '%24MSB_API_KEY' https://www.test.example/
assert_contains "$(cat "$came")" '%24MSB_API_KEY'
host_ok rm -f box
