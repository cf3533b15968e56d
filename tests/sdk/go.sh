#!/usr/bin/env bash
# The Go package: as the header has it, clean, and its tests against real sandboxes.
# ctest: timeout=400
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
need go cc
need_kernel

# It declares the functions that it loads as the header does.
cat >"$T/same.c" <<C
#include "microsandbox/microsandbox.h"
#include "native.h"
#define SAME(type, name, parameters, arguments) \\
    _Static_assert(__builtin_types_compatible_p(__typeof__(msb_##name), type parameters), #name);
MSB_FUNCTIONS(SAME)
_Static_assert(MSB_SDK_ABI_VERSION == MSB_ABI_VERSION, "version");
C
run_ok cc -fsyntax-only -I "$SOURCE_DIR/include" -I "$GO_SDK" "$T/same.c"

if command -v gofmt >/dev/null; then
    run_ok gofmt -l "$GO_SDK"
    assert_eq "$out" "" "what gofmt would change"
fi
cd "$GO_SDK"
run_ok go_command vet .

init_image init:latest
busybox_image "$T/image.tar"
export MSB_TEST_INIT_IMAGE=init:latest MSB_TEST_IMAGE=$T/image.tar
go_tests
no_leftovers
