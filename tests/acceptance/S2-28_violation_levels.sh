#!/usr/bin/env bash
# S2-28: block-and-log writes a warning, block-and-terminate an error and the sandbox stops, block nothing.
# ctest: timeout=240
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/netns.sh"
. "$TESTS_DIR/tls.sh"
need_kernel
need jq
# shellcheck disable=SC2016
# (placeholders)
secrets_world
runtime_log() { cat "$MSB_HOME/sandboxes/$1/logs/runtime.log"; }
refused -H 'X: $MSB_API_KEY' https://pinned.test.example/
eventually 10 grep -q 'secret violation' "$MSB_HOME/sandboxes/box/logs/runtime.log"
assert_match "$(runtime_log box)" ' warn .*secret violation'
for action in block block-and-terminate; do
    host_ok create -q -n "$action" --net public --tls-upstream-ca-cert "$T/upstream.pem" --secret API_KEY@www.test.example \
        --secret-violation-action "$action" tools
done
host_ok exec block -- curl -sS --max-time 20 -H 'X: $MSB_API_KEY' https://pinned.test.example/
assert_contains "$out" 'secret_policy_denied'
host_ok net log block --format json
assert_not_contains "$out" '"secret":{'
assert_not_contains "$(runtime_log block)" 'secret violation'
host_run 60 exec block-and-terminate -- curl -sS --max-time 20 -H 'X: $MSB_API_KEY' https://pinned.test.example/
host_ok wait block-and-terminate
assert_match "$(runtime_log block-and-terminate)" ' error .*secret violation'
host_ok ps box
assert_contains "$out" running
host_ok rm -f box block block-and-terminate
