#!/usr/bin/env bash
# S2-29: what is found late in a long body, on a connection that had other requests before, is logged with the request's method
# and path.
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
head -c 300000 /dev/zero | tr '\0' x >"$T/body"
printf '%s' '$MSB_API_KEY' >>"$T/body"
host_ok cp "$T/body" box:/body
: >"$came"
host_ok exec box -- curl -sS --max-time 20 https://pinned.test.example/first --next -sS -X PATCH --data-binary @/body https://pinned.test.example/late?x
assert_eq "$(violations | jq -r '.method + " " + .path + " " + .location')" "PATCH /late body"
host_ok exec box -- curl -sS --max-time 20 https://pinned.test.example/first --next -sS -X PUT -H 'Transfer-Encoding: chunked' --data-binary @/body https://pinned.test.example/chunks
assert_eq "$(violations | tail -n 1 | jq -r '.method + " " + .path + " " + .location')" "PUT /chunks body"
host_ok rm -f box
