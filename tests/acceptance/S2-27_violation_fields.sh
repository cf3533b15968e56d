#!/usr/bin/env bash
# S2-27: a violation is logged with action, variable, placeholder, protocol, SNI, host, method, path without its query, location,
# form, the guest's destination and the stream; never with the value.
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
refused -X PUT -H 'X: $MSB_API_KEY' 'https://pinned.test.example/path/x?query=1'
assert_eq "$(violations | jq -cS .)" "$(jq -cS . <<JSON
{"action": "block-and-log", "secret_env_var": "API_KEY", "placeholder": "\$MSB_API_KEY", "protocol": "http/1.1",
 "sni": "pinned.test.example", "host": "pinned.test.example", "method": "PUT", "path": "/path/x", "location": "header",
 "match_form": "raw", "guest_dst": "$(violations | jq -r .guest_dst)", "http2_stream_id": null}
JSON
)"
assert_match "$(violations | jq -r .guest_dst)" '^[0-9.]+:443$'
refused 'https://pinned.test.example/?a=$MSB_API_KEY'
refused --data-binary '$MSB_API_KEY' https://pinned.test.example/
refused 'https://pinned.test.example/$MSB_API_KEY/x'
assert_eq "$(violations | jq -r .location | tr '\n' ' ')" 'header query body unknown '
host_ok net log box --format json
assert_not_contains "$out" "$value"
assert_not_contains "$(cat "$MSB_HOME"/sandboxes/box/logs/*)" "$value"
host_ok rm -f box
