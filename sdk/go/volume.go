package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

// Volume is storage that outlives sandboxes, as it was when it was looked up. [Mount.Named] mounts it.
type Volume struct {
	Name          string
	Kind          string  // "directory" or "disk"
	Path          string  // its directory on the host
	QuotaMiB      *uint64 `json:"quota_mib"` // by how much guests may make the files of a directory grow
	UsedBytes     uint64  `json:"used_bytes"`
	CapacityBytes uint64  `json:"capacity_bytes"` // of a disk
	DiskFormat    string  `json:"disk_format"`    // of a disk: "raw"
	DiskFSType    string  `json:"disk_fstype"`    // of a disk: "ext4"
	DiskPath      string  `json:"disk_path"`      // of a disk: its file
	Labels        map[string]string
	CreatedAt     time.Time `json:"created_at"`
}

// VolumeOption says what a new volume is like.
type VolumeOption func(*volumeOptions)

// WithVolumeKind chooses what it is made of; default: [VolumeDirectory].
func WithVolumeKind(kind VolumeKind) VolumeOption {
	return func(o *volumeOptions) { o.Kind = (*string)(&kind) }
}

// WithVolumeSize sets the size of a disk, in MiB.
func WithVolumeSize(mib uint64) VolumeOption { return func(o *volumeOptions) { o.SizeMib = &mib } }

// WithVolumeQuota bounds by how many MiB guests may make the files of a directory grow.
func WithVolumeQuota(mib uint64) VolumeOption { return func(o *volumeOptions) { o.QuotaMib = &mib } }

// WithVolumeLabels adds labels.
func WithVolumeLabels(labels map[string]string) VolumeOption {
	return func(o *volumeOptions) { merge(&o.Labels, labels) }
}

// CreateVolume makes a volume. [ErrVolumeAlreadyExists].
func CreateVolume(ctx context.Context, name string, options ...VolumeOption) (*Volume, error) {
	return volumeFrom(ctx, name, options, func(_ C.uint64_t, name, options *C.char, result **C.char) *C.char {
		return C.call_volume_create(name, options, result)
	})
}

// GetVolume is a volume. [ErrVolumeNotFound].
func GetVolume(ctx context.Context, name string) (*Volume, error) {
	volume := &Volume{}
	if err := askAbout(ctx, name, volume, func(_ C.uint64_t, name *C.char, result **C.char) *C.char {
		return C.call_volume_get(name, result)
	}); err != nil {
		return nil, err
	}
	return volume, nil
}

// ListVolumes is all volumes, newest first.
func ListVolumes(ctx context.Context) (volumes []Volume, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_volume_list(&text) }); err == nil {
		err = decode(takeText(text), &volumes)
	}
	return volumes, err
}

// RemoveVolume removes a volume with what is in it. [ErrVolumeNotFound], [ErrVolumeInUse].
func RemoveVolume(ctx context.Context, name string) error {
	return onName(ctx, name, func(_ C.uint64_t, name *C.char) *C.char { return C.call_volume_remove(name) })
}

// CloneVolume makes a volume with what is in another one, which no sandbox may have mounted; only
// [WithVolumeLabels] is an option. [ErrVolumeNotFound], [ErrVolumeAlreadyExists], [ErrVolumeInUse].
func CloneVolume(ctx context.Context, name, to string, options ...VolumeOption) (*Volume, error) {
	var target cText
	if err := target.set("to", to); err != nil {
		return nil, err
	}
	defer target.free()
	return volumeFrom(ctx, name, options, func(cancel C.uint64_t, name, options *C.char, result **C.char) *C.char {
		return C.call_volume_clone(cancel, name, target.pointer, options, result)
	})
}

// volumeFrom makes a call that makes a volume.
func volumeFrom(ctx context.Context, name string, options []VolumeOption,
	body func(cancel C.uint64_t, name, options *C.char, result **C.char) *C.char) (*Volume, error) {
	var chosen volumeOptions
	for _, option := range options {
		option(&chosen)
	}
	volume := &Volume{}
	if err := bring(ctx, name, chosen, volume, body); err != nil {
		return nil, err
	}
	return volume, nil
}

// PrunedVolume is a volume that PruneVolumes has removed.
type PrunedVolume struct {
	Name      string
	UsedBytes uint64 `json:"used_bytes"`
}

// PruneVolumes removes the volumes that no sandbox mounts, not even one that is stopped, and that have all of the
// labels; or only tells which (dryRun).
func PruneVolumes(ctx context.Context, labels map[string]string, dryRun bool) (pruned []PrunedVolume, err error) {
	var options cText
	if err = options.setOptions(pruneOptions{Labels: labels, DryRun: dryRun}); err != nil {
		return nil, err
	}
	defer options.free()
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_volume_prune(options.pointer, &text) }); err == nil {
		err = decode(takeText(text), &pruned)
	}
	return pruned, err
}

// Remove removes the volume with what is in it. [ErrVolumeInUse].
func (v *Volume) Remove(ctx context.Context) error { return RemoveVolume(ctx, v.Name) }
