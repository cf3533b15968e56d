#!/usr/bin/env bash
# ctest: timeout=180
# TCP goes through an upstream proxy, HTTP CONNECT or SOCKS5: after the policy, by name where a rule by name allows it;
# credentials come from the environment and are nowhere else; what a proxy cannot carry does not go round it.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
need_kernel
make_networks 4 6
serve_world

for port in 3128 3129; do
    helper nsenter --net --mount --target "$HOST_PID" -- python3 "$TESTS_DIR/proxy_server.py" "$T/ready$port" $port "$T/asked"
    eventually 10 test -e "$T/ready$port"
done
asked() { cat "$T/asked" 2>/dev/null; rm -f "$T/asked"; }
# says WHERE PORT OPTIONS...: what a guest hears there.
says() { host_ok run "${@:3}" -- sh -c "echo hi | nc -w 5 $1 $2"; }

for kind in http socks5; do
    says "$WORLD4" 80 --net public --proxy "$kind://127.0.0.1:3128"
    assert_eq "$out" "world got hi" "$kind"
    assert_eq "$(asked)" "$WORLD4 80" "what the $kind proxy was asked for"
    # By name, where the rule is about the name.
    says www.test.example 80 --net-rule allow@www.test.example --proxy "$kind://127.0.0.1:3128"
    assert_match "$(asked)" '^www.test.example 80$'
    # The policy is asked first.
    host_run 60 run --net-rule allow@192.0.2.1 --proxy "$kind://127.0.0.1:3128" -- sh -c "echo hi | nc -w 5 $WORLD4 81"
    assert_eq "$(asked)" ""
    # Nobody is there: the proxy says so, and the guest hears it soon.
    host_run 20 run --net public --proxy "$kind://127.0.0.1:3128" -- sh -c "nc -w 15 $WORLD4 9999 </dev/null"
    [ "$code" -ne 0 ] || fail_test "a connection that the $kind proxy refused has succeeded"
    asked >/dev/null
    # Credentials.
    host_run 20 run --net public --proxy "$kind://127.0.0.1:3129" -- sh -c "echo hi | nc -w 5 $WORLD4 80"
    assert_not_contains "$out" "world got"
    export MSB_PROXY_USERNAME=me MSB_PROXY_PASSWORD=opensesame
    says "$WORLD4" 80 --net public --proxy "$kind://127.0.0.1:3129"
    assert_eq "$out" "world got hi" "$kind with credentials"
    unset MSB_PROXY_USERNAME MSB_PROXY_PASSWORD
    asked >/dev/null
done

# This machine's own services need no proxy; datagrams and pings do not go round it.
export https_proxy=http://me:opensesame@127.0.0.1:3129
host_ok create -q -n box --net public,host --proxy env
unset https_proxy
host_ok exec box -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_eq "$out" "world got hi" "a proxy of the environment"
assert_eq "$(asked)" "$WORLD4 80"
host_ok exec box -- sh -c 'nc -w 5 host.microsandbox.internal 3128 </dev/null; true'
assert_eq "$(asked)" ""
host_run 20 exec box -- sh -c "ping -c 1 -W 2 $WORLD4"
[ "$code" -ne 0 ] || fail_test "a ping went round the proxy"
host_ok net log box --denied
assert_contains "$out" "carries TCP only"
host_ok inspect box --format json
assert_contains "$out" '"proxy": "env"'
run grep -rl opensesame "$MSB_HOME/sandboxes"
assert_eq "$out" "" "files with the password"
host_ok rm -q -f box

# What NO_PROXY lists is reached directly where a proxy of the environment is used; by name and by address.
export HTTPS_PROXY=http://127.0.0.1:3128
export NO_PROXY="localhost,.other.test.example,$WORLD6"
says www.test.example 80 --net public --proxy env
assert_match "$(asked)" ' 80$' "a name that is not listed"
says a.other.test.example 80 --net public --proxy env
assert_eq "$out" "world got hi"
assert_eq "$(asked)" "" "a name below one that is listed"
says "$WORLD6" 80 --net public --proxy env
assert_eq "$(asked)" "" "an address that is listed"
says "$WORLD6" 80 --net public --proxy http://127.0.0.1:3128
assert_match "$(asked)" ' 80$' "a proxy that was named"
unset HTTPS_PROXY NO_PROXY

# One that is not there, and one that is none.
host_run 20 run --net public --proxy http://127.0.0.1:3999 -- sh -c "echo hi | nc -w 5 $WORLD4 80"
assert_not_contains "$out" "world got"
for wrong in ftp://x 'http://me:opensesame@x:1' http://x:0 'http://x y' http:// env2; do
    host_run 20 create -n bad --net public --proxy "$wrong"
    assert_eq "$code" 1 "$wrong"
    assert_contains "$err" "invalid proxy"
    assert_not_contains "$err" opensesame
done
host_run 20 create -n bad --net public --proxy http://no-such.invalid:80
assert_eq "$code" 1
assert_contains "$err" "leads nowhere"
host_run 20 rm -q -f bad
no_leftovers
