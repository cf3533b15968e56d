package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"encoding/json"
)

// Sandbox is a connection to a sandbox that runs. If it owns the sandbox's life ([Sandbox.OwnsLifecycle])
// the sandbox stops when it is closed, and when the process ends.
type Sandbox struct {
	named
	notices []string
}

// CreateSandbox makes a sandbox and starts it. Among what it fails with are [ErrSandboxAlreadyExists],
// [ErrInvalidConfig], [ErrImageNotFound], [ErrImagePullFailed] and [ErrBootStart].
func CreateSandbox(ctx context.Context, name string, options ...SandboxOption) (*Sandbox, error) {
	var chosen sandboxOptions
	for _, option := range options {
		option(&chosen)
	}
	return connected(ctx, name, chosen, func(cancel C.uint64_t, name, options *C.char, result **C.char) *C.char {
		return C.call_sandbox_create(cancel, 0, name, options, result)
	})
}

// StartSandbox starts a stopped sandbox; it stops when it is closed.
func StartSandbox(ctx context.Context, name string) (*Sandbox, error) {
	return start(ctx, name, startOptions{})
}

// StartSandboxDetached starts a stopped sandbox, which goes on without handle and process.
func StartSandboxDetached(ctx context.Context, name string) (*Sandbox, error) {
	return start(ctx, name, startOptions{Detached: true})
}

func start(ctx context.Context, name string, options startOptions) (*Sandbox, error) {
	return connected(ctx, name, options, func(cancel C.uint64_t, name, options *C.char, result **C.char) *C.char {
		return C.call_sandbox_start(cancel, name, options, result)
	})
}

// connected makes a call that gives a connection.
func connected(ctx context.Context, name string, options any,
	body func(cancel C.uint64_t, name, options *C.char, result **C.char) *C.char) (*Sandbox, error) {
	var encoded cText
	if err := encoded.setOptions(options); err != nil {
		return nil, err
	}
	defer encoded.free()
	var text *C.char
	err := onName(ctx, name, func(cancel C.uint64_t, name *C.char) *C.char {
		return body(cancel, name, encoded.pointer, &text)
	})
	if err != nil {
		return nil, err
	}
	var parsed connection
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	return parsed.sandbox(), nil
}

// connection is what the library says of one that it has made.
type connection struct {
	Handle  uint64
	Name    string
	Notices []string
}

func (c connection) sandbox() *Sandbox {
	return &Sandbox{named{c.Name, C.uint64_t(c.Handle)}, c.Notices}
}

// Notices is what people should know about how the sandbox runs: what isolates it, or what is not as it was
// asked for.
func (s *Sandbox) Notices() []string { return s.notices }

type sandboxInfo struct {
	OwnsLifecycle bool `json:"owns_lifecycle"`
	Config        json.RawMessage
}

func (s *Sandbox) info(ctx context.Context) (info sandboxInfo, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_sandbox_info(s.handle, &text) }); err == nil {
		err = decode(takeText(text), &info)
	}
	return info, err
}

// OwnsLifecycle tells whether the sandbox stops when this is closed.
func (s *Sandbox) OwnsLifecycle(ctx context.Context) (bool, error) {
	info, err := s.info(ctx)
	return info.OwnsLifecycle, err
}

// OwnsLifecycleOrFalse tells whether the sandbox stops when this is closed; false also if that is not known.
func (s *Sandbox) OwnsLifecycleOrFalse() bool {
	owns, err := s.OwnsLifecycle(context.Background())
	return err == nil && owns
}

// Config is how the sandbox was made.
func (s *Sandbox) Config(ctx context.Context) (*SandboxConfig, error) {
	info, err := s.info(ctx)
	if err != nil {
		return nil, err
	}
	return parseConfig(info.Config)
}

// Detach lets the sandbox go on without this process. The connection is closed.
func (s *Sandbox) Detach(ctx context.Context) error {
	if err := call(ctx, func() *C.char { return C.call_sandbox_detach(s.handle) }); err != nil {
		return err
	}
	return s.Close()
}

// Close closes the connection. A sandbox that it owns is stopped, and waited for. Afterwards calls on the
// connection, also a second Close, fail with [ErrInvalidHandle].
func (s *Sandbox) Close() error {
	return call(context.Background(), func() *C.char { return C.call_sandbox_close(0, s.handle) })
}
