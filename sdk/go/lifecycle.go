package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

// named is what can be done with a sandbox that has a name, connected to it or not.
type named struct {
	name   string
	handle C.uint64_t // 0: not connected
}

// Name is the sandbox's name.
func (n *named) Name() string { return n.name }

// onName makes a cancellable call about a sandbox by name.
func onName(ctx context.Context, name string, body func(cancel C.uint64_t, name *C.char) *C.char) error {
	var text cText
	if err := text.set("name", name); err != nil {
		return err
	}
	defer text.free()
	return cancellable(ctx, func(cancel C.uint64_t) *C.char { return body(cancel, text.pointer) })
}

// StopOption changes how a sandbox is ended.
type StopOption func(*stopOptions)

type stopOptions struct{ timeoutMs int64 }

// WithStopTimeout sets the time that the guest has to end before it is killed; 0 kills at once.
// Without it: 10 s. Of a kill it is the time to see the end.
func WithStopTimeout(timeout time.Duration) StopOption {
	return func(o *stopOptions) { o.timeoutMs = milliseconds(timeout) }
}

func stopTimeout(options []StopOption) C.int64_t {
	chosen := stopOptions{timeoutMs: -1}
	for _, option := range options {
		option(&chosen)
	}
	return C.int64_t(chosen.timeoutMs)
}

// Stop asks the guest to end and waits for it; when its time is over it is killed. Stopping what is
// stopped succeeds.
func (n *named) Stop(ctx context.Context, options ...StopOption) error {
	return onName(ctx, n.name, func(cancel C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_stop(cancel, name, stopTimeout(options))
	})
}

// Kill ends the sandbox at once and waits for that, 5 s or [WithStopTimeout]; [ErrTimedOut] if it is not
// seen to end.
func (n *named) Kill(ctx context.Context, options ...StopOption) error {
	return onName(ctx, n.name, func(cancel C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_kill(cancel, name, stopTimeout(options))
	})
}

// Drain lets commands that run finish, refuses new ones, and waits until the sandbox is stopped.
func (n *named) Drain(ctx context.Context) error {
	return onName(ctx, n.name, func(cancel C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_drain(cancel, name)
	})
}

// RequestStop asks the guest to end, without waiting; when its time is over it is killed.
func (n *named) RequestStop(ctx context.Context, options ...StopOption) error {
	return onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_request_stop(name, stopTimeout(options))
	})
}

// RequestKill ends the sandbox at once, without waiting for that.
func (n *named) RequestKill(ctx context.Context) error {
	return onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_request_kill(name)
	})
}

// RequestDrain lets commands that run finish and refuses new ones, without waiting for the end.
func (n *named) RequestDrain(ctx context.Context) error {
	return onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_request_drain(name)
	})
}

// StopResult is how a sandbox ended.
type StopResult struct {
	Name       string
	Status     SandboxStatus // stopped or crashed
	ExitCode   *int          // of the sandbox's own command, if it had one
	Signal     *int          // that ended the sandbox's process; known if this process started it
	ObservedAt time.Time     // when the end was seen
	Source     string        // how it is known: "process" (its end was seen) or "state" (it is written down)
}

// WaitUntilStopped waits for the sandbox's end and never causes it.
func (n *named) WaitUntilStopped(ctx context.Context) (*StopResult, error) {
	var text *C.char
	err := onName(ctx, n.name, func(cancel C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_wait_until_stopped(cancel, n.handle, name, -1, &text)
	})
	if err != nil {
		return nil, err
	}
	var parsed struct {
		Name         string
		Status       SandboxStatus
		ExitCode     *int `json:"exit_code"`
		Signal       *int
		ObservedAtMs int64 `json:"observed_at_ms"`
		Source       string
	}
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	return &StopResult{parsed.Name, parsed.Status, parsed.ExitCode, parsed.Signal,
		time.UnixMilli(parsed.ObservedAtMs), parsed.Source}, nil
}

// Ping asks whether the agent answers, and returns how long that took. It does not count as activity.
func (n *named) Ping(ctx context.Context) (time.Duration, error) {
	var text *C.char
	err := onName(ctx, n.name, func(cancel C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_ping(cancel, name, &text)
	})
	if err != nil {
		return 0, err
	}
	var parsed struct {
		LatencyMs float64 `json:"latency_ms"`
	}
	err = decode(takeText(text), &parsed)
	return time.Duration(parsed.LatencyMs * float64(time.Millisecond)), err
}

// Touch starts the idle time anew, and returns the number of the activity.
func (n *named) Touch(ctx context.Context) (uint64, error) {
	var text *C.char
	err := onName(ctx, n.name, func(cancel C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_touch(cancel, name, &text)
	})
	if err != nil {
		return 0, err
	}
	var parsed struct {
		ActivitySeq uint64 `json:"activity_seq"`
	}
	err = decode(takeText(text), &parsed)
	return parsed.ActivitySeq, err
}

// RemoveOption changes how a sandbox is removed.
type RemoveOption func(*removeOptions)

// WithForce kills a sandbox that runs before it is removed, and removes an image though a sandbox was made
// from it, and a snapshot though another one came from it.
func WithForce() RemoveOption { return func(o *removeOptions) { o.Force = true } }

// Remove deletes the stopped sandbox and all it has kept. [ErrSandboxStillRunning] if it runs.
func (n *named) Remove(ctx context.Context, options ...RemoveOption) error {
	return RemoveSandbox(ctx, n.name, options...)
}

// RemoveSandbox deletes a stopped sandbox and all it has kept. [ErrSandboxNotFound] if there is none,
// [ErrSandboxStillRunning] if it runs.
func RemoveSandbox(ctx context.Context, name string, options ...RemoveOption) error {
	return remove(ctx, name, options, func(name, options *C.char) *C.char {
		return C.call_sandbox_remove(name, options)
	})
}

// remove makes a call that removes what has this name.
func remove(ctx context.Context, name string, options []RemoveOption, body func(name, options *C.char) *C.char) error {
	var chosen removeOptions
	for _, option := range options {
		option(&chosen)
	}
	var encoded cText
	if err := encoded.setOptions(chosen); err != nil {
		return err
	}
	defer encoded.free()
	return onName(ctx, name, func(_ C.uint64_t, name *C.char) *C.char { return body(name, encoded.pointer) })
}
