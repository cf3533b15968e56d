#!/usr/bin/env bash
# The Go package: clean, and those of its tests against real sandboxes that no acceptance test runs.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
need go cc
need_kernel

if command -v gofmt >/dev/null; then
    run_ok gofmt -l "$GO_SDK"
    assert_eq "$out" "" "what gofmt would change"
fi
cd "$GO_SDK"
run_ok go_command vet .

# Each test runs once: the acceptance tests name theirs.
grep -hoE '^func Test\w+' ./*_test.go | cut -d' ' -f2 | grep -vx TestMain | sort >"$T/all"
grep -hoE '\bTest[A-Z]\w+' "$TESTS_DIR"/acceptance/*.sh | sort >"$T/elsewhere"
run_ok uniq -d "$T/elsewhere"
assert_eq "$out" "" "Go tests that run twice"
mapfile -t rest < <(comm -23 "$T/all" "$T/elsewhere")
[ "${#rest[@]}" -eq 0 ] || go_tests "${rest[@]}"
no_leftovers
