#!/usr/bin/env bash
# msb forward as a user types it: what it prints, what it refuses, how it ends.
. "$(dirname "$0")/../lib.sh"
need_kernel
need curl

run_fail 1 'no-such' msb forward no-such 8080
run_ok msb create -q -n web
run_ok msb exec web -- sh -c 'mkdir /www; echo from the guest >/www/index.html; busybox httpd -p 127.0.0.1:80 -h /www'

# Mistakes are named, with what would be right.
run_fail 1 'nothing to forward' msb forward web
run_fail 1 '"http" is not a port' msb forward web 8080:localhost:http
run_fail 1 'examples: ' msb forward web 8080:80:90:100
run_fail 1 'the guest.s side is missing' msb forward web ./only.sock
run_fail 1 'no ports' msb forward web 8080 --stdio 80
run_fail 2 'max-connections' msb forward web 8080 --max-connections 0
touch "$T/file"
run_fail 1 'exists and is not a socket' msb forward web "$T/file:80"
run_fail 1 'cannot listen on' msb forward web "$T/no/such/dir.sock:80"
run_fail 1 'must be one of this machine' msb forward web 192.0.2.1:0:80

forward() {
    helper "$MSB" forward web "$@" >"$T/forward" 2>"$T/forward.err"
    forward_pid=$helper_pid
    eventually 20 test -s "$T/forward"
}
ended() { # ended SIGNAL: how it ends by that signal
    kill "-$1" "$forward_pid"
    code=0
    wait "$forward_pid" || code=$?
    assert_eq "$code" 0 "exit code after SIG$1"
}

forward 0:80
url=$(sed -n 's/^\(127.0.0.1:[0-9]*\) -> localhost:80$/\1/p' "$T/forward")
assert_eq "$(curl -sf "http://$url/")" "from the guest"
run_fail 1 "$url is in use" msb forward web "${url#*:}:80"
assert_contains "$err" "0 for any free one"
ended INT
run_fail any . curl -sSf "http://$url/" # and nobody listens any more

forward --format json 0:80 "$T/web.sock:80"
url=$(python3 -c 'import json,sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [line["target"] for line in lines] == ["localhost:80"] * 2, lines
assert lines[1]["listen"].endswith("/web.sock"), lines
print(lines[0]["listen"])' "$T/forward")
assert_eq "$(curl -sf "http://$url/")" "from the guest"
assert_eq "$(curl -sf --unix-socket "$T/web.sock" http://web/)" "from the guest"
run_fail 1 'somebody listens on' msb forward web "$T/web.sock:80"
ended TERM
assert_no_path "$T/web.sock"

# A socket that a killed command left behind is taken over.
forward "$T/web.sock:80"
kill -9 "$forward_pid"
wait "$forward_pid" || :
assert_path "$T/web.sock"
forward "$T/web.sock:80"
assert_eq "$(curl -sf --unix-socket "$T/web.sock" http://web/)" "from the guest"
ended HUP

# Bound to all addresses it warns; quiet it prints nothing.
forward 0.0.0.0:0:80
eventually 5 grep -q 'other machines' "$T/forward.err"
ended INT
helper "$MSB" forward web -q "$T/quiet.sock:80" >"$T/quiet" 2>&1
eventually 20 test -S "$T/quiet.sock"
assert_eq "$(curl -sf --unix-socket "$T/quiet.sock" http://web/)" "from the guest"
kill -INT "$helper_pid"
wait "$helper_pid"
assert_eq "$(cat "$T/quiet")" ""

# One connection for each slot; the next waits for its turn.
forward --max-connections 1 0:80
port=$(sed -n 's/^127.0.0.1:\([0-9]*\) .*/\1/p' "$T/forward")
exec 3<>"/dev/tcp/127.0.0.1/$port"
run_fail any . curl -sSf -m 1 "http://127.0.0.1:$port/"
exec 3>&-
eventually 10 curl -sf -o /dev/null "http://127.0.0.1:$port/"
ended INT

# stdin and stdout as one connection.
run_ok sh -c 'printf "GET / HTTP/1.0\r\n\r\n" | "$0" forward web --stdio localhost:80' "$MSB"
assert_contains "$out" "from the guest"
run_fail 1 'cannot connect to localhost:81: connection refused' msb forward web --stdio 81 </dev/null
run_fail 1 'cannot connect to unix:/no/such: no such file' msb forward web --stdio /no/such </dev/null
run_fail 1 'is not a port of the guest' msb forward web --stdio web
assert_eq "$(printf 'GET / HTTP/1.0\r\n\r\n' | msb forward web --stdio 80 | head -c 4)" HTTP

run_ok msb stop -q web
run_fail 1 'not running' msb forward web 8080
assert_contains "$err" "msb start web"
run_ok msb rm -q web
no_leftovers
