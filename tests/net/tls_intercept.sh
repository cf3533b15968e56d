#!/usr/bin/env bash
# ctest: timeout=400
# TLS is opened on its way: the guest's programs trust the certificates that they are shown without a change; HTTP/1.1 and
# HTTP/2 as the server has them, TLS 1.2 and 1.3; what is not to be intercepted is not, and QUIC does not go round it.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
. "$TESTS_DIR/tls.sh"
need_kernel
need openssl mmdebstrap umoci nghttpd go
tools_image
make_networks 4
serve_world
new_authority upstream
new_certificate upstream good DNS:www.test.example,DNS:pinned.test.example -days 10
serve_tls 443 good
echo two >"$T/two.txt"
helper nsenter --net --target "$WORLD_PID" -- nghttpd -d "$T" 8443 "$T/good.key" "$T/good.pem"

host_ok create -q -n box --net public --tls-upstream-ca-cert "$T/upstream.pem" --tls-bypass pinned.test.example \
    --tls-intercept-port 443 --tls-intercept-port 8443 tools
# issuer HOST [OPTION...]: who has issued the certificate that the guest is shown, which it trusts.
issuer() {
    in_host "$MSB" exec box -- sh -c "openssl s_client -connect $1:443 -servername $1 -verify_return_error ${*:2} </dev/null 2>&1" |
        sed -n 's/^issuer=//p'
}
fetch() { host_ok exec box -- "${@:2}"; assert_contains "$out" "GET $1"; }

for version in 1_2 1_3; do
    assert_match "$(issuer www.test.example "-tls$version")" 'CN ?= ?microsandbox CA'
done
# Programs, each with the store that it looks at.
fetch /curl curl -sS --max-time 20 https://www.test.example/curl
assert_contains "$out" 'sni www.test.example'
fetch /python python3 -c 'import urllib.request
print(urllib.request.urlopen("https://www.test.example/python", timeout=20).read().decode())'
host_run 60 exec box -- git ls-remote https://www.test.example/git
assert_contains "$err" 'is this a git repository'
cat >"$T/fetch.go" <<'GO'
package main

import (
	"io"
	"net/http"
	"os"
)

func main() {
	answer, err := http.Get(os.Args[1])
	if err != nil {
		panic(err)
	}
	io.Copy(os.Stdout, answer.Body)
}
GO
(cd "$T" && HOME=$T GOFLAGS=-mod=mod CGO_ENABLED=0 GOTOOLCHAIN=local go build -o fetch fetch.go)
host_ok cp "$T/fetch" box:/bin/fetch
fetch /go fetch https://www.test.example/go
host_ok exec box -- sh -c 'cat /.msb/tls/ca.pem; env'
assert_contains "$out" 'BEGIN CERTIFICATE'
for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GIT_SSL_CAINFO; do
    assert_contains "$out" "$name=/etc/ssl/certs/ca-certificates.crt"
done
assert_contains "$out" NODE_EXTRA_CA_CERTS=/.msb/tls/ca.pem
# A distribution that makes its bundle anew keeps it.
host_ok exec box -- sh -c 'update-ca-certificates >/dev/null 2>&1; env -u SSL_CERT_FILE -u CURL_CA_BUNDLE curl -sS --max-time 20 https://www.test.example/anew'
assert_contains "$out" 'GET /anew'

# The server's choice of a protocol is the guest's.
two() { in_host "$MSB" exec box -- curl -sS --max-time 20 -o /dev/null -w '%{http_version} %{http_code}' "$@"; }
eventually 20 two https://www.test.example:8443/two.txt
assert_eq "$(two https://www.test.example:8443/two.txt)" "2 200" "a server with HTTP/2"
assert_eq "$(two https://www.test.example/one)" "1.1 200" "a server without"
# Much, both ways, on one connection that is kept.
host_ok exec box -- sh -c 'head -c 3000000 /dev/zero >/tmp/up
    curl -sS --max-time 60 --data-binary @/tmp/up https://www.test.example/up \
        --next -sS --max-time 60 https://www.test.example/big -o /tmp/down
    sha256sum /tmp/down'
assert_contains "$out" 'body 3000000'
assert_contains "$out" "$(python3 -c 'import hashlib; print(hashlib.sha256(b"0123456789abcdef" * (1 << 19)).hexdigest())')"
# An answer that breaks off is one that breaks off.
host_run 60 exec box -- curl -sS --max-time 20 -o /dev/null https://www.test.example/die
[ "$code" -ne 0 ] || fail_test "half an answer was taken for a whole one"

# Not intercepted: a host of the bypass.
host_ok cp "$T/upstream.pem" box:/tmp/upstream.pem
assert_match "$(issuer pinned.test.example -CAfile /tmp/upstream.pem)" 'CN ?= ?upstream'
host_ok net log box --format json
intercepted=$(grep '"intercepted":true' <<<"$out")
assert_contains "$intercepted" '"name":"www.test.example"'
assert_not_contains "$intercepted" pinned

# QUIC: refused at once.
host_ok exec box -- python3 -c 'import socket
quic = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
quic.settimeout(10)
quic.connect(("93.184.215.14", 443))
quic.send(bytes.fromhex("c00000000108") + bytes(1194))
try:
    quic.recv(100)
    print("answered")
except TimeoutError:
    print("silent")
except OSError as error:
    print(error)'
assert_match "$out" 'refused|unreachable|No route|rohibited'

# Another start is another authority, and the old one has gone.
host_ok exec box -- sh -c 'cat /.msb/tls/ca.pem'
before=$out
host_ok restart box
host_ok exec box -- sh -c 'cat /.msb/tls/ca.pem'
[ "$out" != "$before" ] || fail_test "the authority of an earlier start came again"
fetch /again curl -sS --max-time 20 https://www.test.example/again
host_ok exec box -- grep -c '>>> microsandbox certificates' /etc/ssl/certs/ca-certificates.crt
assert_eq "$out" 1 "blocks in the bundle"
# Its key is nowhere.
run grep -rlE 'PRIVATE KEY' "$MSB_HOME"/{sandboxes,db,run}
assert_eq "$out" "" "files with a key"
host_ok inspect box --format json
assert_contains "$out" '"intercepted_ports"'
host_ok rm -q -f box
no_leftovers
