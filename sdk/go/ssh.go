package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"errors"
	"os"
	"time"
)

// SandboxSSHOps is SSH for a sandbox that runs: [Sandbox.SSH]. There is no server in the guest.
type SandboxSSHOps struct{ sandbox *Sandbox }

// SSH is SSH for the sandbox.
func (s *Sandbox) SSH() *SandboxSSHOps { return &SandboxSSHOps{s} }

// SSHClientOption is a property of a client.
type SSHClientOption func(*SSHClient)

// WithSSHUser sets the user of the guest, a name or number, with ":group" or not. Without it: root.
func WithSSHUser(user string) SSHClientOption { return func(c *SSHClient) { c.user = user } }

// WithSSHSFTP tells whether there are files: [SSHClient.SFTP]. Without it there are.
func WithSSHSFTP(enabled bool) SSHClientOption { return func(c *SSHClient) { c.files = enabled } }

// SSHClient does what an SSH client of the sandbox can do, over the connection that there is: between two ends of this
// package SSH itself would protect nothing.
type SSHClient struct {
	sandbox *Sandbox
	user    string
	files   bool
	closed  bool
}

// OpenClient is a client, as root unless an option says otherwise.
func (o *SandboxSSHOps) OpenClient(ctx context.Context, options ...SSHClientOption) (*SSHClient, error) {
	client := &SSHClient{sandbox: o.sandbox, user: "root", files: true}
	for _, option := range options {
		option(client)
	}
	return client, ctx.Err()
}

// SSHOutput is what a command wrote and how it ended.
type SSHOutput struct {
	Status         int // 128 + n for a command that signal n ended
	Stdout, Stderr []byte
}

var errSSHClosed = errors.New("the SSH client is closed")

// Exec runs a command line of the sandbox's shell and collects what it writes. It fails as [Sandbox.Exec] does.
func (c *SSHClient) Exec(ctx context.Context, command string, options ...ExecOption) (*SSHOutput, error) {
	if c.closed {
		return nil, errSSHClosed
	}
	output, err := c.sandbox.Shell(ctx, command, append([]ExecOption{WithExecUser(c.user)}, options...)...)
	if err != nil {
		return nil, err
	}
	return &SSHOutput{output.ExitCode(), output.StdoutBytes(), output.StderrBytes()}, nil
}

// Attach gives a shell the terminal of this process: [Sandbox.AttachShell].
func (c *SSHClient) Attach(ctx context.Context, options ...AttachOption) (int, error) {
	if c.closed {
		return 0, errSSHClosed
	}
	return c.sandbox.AttachShell(ctx, append([]AttachOption{WithAttachUser(c.user)}, options...)...)
}

// SFTP is the sandbox's files, as the client's user. [ErrUnsupported] if the client was opened without.
func (c *SSHClient) SFTP(ctx context.Context) (*SFTPClient, error) {
	if c.closed {
		return nil, errSSHClosed
	}
	if !c.files {
		return nil, &Error{Kind: ErrUnsupported, Message: "the client was opened without SFTP"}
	}
	return &SFTPClient{c.sandbox.FS().As(c.user)}, ctx.Err()
}

// Close ends the client; the sandbox goes on.
func (c *SSHClient) Close() error {
	c.closed = true
	return nil
}

// SFTPClient is files by absolute path, with the names that SFTP has for what is done with them.
type SFTPClient struct{ files *SandboxFSOps }

// Read is the content of a file.
func (c *SFTPClient) Read(ctx context.Context, path string) ([]byte, error) {
	return c.files.Read(ctx, path)
}

// Write makes or replaces a file.
func (c *SFTPClient) Write(ctx context.Context, path string, data []byte) error {
	return c.files.Write(ctx, path, data)
}

// Mkdir makes a directory.
func (c *SFTPClient) Mkdir(ctx context.Context, path string) error { return c.files.Mkdir(ctx, path) }

// RemoveFile deletes a file.
func (c *SFTPClient) RemoveFile(ctx context.Context, path string) error {
	return c.files.Remove(ctx, path)
}

