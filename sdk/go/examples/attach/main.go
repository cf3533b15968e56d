// A shell of a running sandbox on this terminal: attach NAME [COMMAND [ARGUMENT...]]
package main

import (
	"context"
	"fmt"
	"os"

	"microsandbox.internal/microsandbox"
)

func run(ctx context.Context, name string, command []string) (int, error) {
	found, err := microsandbox.GetSandbox(ctx, name)
	if err != nil {
		return 0, err
	}
	sandbox, err := found.Connect(ctx)
	if err != nil {
		return 0, err
	}
	defer sandbox.Close()
	if len(command) == 0 {
		return sandbox.AttachShell(ctx)
	}
	return sandbox.Attach(ctx, command[0], command[1:], microsandbox.WithAttachDetachKeys("ctrl-a,d"))
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: attach NAME [COMMAND [ARGUMENT...]]")
		os.Exit(2)
	}
	code, err := run(context.Background(), os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "attach:", err)
		os.Exit(1)
	}
	fmt.Println("exit code", code)
}
