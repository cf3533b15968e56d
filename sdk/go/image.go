package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"time"
)

type imageFactory struct{}

// Image is the images that this MSB_HOME has: Image.List(ctx), Image.Pull(ctx, "debian:12").
var Image imageFactory

// ImageHandle is an image that this MSB_HOME has.
type ImageHandle struct {
	Reference    string    // its name: "docker.io/library/debian:12"
	Digest       string    // of its manifest: "sha256:..."
	Architecture string    // as OCI names it: "amd64"
	OS           string    // "linux"
	LayerCount   int       `json:"layer_count"`
	SizeBytes    int64     `json:"size_bytes"` // as it is transported, compressed
	CreatedAt    time.Time `json:"created_at"` // when it came into the cache
}

// Inspect is the image with what it says of its commands and what it consists of.
func (h *ImageHandle) Inspect(ctx context.Context) (*ImageDetail, error) {
	return Image.Inspect(ctx, h.Reference)
}

// Remove deletes the image. [ErrImageInUse] if a sandbox was made from it, unless [WithForce].
func (h *ImageHandle) Remove(ctx context.Context, options ...RemoveOption) error {
	return Image.Remove(ctx, h.Reference, options...)
}

// ImageConfig is what an image says of its commands.
type ImageConfig struct {
	Digest     string
	Env        []string
	Cmd        []string
	Entrypoint []string
	WorkingDir string `json:"working_dir"`
	User       string
	Labels     map[string]string
	StopSignal string `json:"stop_signal"`
}

// ImageLayer is a layer of an image.
type ImageLayer struct {
	DiffID              string `json:"diff_id"`
	BlobDigest          string `json:"blob_digest"`
	MediaType           string `json:"media_type"`
	CompressedSizeBytes int64  `json:"compressed_size_bytes"`
	ErofsSizeBytes      int64  `json:"erofs_size_bytes"`
	Position            int
}

// ImageDetail is an image with what it says and consists of.
type ImageDetail struct {
	ImageHandle
	Config ImageConfig
	Layers []ImageLayer
}

// List is all images in the cache, newest first.
func (imageFactory) List(ctx context.Context) (images []ImageHandle, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_image_list(&text) }); err == nil {
		err = decode(takeText(text), &images)
	}
	return images, err
}

// Inspect is an image with what it says of its commands and what it consists of. [ErrImageNotFound] if it is not here.
func (imageFactory) Inspect(ctx context.Context, reference string) (*ImageDetail, error) {
	var text *C.char
	err := onName(ctx, reference, func(_ C.uint64_t, reference *C.char) *C.char {
		return C.call_image_inspect(reference, &text)
	})
	if err != nil {
		return nil, err
	}
	detail := &ImageDetail{}
	return detail, decode(takeText(text), detail)
}

// Get is an image of the cache. [ErrImageNotFound] if it is not there.
func (i imageFactory) Get(ctx context.Context, reference string) (*ImageHandle, error) {
	detail, err := i.Inspect(ctx, reference)
	if err != nil {
		return nil, err
	}
	return &detail.ImageHandle, nil
}

// Pull fetches an image from its registry. Of the options it takes [WithPullPolicy],
// [WithRegistryInsecure] and [WithRegistryCACertsPath].
func (imageFactory) Pull(ctx context.Context, reference string, options ...SandboxOption) (*ImageHandle, error) {
	var chosen sandboxOptions
	for _, option := range options {
		option(&chosen)
	}
	image := &ImageHandle{}
	err := bring(ctx, reference, chosen, image, func(cancel C.uint64_t, name, options *C.char, result **C.char) *C.char {
		return C.call_image_pull(cancel, 0, name, options, result)
	})
	if err != nil {
		return nil, err
	}
	return image, nil
}

// Load takes images from a docker-archive or OCI-layout tar on the host; tags are more names of the first.
func (imageFactory) Load(ctx context.Context, path string, tags ...string) (images []ImageHandle, err error) {
	err = bring(ctx, path, loadOptions{Tags: tags}, &images, func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char {
		return C.call_image_load(cancel, 0, path, options, result)
	})
	return images, err
}

// bring makes a call with options that brings something here.
func bring(ctx context.Context, source string, options, into any,
	body func(cancel C.uint64_t, source, options *C.char, result **C.char) *C.char) error {
	var encoded cText
	if err := encoded.setOptions(options); err != nil {
		return err
	}
	defer encoded.free()
	var text *C.char
	err := onName(ctx, source, func(cancel C.uint64_t, source *C.char) *C.char {
		return body(cancel, source, encoded.pointer, &text)
	})
	if err != nil {
		return err
	}
	return decode(takeText(text), into)
}

// Remove deletes an image. [ErrImageInUse] if a sandbox was made from it, unless [WithForce].
func (imageFactory) Remove(ctx context.Context, reference string, options ...RemoveOption) error {
	return remove(ctx, reference, options, func(reference, options *C.char) *C.char {
		return C.call_image_remove(reference, options)
	})
}

// Prune deletes what neither a reference nor a sandbox needs, and returns how many bytes that were.
func (imageFactory) Prune(ctx context.Context) (int64, error) {
	var text *C.char
	if err := call(ctx, func() *C.char { return C.call_image_prune(&text) }); err != nil {
		return 0, err
	}
	var parsed struct {
		BytesReclaimed int64 `json:"bytes_reclaimed"`
	}
	err := decode(takeText(text), &parsed)
	return parsed.BytesReclaimed, err
}
