package microsandbox

// #include "native.h"
import "C"

import "context"

// VolumeFS is the files of a directory volume, without a sandbox: [Volume.FS]. Paths are from the volume's root, and
// links that sandboxes have made lead within it. Errors of all: [ErrVolumeNotFound], [ErrPathNotFound], [ErrFilesystem];
// [ErrUnsupported] of a disk.
type VolumeFS struct{ name string }

// FS is the volume's files.
func (v *Volume) FS() *VolumeFS { return &VolumeFS{v.Name} }

// onPath is a call about one path, or about two.
func (f *VolumeFS) onPath(ctx context.Context, from, to string, body func(name, from, to *C.char) *C.char) error {
	var first, second cText
	defer func() { first.free(); second.free() }()
	if err := first.set("path", from); err != nil {
		return err
	}
	if err := second.set("path", to); err != nil {
		return err
	}
	return onName(ctx, f.name, func(_ C.uint64_t, name *C.char) *C.char {
		return body(name, first.pointer, second.pointer)
	})
}

// asking is a call about one path whose answer is JSON.
func (f *VolumeFS) asking(ctx context.Context, path string, into any,
	body func(name, path *C.char, result **C.char) *C.char) error {
	var text *C.char
	err := f.onPath(ctx, path, "", func(name, path, _ *C.char) *C.char { return body(name, path, &text) })
	if err != nil {
		return err
	}
	return decode(takeText(text), into)
}

// Read is the content of a file, up to 256 MiB. [ErrLimitExceeded] if it has more.
func (f *VolumeFS) Read(ctx context.Context, path string) ([]byte, error) {
	var data *C.uint8_t
	var size C.size_t
	err := f.onPath(ctx, path, "", func(name, path, _ *C.char) *C.char {
		return C.call_volume_fs_read(name, path, &data, &size)
	})
	if err != nil {
		return nil, err
	}
	return takeBytes(data, size), nil
}

// ReadString is the content of a file, as text that may be no UTF-8.
func (f *VolumeFS) ReadString(ctx context.Context, path string) (string, error) {
	data, err := f.Read(ctx, path)
	return string(data), err
}

// Write makes or replaces a file, with the directories that are missing; who opens it sees the old or the new content.
func (f *VolumeFS) Write(ctx context.Context, path string, data []byte) error {
	return f.onPath(ctx, path, "", func(name, path, _ *C.char) *C.char {
		return C.call_volume_fs_write(name, path, bytesPointer(data), C.size_t(len(data)))
	})
}

// WriteString is Write of a text.
func (f *VolumeFS) WriteString(ctx context.Context, path, text string) error {
	return f.Write(ctx, path, []byte(text))
}

// Stat is what a path leads to; of a symbolic link the link itself.
func (f *VolumeFS) Stat(ctx context.Context, path string) (*FSEntry, error) {
	var found fsEntry
	err := f.asking(ctx, path, &found, func(name, path *C.char, result **C.char) *C.char {
		return C.call_volume_fs_stat(name, path, result)
	})
	if err != nil {
		return nil, err
	}
	entry := found.entry()
	return &entry, nil
}

// Exists tells whether there is something at a path.
func (f *VolumeFS) Exists(ctx context.Context, path string) (bool, error) {
	_, err := f.Stat(ctx, path)
	if IsKind(err, ErrPathNotFound) {
		return false, nil
	}
	return err == nil, err
}

// List is what a directory has in it, one level, by name.
func (f *VolumeFS) List(ctx context.Context, path string) ([]FSEntry, error) {
	var found []fsEntry
	err := f.asking(ctx, path, &found, func(name, path *C.char, result **C.char) *C.char {
		return C.call_volume_fs_list(name, path, result)
	})
	if err != nil {
		return nil, err
	}
	entries := make([]FSEntry, len(found))
	for i := range found {
		entries[i] = found[i].entry()
	}
	return entries, nil
}

// Mkdir makes a directory, with the parents that are missing.
func (f *VolumeFS) Mkdir(ctx context.Context, path string) error {
	return f.onPath(ctx, path, "", func(name, path, _ *C.char) *C.char { return C.call_volume_fs_mkdir(name, path) })
}

// Remove removes a file, or a directory that is empty.
func (f *VolumeFS) Remove(ctx context.Context, path string) error { return f.remove(ctx, path, false) }

// RemoveAll removes a file, or a directory with what is in it, but not the volume's root.
func (f *VolumeFS) RemoveAll(ctx context.Context, path string) error {
	return f.remove(ctx, path, true)
}

func (f *VolumeFS) remove(ctx context.Context, path string, recursive bool) error {
	var options cText
	if err := options.setOptions(volumeRemoveOptions{Recursive: &recursive}); err != nil {
		return err
	}
	defer options.free()
	return f.onPath(ctx, path, "", func(name, path, _ *C.char) *C.char {
		return C.call_volume_fs_remove(name, path, options.pointer)
	})
}

// Copy copies a single file within the volume.
func (f *VolumeFS) Copy(ctx context.Context, from, to string) error {
	return f.onPath(ctx, from, to, func(name, from, to *C.char) *C.char { return C.call_volume_fs_copy(name, from, to) })
}

// Rename gives a file or directory another path.
func (f *VolumeFS) Rename(ctx context.Context, from, to string) error {
	return f.onPath(ctx, from, to, func(name, from, to *C.char) *C.char { return C.call_volume_fs_rename(name, from, to) })
}
