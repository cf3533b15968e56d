package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

type snapshotFactory struct{}

// Snapshot is the disks of sandboxes that were kept: Snapshot.Create(ctx, "work", "deps"). Where one of them is
// named, a name, a path or a digest will do.
var Snapshot snapshotFactory

// SnapshotHandle is a snapshot as it was when it was looked up.
type SnapshotHandle struct {
	Digest       string    // "sha256:..." of its descriptor, by which it is known
	Name         string    // the last part of its path
	ParentDigest string    `json:"parent_digest"` // of the snapshot that it came from; "" if there is none
	Scope        string    // "disk"
	StateKind    string    `json:"state_kind"` // "file"
	ImageRef     string    `json:"image_ref"`  // the image that it was made with
	Format       string    // of the disk: "raw"
	FSType       string    // on the disk: "ext4"
	SizeBytes    uint64    `json:"size_bytes"` // of the disk, holes included
	CreatedAt    time.Time `json:"created_at"`
	Path         string    `json:"artifact_path"`
}

// SnapshotIntegrity is a hash of a snapshot's disk.
type SnapshotIntegrity struct {
	Algorithm   string
	Root        string
	LogicalSize uint64 `json:"logical_size"`
	LeafSize    uint64 `json:"leaf_size"`
}

// SnapshotDetail is a snapshot with all that its descriptor says.
type SnapshotDetail struct {
	SnapshotHandle
	ImageManifestDigest string             `json:"image_manifest_digest"`
	UpperFile           string             `json:"upper_file"`
	Integrity           *SnapshotIntegrity // nil if none was recorded
	SourceSandbox       string             `json:"source_sandbox"`
	Labels              map[string]string
}

// SnapshotVerification is what Snapshot.Verify found.
type SnapshotVerification struct {
	Digest string
	Path   string
	Upper  struct {
		Kind      string // "verified", or "not_recorded"
		Algorithm string
		Digest    string
	}
}

// SnapshotOption changes how a snapshot is made or taken in.
type SnapshotOption func(*snapshotRequest)

type snapshotRequest struct {
	options  snapshotOptions
	progress CopyProgress
}

// WithSnapshotDir chooses the directory that the snapshot is to be in.
func WithSnapshotDir(directory string) SnapshotOption {
	return func(r *snapshotRequest) { r.options.DestDir = &directory }
}

// WithSnapshotLabels adds labels to a snapshot that is made.
func WithSnapshotLabels(labels map[string]string) SnapshotOption {
	return func(r *snapshotRequest) { merge(&r.options.Labels, labels) }
}

// WithSnapshotForce replaces a snapshot that is there.
func WithSnapshotForce() SnapshotOption { return func(r *snapshotRequest) { r.options.Force = true } }

// WithSnapshotIntegrity records a hash of the disk, for Snapshot.Verify.
func WithSnapshotIntegrity() SnapshotOption {
	return func(r *snapshotRequest) { r.options.Integrity = true }
}

// WithSnapshotCopyWhileFrozen keeps a sandbox that runs from writing to its disk for as long as copying takes, where
// that is more than a moment.
func WithSnapshotCopyWhileFrozen() SnapshotOption {
	return func(r *snapshotRequest) { r.options.CopyWhileFrozen = true }
}

// WithSnapshotProgress tells how far the copying of the disk, or the reading of the file, is.
func WithSnapshotProgress(progress CopyProgress) SnapshotOption {
	return func(r *snapshotRequest) { r.progress = progress }
}

// WithSnapshotName gives a snapshot that is taken in another name.
func WithSnapshotName(name string) SnapshotOption {
	return func(r *snapshotRequest) { r.options.Name = &name }
}

// ExportOption changes what Snapshot.Export writes.
type ExportOption func(*exportRequest)

type exportRequest struct {
	options  exportOptions
	progress CopyProgress
}

// WithExportProgress tells how far the writing is.
func WithExportProgress(progress CopyProgress) ExportOption {
	return func(r *exportRequest) { r.progress = progress }
}

