#!/usr/bin/env bash
# ctest: timeout=300
# Whom interception believes to be a server: who proves its name by an authority of this machine's, of an option's or of a
# pattern's. A guest is told why another is refused, and that one sees nothing of its request. Client certificates. The
# user's own authority in the place of one that is made.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
. "$TESTS_DIR/tls.sh"
need_kernel
need openssl mmdebstrap umoci
tools_image
make_networks 4
serve_world
new_authority upstream
new_authority other
new_certificate upstream good DNS:www.test.example -days 10
new_certificate upstream wrong DNS:somebody.else -days 10
new_certificate upstream old DNS:www.test.example -days -1
new_certificate other foreign DNS:www.test.example -days 10
new_certificate other client DNS:client -days 10
serve_tls 443 good
serve_tls 444 wrong
serve_tls 445 old
serve_tls 446 foreign
serve_tls 447 good other
ports=()
for port in 443 444 445 446 447; do ports+=(--tls-intercept-port "$port"); done

# create OPTIONS...; get PORT [OPTION]: what the guest hears there.
create() { host_ok create -q -n box --net public "${ports[@]}" "$@" tools; }
get() { host_run 60 exec box -- curl -sS --max-time 30 "${@:2}" "https://www.test.example:$1/x"; }

create --tls-upstream-ca-cert "$T/upstream.pem"
get 443
assert_contains "$out" 'GET /x'
# Resumed, the server is believed again.
get 443
assert_contains "$out" 'GET /x'
get 444 -w '%{http_code}'
assert_contains "$out" '502'
assert_match "$out" 'www.test.example: hostname mismatch'
assert_contains "$out" '--tls-upstream-ca-cert-for'
get 445 -H 'Accept: application/json'
assert_contains "$out" '"code":"upstream_not_trusted"'
assert_contains "$out" 'certificate has expired'
get 446
assert_match "$out" 'unable to get local issuer certificate|self-signed'
get 447
assert_not_contains "$out" 'GET /x'
host_ok exec box -- curl -sS --max-time 30 --http2 https://www.test.example:446/
assert_contains "$out" 'the server was refused'
host_ok rm -q -f box

# For some hosts: another authority, any certificate, and a certificate that is shown.
create --tls-upstream-ca-cert-for "*.test.example=$T/upstream.pem" \
    --tls-upstream-ca-cert-for "www.test.example=$T/other.pem" --tls-client-cert-for "*.test.example=$T/client.pem,$T/client.key"
get 446
assert_contains "$out" 'GET /x' # the pattern that is closest counts
get 443
assert_match "$out" 'unable to get local issuer|self-signed'
host_ok rm -q -f box
create --tls-upstream-ca-cert-for "*.test.example=$T/upstream.pem" --tls-client-cert-for "*.test.example=$T/client.pem,$T/client.key"
get 447
assert_contains "$out" 'client client'
host_ok rm -q -f box
create --tls-no-verify-upstream-for '*.test.example'
for port in 443 444 445 446; do
    get $port
    assert_contains "$out" 'GET /x' "$port, unverified"
done
host_ok rm -q -f box
# This machine's own.
SSL_CERT_FILE=$T/upstream.pem create --trust-host-cas
get 443
assert_contains "$out" 'GET /x'
host_ok exec box -- cat /.msb/tls/host-cas.pem
assert_eq "$out" "$(cat "$T/upstream.pem")" "what this machine trusts"
host_ok rm -q -f box
SSL_CERT_FILE=$T/upstream.pem host_ok create -q -n box --net public --trust-host-cas tools
get 443
assert_contains "$out" 'GET /x' # not intercepted, and trusted
host_ok exec box -- sh -c 'env; ls /.msb/tls'
assert_not_contains "$out" 'SSL_CERT_FILE'
assert_not_contains "$out" '^ca.pem'
host_ok rm -q -f box

# The user's authority: of an option, or of MSB_HOME.
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=mine' -keyout "$T/mine.key" -out "$T/mine.pem" 2>/dev/null
create --tls-upstream-ca-cert "$T/upstream.pem" --tls-intercept-ca-cert "$T/mine.pem" --tls-intercept-ca-key "$T/mine.key"
host_ok exec box -- sh -c 'openssl s_client -connect www.test.example:443 -servername www.test.example -verify_return_error </dev/null 2>&1'
assert_match "$out" 'issuer=CN ?= ?mine'
host_ok rm -q -f box
mkdir -p "$MSB_HOME/tls"
cp "$T/mine.pem" "$MSB_HOME/tls/ca.crt"
cp "$T/mine.key" "$MSB_HOME/tls/ca.key"
create --tls-upstream-ca-cert "$T/upstream.pem"
host_ok exec box -- sh -c 'openssl s_client -connect www.test.example:443 -servername www.test.example -verify_return_error </dev/null 2>&1'
assert_match "$out" 'issuer=CN ?= ?mine'
host_ok rm -q -f box
rm -r "$MSB_HOME/tls"

# What is wrong is said, and by which file.
host_run 60 run --tls-intercept-ca-cert "$T/mine.pem" --tls-intercept-ca-key "$T/other.key" -- true
[ "$code" -ne 0 ] || fail_test "a key of another authority was taken"
assert_contains "$out$err" 'do not belong together'
host_run 60 run --tls-intercept-ca-cert "$T/mine.pem" -- true
assert_contains "$err" 'both its certificate and its key'
host_run 60 run --tls-upstream-ca-cert "$T/no-such.pem" -- true
assert_contains "$out$err" 'no-such.pem'
host_run 60 run --tls-upstream-ca-cert "$T/mine.key" -- true
assert_contains "$out$err" 'holds no certificate'
for wrong in --tls-bypass='a b' --tls-bypass='*x.org' --tls-intercept-port=0 --tls-upstream-ca-cert-for=x.org; do
    host_run 60 create -q -n bad "$wrong"
    assert_eq "$code" 1 "$wrong"
done
no_leftovers
