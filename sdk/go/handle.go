package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// SandboxStatus is what a sandbox is doing.
type SandboxStatus string

// What a sandbox is doing.
const (
	SandboxCreated  SandboxStatus = "created"  // it was made, and never started
	SandboxStarting SandboxStatus = "starting" // it boots
	SandboxRunning  SandboxStatus = "running"  // it takes commands
	SandboxDraining SandboxStatus = "draining" // its commands may finish, new ones are refused
	SandboxStopped  SandboxStatus = "stopped"  // it ended as it was asked to, or by itself
	SandboxCrashed  SandboxStatus = "crashed"  // it ended otherwise
)

// SandboxHandle is a sandbox that is known by name, running or not, as it was when it was looked up.
type SandboxHandle struct {
	named
	view sandboxView
}

type sandboxView struct {
	Name        string
	Status      SandboxStatus
	Reason      string
	Detail      string
	ExitCode    *int `json:"exit_code"`
	Engine      string
	Isolation   string
	Image       string
	Ports       []PortBinding
	CreatedAtMs int64  `json:"created_at_ms"`
	StartedAtMs *int64 `json:"started_at_ms"`
	StoppedAtMs *int64 `json:"stopped_at_ms"`
	UpdatedAtMs *int64 `json:"updated_at_ms"`
	Config      json.RawMessage
}

// GetSandbox looks a sandbox up by its name. [ErrSandboxNotFound] if there is none.
func GetSandbox(ctx context.Context, name string) (*SandboxHandle, error) {
	handle := &SandboxHandle{named: named{name: name}}
	if err := handle.Refresh(ctx); err != nil {
		return nil, err
	}
	return handle, nil
}

// Refresh looks the sandbox up again. [ErrSandboxNotFound] if it is gone.
func (h *SandboxHandle) Refresh(ctx context.Context) error {
	var text *C.char
	err := onName(ctx, h.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_get(name, &text)
	})
	if err != nil {
		return err
	}
	var view sandboxView
	if err := decode(takeText(text), &view); err != nil {
		return err
	}
	h.view = view
	return nil
}

// Status is what the sandbox was doing.
func (h *SandboxHandle) Status() SandboxStatus { return h.view.Status }

// StatusReason is why, if there is more to say: a word, and text for people.
func (h *SandboxHandle) StatusReason() (reason, detail string) { return h.view.Reason, h.view.Detail }

// ExitCode is what the guest ended with; nil if that is not known.
func (h *SandboxHandle) ExitCode() *int { return h.view.ExitCode }

// Engine is what runs the guest; "" if it never ran.
func (h *SandboxHandle) Engine() string { return h.view.Engine }

// Isolation is what stands between guest and host; "" if it never ran.
func (h *SandboxHandle) Isolation() string { return h.view.Isolation }

// Ports is the published ports, with those of the host as they are while it runs.
func (h *SandboxHandle) Ports() []PortBinding { return h.view.Ports }

// Image is the image's reference.
func (h *SandboxHandle) Image() string { return h.view.Image }

// CreatedAt is when the sandbox was made.
func (h *SandboxHandle) CreatedAt() time.Time { return time.UnixMilli(h.view.CreatedAtMs) }

// StartedAt is when it was started last; zero if never.
func (h *SandboxHandle) StartedAt() time.Time { return timeOrZero(h.view.StartedAtMs) }

// StoppedAt is when it stopped; zero if it did not.
func (h *SandboxHandle) StoppedAt() time.Time { return timeOrZero(h.view.StoppedAtMs) }

// UpdatedAt is when its status changed last.
func (h *SandboxHandle) UpdatedAt() time.Time { return timeOrZero(h.view.UpdatedAtMs) }

// Config is how the sandbox was made.
func (h *SandboxHandle) Config() (*SandboxConfig, error) { return parseConfig(h.view.Config) }

// ConfigJSON is how the sandbox was made, as JSON that the library wrote.
func (h *SandboxHandle) ConfigJSON() json.RawMessage { return h.view.Config }

// ConnectOption changes [SandboxHandle.Connect].
type ConnectOption func(*connectOptions)

type connectOptions struct{ timeoutMs int64 }

// WithConnectTimeout sets how long a sandbox that is coming up is waited for. Without it: 10 s.
func WithConnectTimeout(timeout time.Duration) ConnectOption {
	return func(o *connectOptions) { o.timeoutMs = milliseconds(timeout) }
}

// Connect connects to the sandbox if it runs, without owning its life. [ErrSandboxNotRunning] if it does not.
func (h *SandboxHandle) Connect(ctx context.Context, options ...ConnectOption) (*Sandbox, error) {
	chosen := connectOptions{timeoutMs: -1}
	for _, option := range options {
		option(&chosen)
	}
	return connected(ctx, h.name, nil, func(cancel C.uint64_t, name, _ *C.char, result **C.char) *C.char {
		return C.call_sandbox_connect(cancel, name, C.int64_t(chosen.timeoutMs), result)
	})
}

// Start starts the stopped sandbox; it stops when what this gives is closed. As [StartSandbox].
func (h *SandboxHandle) Start(ctx context.Context) (*Sandbox, error) {
	return StartSandbox(ctx, h.name)
}

// StartDetached starts the stopped sandbox, which goes on without handle and process. As
// [StartSandboxDetached].
func (h *SandboxHandle) StartDetached(ctx context.Context) (*Sandbox, error) {
	return StartSandboxDetached(ctx, h.name)
}

// SandboxPage is a part of the list of sandboxes, newest first.
type SandboxPage struct {
	Sandboxes  []*SandboxHandle
	NextCursor string   // of the next page; "" if there is none
	Damaged    []string // what is wrong with sandboxes that cannot be read
}

// ListOption chooses sandboxes.
type ListOption func(*listOptions)

// WithListLabels takes sandboxes that have all these labels.
func WithListLabels(labels map[string]string) ListOption {
	return func(o *listOptions) { merge(&o.Labels, labels) }
}

// WithListLimit sets the size of a page, 1 to 100.
func WithListLimit(limit uint) ListOption {
	return func(o *listOptions) {
		size := uint64(limit)
		o.Limit = &size
	}
}

// WithListCursor goes on behind a page: its NextCursor.
func WithListCursor(cursor string) ListOption {
	return func(o *listOptions) {
		if cursor != "" {
			o.Cursor = &cursor
		}
	}
}

// ListSandboxes lists all sandboxes, newest first.
func ListSandboxes(ctx context.Context) (*SandboxPage, error) { return ListSandboxesWith(ctx) }

// ListSandboxesWith lists the sandboxes that the options choose.
func ListSandboxesWith(ctx context.Context, options ...ListOption) (*SandboxPage, error) {
	var chosen listOptions
	for _, option := range options {
		option(&chosen)
	}
	var encoded cText
	if err := encoded.setOptions(chosen); err != nil {
		return nil, err
	}
	defer encoded.free()
	var text *C.char
	if err := call(ctx, func() *C.char { return C.call_sandbox_list(encoded.pointer, &text) }); err != nil {
		return nil, err
	}
	var parsed struct {
		Sandboxes  []sandboxView
		NextCursor string `json:"next_cursor"`
		Damaged    []string
	}
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	page := &SandboxPage{NextCursor: parsed.NextCursor, Damaged: parsed.Damaged}
	for _, view := range parsed.Sandboxes {
		page.Sandboxes = append(page.Sandboxes, &SandboxHandle{named{name: view.Name}, view})
	}
	return page, nil
}

func timeOrZero(ms *int64) time.Time {
	if ms == nil {
		return time.Time{}
	}
	return time.UnixMilli(*ms)
}
