#!/usr/bin/env bash
# S1-74: Basic credentials with a placeholder arrive with the value, encoded anew, at the host that it is for; to another host
# the request is blocked.
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
guest -u 'user:$MSB_API_KEY' https://www.test.example/
assert_contains "$(cat "$came")" "Authorization: Basic $(printf 'user:%s' "$value" | base64 -w0)"
guest -H "Authorization: Basic $(printf 'user:a$MSB_API_KEYz' | base64 -w0)" https://www.test.example/
assert_contains "$(cat "$came")" "Authorization: Basic $(printf 'user:a%sz' "$value" | base64 -w0)"
refused -u 'user:$MSB_API_KEY' https://pinned.test.example/
assert_eq "$(violations | jq -r '.location + " " + .match_form')" "authorization_basic basic_auth_decoded"
host_ok rm -f box