// RemoveDir deletes a directory that is empty.
func (c *SFTPClient) RemoveDir(ctx context.Context, path string) error {
	return c.files.RemoveDir(ctx, path, WithFSEmptyOnly())
}

// Rename gives a file or directory another name.
func (c *SFTPClient) Rename(ctx context.Context, from, to string) error {
	return c.files.Rename(ctx, from, to)
}

// RealPath is a path without links, "." and "..".
func (c *SFTPClient) RealPath(ctx context.Context, path string) (string, error) {
	return c.files.RealPath(ctx, path)
}

// ReadLink is what a symbolic link has in it.
func (c *SFTPClient) ReadLink(ctx context.Context, path string) (string, error) {
	return c.files.ReadLink(ctx, path)
}

// Symlink makes a symbolic link at a path.
func (c *SFTPClient) Symlink(ctx context.Context, target, path string) error {
	return c.files.Symlink(ctx, target, path)
}

// Close ends the client.
func (c *SFTPClient) Close() error { return nil }

// SSHServerOption is a property of a server.
type SSHServerOption func(*sshServerOptions)

// WithSSHHostKey sets the file of the server's private key. Without it: the one of this MSB_HOME.
func WithSSHHostKey(path string) SSHServerOption {
	return func(o *sshServerOptions) { o.HostKeyPath = &path }
}

// WithSSHAuthorizedKeys sets the file of the keys that may enter. Without it: those of `msb ssh authorize`.
func WithSSHAuthorizedKeys(path string) SSHServerOption {
	return func(o *sshServerOptions) { o.AuthorizedKeysPath = &path }
}

// WithSSHServerUser sets the user of the guest. Without it: the name that a client logs in with.
func WithSSHServerUser(user string) SSHServerOption {
	return func(o *sshServerOptions) { o.User = &user }
}

// WithSSHServerSFTP tells whether there are files by SFTP. Without it there are.
func WithSSHServerSFTP(enabled bool) SSHServerOption {
	return func(o *sshServerOptions) { o.Sftp = &enabled }
}

// WithSSHInactivityTimeout ends connections on which nothing happens for so long; 0: never. Without it: 10 minutes.
func WithSSHInactivityTimeout(timeout time.Duration) SSHServerOption {
	return func(o *sshServerOptions) { o.InactivityTimeoutMs = unsignedMilliseconds(timeout) }
}

// SSHServer serves clients of SSH, each with a jailed process of its own.
type SSHServer struct{ handle C.uint64_t }

// PrepareServer prepares to serve; [ErrPermissionDenied] if no key may enter.
func (o *SandboxSSHOps) PrepareServer(ctx context.Context, options ...SSHServerOption) (*SSHServer, error) {
	var chosen sshServerOptions
	for _, option := range options {
		option(&chosen)
	}
	var encoded cText
	defer encoded.free()
	if err := encoded.setOptions(chosen); err != nil {
		return nil, err
	}
	var handle C.uint64_t
	err := call(ctx, func() *C.char {
		return C.call_ssh_server_open(o.sandbox.handle, encoded.pointer, &handle)
	})
	if err != nil {
		return nil, err
	}
	return &SSHServer{handle}, nil
}

// ServeConnection serves one client on standard input and output, as a ProxyCommand wants it, and returns when it has
// gone.
func (s *SSHServer) ServeConnection(ctx context.Context) error {
	return s.ServeConnectionOn(ctx, os.Stdin, os.Stdout)
}

// ServeConnectionOn serves one client on these files, which may be the same, and returns when it has gone. They stay
// open.
func (s *SSHServer) ServeConnectionOn(ctx context.Context, input, output *os.File) error {
	in, out := C.int32_t(input.Fd()), C.int32_t(output.Fd())
	return cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_ssh_server_serve(cancel, s.handle, in, out)
	})
}

// Close ends the connections that are served.
func (s *SSHServer) Close() error {
	return call(context.Background(), func() *C.char {
		C.call_ssh_server_close(s.handle)
		return nil
	})
}
