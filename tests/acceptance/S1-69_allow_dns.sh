#!/usr/bin/env bash
# ctest: timeout=500
# Each package has the rule that opens lookups at the guest's own name server, over both transports, and no other port:
# one rule, and in Python one for each transport. Guests that were made with it may look names up, and no more.
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
. "$TESTS_DIR/rust_sdk.sh"
. "$TESTS_DIR/node_sdk.sh"
. "$TESTS_DIR/surfaces.sh"
need_kernel

surface Python python_tests test_network.AllowDns
surface Go go_tests TestAllowDNS
surface Rust rust_tests allow_dns
NODE_PATTERN=allowDns surface TypeScript node_tests network
run_fail 1 'dns has port 53' msb run --net-rule allow@dns:tcp:853 -- true
no_leftovers
all_surfaces
