// SSH for a running sandbox. `ssh NAME` shows what a client can do; `ssh NAME serve` serves one client on standard input
// and output, for OpenSSH's ProxyCommand.
package main

import (
	"context"
	"fmt"
	"os"

	"microsandbox.internal/microsandbox"
)

func show(ctx context.Context, sandbox *microsandbox.Sandbox) error {
	client, err := sandbox.SSH().OpenClient(ctx, microsandbox.WithSSHUser("root"))
	if err != nil {
		return err
	}
	defer client.Close()
	output, err := client.Exec(ctx, "echo out; echo err >&2; exit 3")
	if err != nil {
		return err
	}
	fmt.Printf("%d %q %q\n", output.Status, output.Stdout, output.Stderr)
	files, err := client.SFTP(ctx)
	if err != nil {
		return err
	}
	if err := files.Mkdir(ctx, "/tmp/d"); err != nil {
		return err
	}
	if err := files.Write(ctx, "/tmp/d/a", []byte("content")); err != nil {
		return err
	}
	if err := files.Rename(ctx, "/tmp/d/a", "/tmp/d/b"); err != nil {
		return err
	}
	if err := files.Symlink(ctx, "b", "/tmp/d/link"); err != nil {
		return err
	}
	target, err := files.ReadLink(ctx, "/tmp/d/link")
	if err != nil {
		return err
	}
	path, err := files.RealPath(ctx, "/tmp/d/../d/link")
	if err != nil {
		return err
	}
	content, err := files.Read(ctx, "/tmp/d/link")
	if err != nil {
		return err
	}
	fmt.Println(target, path, string(content))
	for _, name := range []string{"/tmp/d/link", "/tmp/d/b"} {
		if err := files.RemoveFile(ctx, name); err != nil {
			return err
		}
	}
	return files.RemoveDir(ctx, "/tmp/d")
}

func serve(ctx context.Context, sandbox *microsandbox.Sandbox) error {
	server, err := sandbox.SSH().PrepareServer(ctx, microsandbox.WithSSHServerSFTP(false))
	if err != nil {
		return err
	}
	defer server.Close()
	return server.ServeConnection(ctx)
}

func run(ctx context.Context, name string, what func(context.Context, *microsandbox.Sandbox) error) error {
	found, err := microsandbox.GetSandbox(ctx, name)
	if err != nil {
		return err
	}
	sandbox, err := found.Connect(ctx)
	if err != nil {
		return err
	}
	defer sandbox.Close()
	return what(ctx, sandbox)
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: ssh NAME [serve]")
		os.Exit(2)
	}
	what := show
	if len(os.Args) > 2 {
		what = serve
	}
	if err := run(context.Background(), os.Args[1], what); err != nil {
		fmt.Fprintln(os.Stderr, "ssh:", err)
		os.Exit(1)
	}
}
