#!/usr/bin/env bash
# A program that uses the Go package gets it with `go get` and is built with Go and a C compiler: no library, no header, no Rust.
# It loads the library of an installed msb when it runs.
# ctest: timeout=300
. "$(dirname "$0")/../lib.sh"
. "$TESTS_DIR/go_sdk.sh"
need go cc python3
need_kernel

mkdir "$T/bin"
for tool in cargo rustc; do
    printf '#!/bin/sh\necho "$0" >>"%s"\nexit 1\n' "$T/rust-was-called" >"$T/bin/$tool"
    chmod 755 "$T/bin/$tool"
done
PATH=$T/bin:$PATH

mkdir "$T/program"
cd "$T/program"
"$SOURCE_DIR/scripts/sdk_packages.py" 0.1.0 "$T/packages"
export GO_PROXY=file://$T/packages/go
run_ok go_command mod init program
run_ok go_command get microsandbox.internal/microsandbox
assert_not_contains "$(cat go.mod)" replace
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	"microsandbox.internal/microsandbox"
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
assert_no_path "$T/rust-was-called"
run_ok ldd program
assert_not_contains "$out" microsandbox
# It finds the library of an installed msb, and says so when there is none.
run_ok env PATH="$MSB_BUILD/bin:$PATH" MICROSANDBOX_LIBRARY= ./program
assert_eq "$out" $'hello\n<nil>'
run_fail 1 'library_not_loaded: .*/nowhere.so' env MICROSANDBOX_LIBRARY=/nowhere.so ./program
no_leftovers

