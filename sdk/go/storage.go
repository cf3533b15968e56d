package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

// StorageItem is something that takes room on the host's disk.
type StorageItem struct {
	Name           string
	Path           string
	LogicalBytes   uint64   `json:"logical_bytes"`   // what reading all of it gives
	AllocatedBytes uint64   `json:"allocated_bytes"` // what it takes; 0 of images, whose bytes are those of layers
	InUse          bool     `json:"in_use"`          // by something that runs, or is kept
	Reclaimable    bool     // PruneStorage may remove it
	Reasons        []string // why it is in use: "sandbox 'web'"
}

// StorageUsage is what there is of a type.
type StorageUsage struct {
	Count            int
	InUse            int     `json:"in_use"`
	LogicalBytes     uint64  `json:"logical_bytes"`
	AllocatedBytes   *uint64 `json:"allocated_bytes"` // nil of images
	ReclaimableBytes uint64  `json:"reclaimable_bytes"`
	Items            []StorageItem
}

// StorageReport is what takes room on the host's disk.
type StorageReport struct {
	Images, Layers, Sandboxes, Snapshots, Volumes, Logs, Caches StorageUsage
}

// GetStorageUsage measures what takes room on the host's disk.
func GetStorageUsage(ctx context.Context) (*StorageReport, error) {
	var text *C.char
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char { return C.call_storage_usage(cancel, &text) })
	if err != nil {
		return nil, err
	}
	report := &StorageReport{}
	return report, decode(takeText(text), report)
}

// PruneOptions is what [PruneStorage] may remove.
type PruneOptions struct {
	// "images", "layers", "sandboxes", "snapshots", "volumes", "caches"; none: what can be had again, which is
	// images, layers and caches.
	Types     []string
	Labels    map[string]string // only what has all of these
	OlderThan time.Duration     // only what was made, or ran last, so long ago
	DryRun    bool              // nothing is removed
}

// PrunedItem is what became of something that [PruneStorage] may remove.
type PrunedItem struct {
	StorageItem
	Type  string
	State string // "removed", "reclaimable" (a dry run), "in_use" (by now) or "error"
	Error string
}

// PruneReport is what [PruneStorage] did.
type PruneReport struct {
	DryRun         bool `json:"dry_run"`
	Items          []PrunedItem
	Removed        int
	BytesReclaimed uint64 `json:"bytes_reclaimed"`
}

// PruneStorage removes what nothing needs. Whether that is so is asked again for each, right before it is removed.
func PruneStorage(ctx context.Context, options PruneOptions) (*PruneReport, error) {
	chosen := storagePruneOptions{Types: options.Types, Labels: options.Labels, DryRun: options.DryRun}
	if options.OlderThan > 0 {
		age := uint64(options.OlderThan.Milliseconds())
		chosen.OlderThanMs = &age
	}
	var encoded cText
	if err := encoded.setOptions(chosen); err != nil {
		return nil, err
	}
	defer encoded.free()
	var text *C.char
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char { return C.call_storage_prune(cancel, encoded.pointer, &text) })
	if err != nil {
		return nil, err
	}
	report := &PruneReport{}
	return report, decode(takeText(text), report)
}
