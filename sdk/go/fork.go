package microsandbox

// #include "native.h"
import "C"

import "context"

// ForkOption changes how sandboxes are forked.
type ForkOption func(*forkRequest)

type forkRequest struct {
	options  forkOptions
	progress CopyProgress
}

// WithForkDetached lets the new sandboxes go on without handles and process.
func WithForkDetached() ForkOption { return func(r *forkRequest) { r.options.Detached = true } }

// WithForkCopyWhileFrozen keeps a source that runs from writing to its disk for as long as copying takes, where
// that is more than a moment.
func WithForkCopyWhileFrozen() ForkOption {
	return func(r *forkRequest) { r.options.CopyWhileFrozen = true }
}

// WithForkProgress tells how far the copying of the disk is.
func WithForkProgress(progress CopyProgress) ForkOption {
	return func(r *forkRequest) { r.progress = progress }
}

// Fork makes and starts a sandbox that begins with the disk of this one as it is at one moment. It is like this
// one but for the ports that this one publishes. [ErrSandboxAlreadyExists], [ErrSandboxStillRunning] if this one
// runs and copying its disk takes more than a moment, [ErrBootStart].
func (n *named) Fork(ctx context.Context, name string, options ...ForkOption) (*Sandbox, error) {
	made, err := n.ForkMany(ctx, []string{name}, options...)
	if err != nil {
		return nil, err
	}
	return made[0], nil
}

// ForkMany is [Sandbox.Fork] for several sandboxes that begin with the disk of one moment: all of them or none.
func (n *named) ForkMany(ctx context.Context, names []string, options ...ForkOption) ([]*Sandbox, error) {
	request := forkRequest{options: forkOptions{Names: names}}
	for _, option := range options {
		option(&request)
	}
	var given []connection
	err := reporting(request.progress, func(progress C.uint64_t) error {
		return bring(ctx, n.name, request.options, &given, func(cancel C.uint64_t, source, options *C.char, result **C.char) *C.char {
			return C.call_sandbox_fork(cancel, progress, source, options, result)
		})
	})
	if err != nil {
		return nil, err
	}
	made := make([]*Sandbox, 0, len(given))
	for _, one := range given {
		made = append(made, one.sandbox())
	}
	return made, nil
}

// DiskChange is a path that differs between two disks.
type DiskChange struct {
	Path       string
	Change     string  // "added", "changed" or "removed"
	Type       string  // "file", "directory", "link" or "other"
	SizeBefore *uint64 `json:"size_before"` // of files, where it is known
	SizeAfter  *uint64 `json:"size_after"`
}

// Diff is what the sandbox, which must not run, has changed: against the snapshot that it began with, or else its
// image. [ErrSandboxStillRunning].
func (n *named) Diff(ctx context.Context) (changes []DiskChange, err error) {
	err = askAbout(ctx, n.name, &changes, func(cancel C.uint64_t, name *C.char, result **C.char) *C.char {
		return C.call_sandbox_diff(cancel, name, result)
	})
	return changes, err
}

// Diff is what differs between the disks of two snapshots.
func (snapshotFactory) Diff(ctx context.Context, before, after string) (changes []DiskChange, err error) {
	var other cText
	if err := other.set("after", after); err != nil {
		return nil, err
	}
	defer other.free()
	err = askAbout(ctx, before, &changes, func(cancel C.uint64_t, before *C.char, result **C.char) *C.char {
		return C.call_snapshot_diff(cancel, before, other.pointer, result)
	})
	return changes, err
}
