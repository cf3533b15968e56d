#!/usr/bin/env bash
# The Go package says what a guest may reach with profiles, policies by name and policies of its own rules, how names are
# looked up and which ports are published; changes it while the guest runs; asks what is allowed and why; reads what was
# recorded and learns a policy from it.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
need_kernel
go_tests TestNetworks
no_leftovers