// WithExportSince only writes what differs from the disk of another snapshot.
func WithExportSince(snapshot string) ExportOption {
	return func(r *exportRequest) { r.options.Since = &snapshot }
}

// WithExportParents also writes all snapshots that it came from.
func WithExportParents() ExportOption { return func(r *exportRequest) { r.options.WithParents = true } }

// WithExportImage also writes the image.
func WithExportImage() ExportOption { return func(r *exportRequest) { r.options.WithImage = true } }

// WithExportPlainTar does not compress.
func WithExportPlainTar() ExportOption { return func(r *exportRequest) { r.options.PlainTar = true } }

// WithExportForce replaces a file that is there.
func WithExportForce() ExportOption { return func(r *exportRequest) { r.options.Force = true } }

// Create snapshots a sandbox; name may be a path. One that runs is frozen meanwhile: [ErrSnapshotSandboxRunning] if
// that would take more than a moment. [ErrSnapshotAlreadyExists].
func (snapshotFactory) Create(ctx context.Context, sandbox, name string, options ...SnapshotOption) (*SnapshotDetail, error) {
	var target cText
	if err := target.set("name", name); err != nil {
		return nil, err
	}
	defer target.free()
	return snapshotFrom(ctx, sandbox, options, func(cancel, progress C.uint64_t, sandbox, options *C.char, result **C.char) *C.char {
		return C.call_snapshot_create(cancel, progress, sandbox, target.pointer, options, result)
	})
}

// Import takes in a file that Export wrote. [ErrSnapshotAlreadyExists].
func (snapshotFactory) Import(ctx context.Context, file string, options ...SnapshotOption) (*SnapshotDetail, error) {
	return snapshotFrom(ctx, file, options, func(cancel, progress C.uint64_t, file, options *C.char, result **C.char) *C.char {
		return C.call_snapshot_import(cancel, progress, file, options, result)
	})
}

// snapshotFrom makes a call that makes a snapshot.
func snapshotFrom(ctx context.Context, source string, options []SnapshotOption,
	body func(cancel, progress C.uint64_t, source, options *C.char, result **C.char) *C.char) (*SnapshotDetail, error) {
	var chosen snapshotRequest
	for _, option := range options {
		option(&chosen)
	}
	detail := &SnapshotDetail{}
	err := reporting(chosen.progress, func(progress C.uint64_t) error {
		return bring(ctx, source, chosen.options, detail, func(cancel C.uint64_t, source, options *C.char, result **C.char) *C.char {
			return body(cancel, progress, source, options, result)
		})
	})
	if err != nil {
		return nil, err
	}
	return detail, nil
}

// Open is a snapshot with all that its descriptor says. Of its disk it only looks at the size. [ErrSnapshotNotFound].
func (snapshotFactory) Open(ctx context.Context, snapshot string) (*SnapshotDetail, error) {
	detail := &SnapshotDetail{}
	if err := askAbout(ctx, snapshot, detail, func(_ C.uint64_t, snapshot *C.char, result **C.char) *C.char {
		return C.call_snapshot_open(snapshot, result)
	}); err != nil {
		return nil, err
	}
	return detail, nil
}

// Get is a snapshot. [ErrSnapshotNotFound].
func (s snapshotFactory) Get(ctx context.Context, snapshot string) (*SnapshotHandle, error) {
	detail, err := s.Open(ctx, snapshot)
	if err != nil {
		return nil, err
	}
	return &detail.SnapshotHandle, nil
}

// List is all snapshots that are known here, newest first.
func (snapshotFactory) List(ctx context.Context) (snapshots []SnapshotHandle, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_snapshot_list(&text) }); err == nil {
		err = decode(takeText(text), &snapshots)
	}
	return snapshots, err
}

