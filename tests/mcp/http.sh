#!/usr/bin/env bash
# msb mcp --http: the same tools over HTTP on the loopback, for those who have the token.
. "$(dirname "$0")/../lib.sh"
need_kernel
no_sandboxes() { [ -z "$(msb ls -q)" ]; }
need python3 curl
helper "$MSB" mcp --http 0 --token-file "$T/token" 2>"$T/url"
eventually 10 test -s "$T/url"
url=$(cat "$T/url")
assert_match "$url" '^http://127\.0\.0\.1:[0-9]+/mcp$'
assert_eq "$(stat -c %a "$T/token")" 600
token=$(cat "$T/token")

# status OPTION...: of a request with a good body.
status() {
    curl -s -o "$T/body" -w '%{http_code}' "$@" -d '{"jsonrpc":"2.0","id":1,"method":"ping"}'
}
auth=(-H "Authorization: Bearer $token")
assert_eq "$(status "$url")" 401
assert_eq "$(status "$url" -H "Authorization: Bearer ${token}x")" 401
assert_eq "$(status "$url" -H "Authorization: Basic $token")" 401
# A page of another site, whose name leads here.
assert_eq "$(status "$url" "${auth[@]}" -H 'Origin: https://example.com')" 403
assert_eq "$(status "$url" "${auth[@]}" -H 'Host: example.com')" 403
assert_eq "$(status "${url%mcp}other" "${auth[@]}")" 404
assert_eq "$(status "$url" "${auth[@]}")" 400
assert_eq "$(status "$url" "${auth[@]}" -H 'Mcp-Session-Id: made-up')" 404
assert_eq "$(curl -s -o /dev/null -w '%{http_code}' "${auth[@]}" "$url")" 405

cat >"$T/test.py" <<'PY'
import sys, threading
from client import Client

first, second = (Client(url=sys.argv[1], token=sys.argv[2]) for _ in range(2))
assert first.session != second.session
first.call("sandbox_create", name="box")
assert first.call("shell", sandbox="box", script="echo hi")["stdout"] == "hi\n"
assert second.call("shell", sandbox="box", script="echo ho")["stdout"] == "ho\n"
thread = threading.Thread(target=lambda: first.call("shell", sandbox="box", script="sleep 1"))
thread.start()
assert second.call("sandbox_list")["sandboxes"][0]["name"] == "box"
thread.join()
print(first.session)
PY
export PYTHONPATH=$TESTS_DIR/mcp PYTHONDONTWRITEBYTECODE=1
run_ok python3 "$T/test.py" "$url" "$token"
assert_eq "$(msb ls -q)" box
# A session that ends takes its sandboxes along.
assert_eq "$(curl -s -o /dev/null -w '%{http_code}' -X DELETE "${auth[@]}" -H "Mcp-Session-Id: $out" "$url")" 200
eventually 10 no_sandboxes
run_ok python3 "$T/test.py" "$url" "$token"
kill "$helper_pid"
wait "$helper_pid" && fail_test "no sign of the signal"
eventually 10 no_sandboxes
no_leftovers
