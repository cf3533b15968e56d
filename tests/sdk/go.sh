#!/usr/bin/env bash
# The Go package: as the header has it, clean, usable by a program that is built without the library, and
# its tests against real sandboxes.
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

# A user's program needs Go and a C compiler: no library, no header, nothing else.
mkdir "$T/program"
cd "$T/program"
cat >go.mod <<MOD
module program

go 1.19

require microsandbox v0.0.0

replace microsandbox => $GO_SDK
MOD
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"microsandbox"
)

func main() {
	ctx := context.Background()
	sandbox, err := microsandbox.CreateSandbox(ctx, "go-program", microsandbox.WithEphemeral(true))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer sandbox.Close()
	output, err := sandbox.Exec(ctx, "echo", []string{"hello"})
	fmt.Print(output.Stdout(), err)
}
GO
run_ok go_command build -o program .
run_ok ldd program
assert_not_contains "$out" microsandbox
# It finds the library of an installed msb, and says so when there is none.
run_ok env PATH="$MSB_BUILD/bin:$PATH" MICROSANDBOX_LIBRARY= ./program
assert_eq "$out" $'hello\n<nil>'
run_fail 1 'library_not_loaded: .*/nowhere.so' env MICROSANDBOX_LIBRARY=/nowhere.so ./program
no_leftovers

init_image init:latest
busybox_image "$T/image.tar"
export MSB_TEST_INIT_IMAGE=init:latest MSB_TEST_IMAGE=$T/image.tar
go_tests
no_leftovers