// ListDir is the snapshots in a directory, whatever is known of it.
func (snapshotFactory) ListDir(ctx context.Context, directory string) (snapshots []SnapshotHandle, err error) {
	err = askAbout(ctx, directory, &snapshots, func(_ C.uint64_t, directory *C.char, result **C.char) *C.char {
		return C.call_snapshot_list_dir(directory, result)
	})
	return snapshots, err
}

// Verify compares the disk with the hash that was recorded. [ErrSnapshotIntegrity] if it is another one.
func (snapshotFactory) Verify(ctx context.Context, snapshot string) (*SnapshotVerification, error) {
	report := &SnapshotVerification{}
	if err := askAbout(ctx, snapshot, report, func(cancel C.uint64_t, snapshot *C.char, result **C.char) *C.char {
		return C.call_snapshot_verify(cancel, snapshot, result)
	}); err != nil {
		return nil, err
	}
	return report, nil
}

// Remove removes a snapshot. [ErrSnapshotInUse] if another one came from it, unless [WithForce].
func (snapshotFactory) Remove(ctx context.Context, snapshot string, options ...RemoveOption) error {
	return remove(ctx, snapshot, options, func(snapshot, options *C.char) *C.char {
		return C.call_snapshot_remove(snapshot, options)
	})
}

// Reindex looks again which snapshots a directory has ("": the one of this MSB_HOME), and returns their number.
func (snapshotFactory) Reindex(ctx context.Context, directory string) (int, error) {
	var parsed struct{ Indexed int }
	err := askAbout(ctx, directory, &parsed, func(_ C.uint64_t, directory *C.char, result **C.char) *C.char {
		return C.call_snapshot_reindex(directory, result)
	})
	return parsed.Indexed, err
}

// Export writes a snapshot into one file, and returns its path.
func (snapshotFactory) Export(ctx context.Context, snapshot, file string, options ...ExportOption) (string, error) {
	var chosen exportRequest
	for _, option := range options {
		option(&chosen)
	}
	var target cText
	if err := target.set("file", file); err != nil {
		return "", err
	}
	defer target.free()
	var parsed struct{ Path string }
	err := reporting(chosen.progress, func(progress C.uint64_t) error {
		return bring(ctx, snapshot, chosen.options, &parsed, func(cancel C.uint64_t, snapshot, options *C.char, result **C.char) *C.char {
			return C.call_snapshot_export(cancel, progress, snapshot, target.pointer, options, result)
		})
	})
	return parsed.Path, err
}

// askAbout makes a call about what has this name, and reads the answer.
func askAbout(ctx context.Context, name string, into any, body func(cancel C.uint64_t, name *C.char, result **C.char) *C.char) error {
	var text *C.char
	err := onName(ctx, name, func(cancel C.uint64_t, name *C.char) *C.char { return body(cancel, name, &text) })
	if err != nil {
		return err
	}
	return decode(takeText(text), into)
}

// Open is the snapshot with all that its descriptor says.
func (h *SnapshotHandle) Open(ctx context.Context) (*SnapshotDetail, error) {
	return Snapshot.Open(ctx, h.Path)
}

// Verify compares the disk with the hash that was recorded.
func (h *SnapshotHandle) Verify(ctx context.Context) (*SnapshotVerification, error) {
	return Snapshot.Verify(ctx, h.Path)
}

// Remove removes the snapshot. [ErrSnapshotInUse] if another one came from it, unless [WithForce].
func (h *SnapshotHandle) Remove(ctx context.Context, options ...RemoveOption) error {
	return Snapshot.Remove(ctx, h.Path, options...)
}

// Snapshot snapshots the sandbox under a name or a path.
func (n *named) Snapshot(ctx context.Context, name string, options ...SnapshotOption) (*SnapshotDetail, error) {
	return Snapshot.Create(ctx, n.name, name, options...)
}

// WithFromSnapshot begins with the disk of a snapshot, and with its image, in place of [WithImage].
func WithFromSnapshot(snapshot string) SandboxOption {
	return func(o *sandboxOptions) { o.FromSnapshot = &snapshot }
}
