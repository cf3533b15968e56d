# For tests of the Go SDK, after lib.sh.
# shellcheck shell=bash

GO_SDK=$SOURCE_DIR/sdk/go

# go_command ARGUMENT...: go without the network, writing only below the build. Modules are from $GO_PROXY, if that is set.
go_command() {
    env GOCACHE="$MSB_BUILD/sdk/go/cache" GOPATH="$MSB_BUILD/sdk/go/path" XDG_CONFIG_HOME="$T/.config" \
        GOENV=off GOFLAGS= GOPROXY="${GO_PROXY:-off}" GONOSUMDB=microsandbox.internal GOTOOLCHAIN=local GOWORK=off CGO_ENABLED=1 go "$@"
}

# go_tests [NAME...]: the SDK's tests of these names, or all, against real sandboxes with the built library.
go_tests() {
    need go cc
    need_kernel
    local name pattern=. tests=$T/sdk-go.test
    [ $# -eq 0 ] || pattern="^($(IFS='|' && echo "$*"))\$"
    (cd "$GO_SDK" && go_command test -c -o "$tests" .)
    MICROSANDBOX_LIBRARY=$MSB_BUILD/lib/libmicrosandbox.so \
        limited 240 "$tests" -test.v -test.run "$pattern" >"$T/.go-tests" 2>&1 ||
        { cat "$T/.go-tests" >&2; fail_test "the Go SDK's tests: $pattern"; }
    assert_not_contains "$(cat "$T/.go-tests")" "--- SKIP"
    for name; do
        grep -q "^--- PASS: $name " "$T/.go-tests" || fail_test "there is no Go test $name"
    done
}
