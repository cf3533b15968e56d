package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"io"
	"io/fs"
	"time"
)

// SandboxFSOps is the files of a sandbox that runs, by absolute path: [Sandbox.FS].
type SandboxFSOps struct {
	sandbox C.uint64_t
	user    string
}

// FS is the files of the guest, as its root sees them.
func (s *Sandbox) FS() *SandboxFSOps { return &SandboxFSOps{sandbox: s.handle} }

// As is the files of the guest with another user acting: a name or number, with ":group" or not.
func (f *SandboxFSOps) As(user string) *SandboxFSOps { return &SandboxFSOps{f.sandbox, user} }

// FSEntryKind is what a path leads to.
type FSEntryKind string

// What a path leads to.
const (
	FSFile    FSEntryKind = "file"
	FSDir     FSEntryKind = "dir"
	FSSymlink FSEntryKind = "symlink"
	FSOther   FSEntryKind = "other"
)

// FSEntry is a file, a directory, or whatever else a path leads to.
type FSEntry struct {
	Path     string      // absolute
	Kind     FSEntryKind // what it is
	Size     int64       // in bytes
	Mode     fs.FileMode // permissions only
	UID, GID uint32      // owner and group
	Accessed time.Time   // zero if that is not known
	ModTime  time.Time   // zero if that is not known
}

// IsDir tells whether it is a directory.
func (e *FSEntry) IsDir() bool { return e.Kind == FSDir }

type fsEntry struct {
	Path       string
	Kind       FSEntryKind
	Size       int64
	Mode       uint32
	UID, GID   uint32
	AccessedMs *int64 `json:"accessed_ms"`
	ModifiedMs *int64 `json:"modified_ms"`
}

func (e *fsEntry) entry() FSEntry {
	return FSEntry{e.Path, e.Kind, e.Size, fs.FileMode(e.Mode).Perm(), e.UID, e.GID,
		timeOrZero(e.AccessedMs), timeOrZero(e.ModifiedMs)}
}

// FSOption changes an operation on files.
type FSOption func(*fsOptions)

// WithFSMode sets the permissions of what is made by Write, WriteStream and Mkdir.
func WithFSMode(mode fs.FileMode) FSOption {
	return func(o *fsOptions) {
		bits := uint(mode.Perm())
		o.Mode = &bits
	}
}

// WithFSNoFollow lets [SandboxFSOps.Stat] tell of a symbolic link itself, not of what it leads to.
func WithFSNoFollow() FSOption { return func(o *fsOptions) { follow := false; o.Follow = &follow } }

// WithFSEmptyOnly lets RemoveDir remove a directory only if it is empty.
func WithFSEmptyOnly() FSOption {
	return func(o *fsOptions) { recursive := false; o.Recursive = &recursive }
}

// WithFSMaxBytes lets Read fail with [ErrLimitExceeded] if the file is larger. Without it: 256 MiB.
func WithFSMaxBytes(limit uint64) FSOption { return func(o *fsOptions) { o.MaxBytes = &limit } }

// on makes a call about one path, or about two.
func (f *SandboxFSOps) on(ctx context.Context, from, to string, options []FSOption,
	body func(cancel C.uint64_t, from, to, options *C.char) *C.char) error {
	var chosen fsOptions
	if f.user != "" {
		chosen.User = &f.user
	}
	for _, option := range options {
		option(&chosen)
	}
	var first, second, encoded cText
	defer func() { first.free(); second.free(); encoded.free() }()
	if err := first.set("path", from); err != nil {
		return err
	}
	if err := second.set("path", to); err != nil {
		return err
	}
	if err := encoded.setOptions(chosen); err != nil {
		return err
	}
	return cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return body(cancel, first.pointer, second.pointer, encoded.pointer)
	})
}

// asking is a call about one path whose answer is JSON.
func (f *SandboxFSOps) asking(ctx context.Context, path string, options []FSOption, into any,
	body func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char) error {
	var text *C.char
	err := f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return body(cancel, path, options, &text)
	})
	if err != nil {
		return err
	}
	return decode(takeText(text), into)
}

// Read is the content of a file, up to 256 MiB or [WithFSMaxBytes]. [ErrPathNotFound] if there is none.
func (f *SandboxFSOps) Read(ctx context.Context, path string, options ...FSOption) ([]byte, error) {
	var data *C.uint8_t
	var size C.size_t
	err := f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_read(cancel, f.sandbox, path, options, &data, &size)
	})
	if err != nil {
		return nil, err
	}
	return takeBytes(data, size), nil
}

// ReadString is the content of a file, as text that may be no UTF-8.
func (f *SandboxFSOps) ReadString(ctx context.Context, path string, options ...FSOption) (string, error) {
	data, err := f.Read(ctx, path, options...)
	return string(data), err
}

// Write makes or replaces a file. Its directory must exist.
func (f *SandboxFSOps) Write(ctx context.Context, path string, data []byte, options ...FSOption) error {
	return f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_write(cancel, f.sandbox, path, options, bytesPointer(data), C.size_t(len(data)))
	})
}

// WriteString makes or replaces a file that holds this text. Its directory must exist.
func (f *SandboxFSOps) WriteString(ctx context.Context, path, text string, options ...FSOption) error {
	return f.Write(ctx, path, []byte(text), options...)
}

// Stat tells what a path leads to.
func (f *SandboxFSOps) Stat(ctx context.Context, path string, options ...FSOption) (*FSEntry, error) {
	var parsed fsEntry
	err := f.asking(ctx, path, options, &parsed, func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char {
		return C.call_fs_stat(cancel, f.sandbox, path, options, result)
	})
	if err != nil {
		return nil, err
	}
	entry := parsed.entry()
	return &entry, nil
}

// List is what a directory has in it, one level.
func (f *SandboxFSOps) List(ctx context.Context, path string, options ...FSOption) ([]FSEntry, error) {
	var parsed []fsEntry
	err := f.asking(ctx, path, options, &parsed, func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char {
		return C.call_fs_list(cancel, f.sandbox, path, options, result)
	})
	if err != nil {
		return nil, err
	}
	entries := make([]FSEntry, 0, len(parsed))
	for i := range parsed {
		entries = append(entries, parsed[i].entry())
	}
	return entries, nil
}

// Exists tells whether a path leads to something.
func (f *SandboxFSOps) Exists(ctx context.Context, path string, options ...FSOption) (bool, error) {
	var parsed struct{ Exists bool }
	err := f.asking(ctx, path, options, &parsed, func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char {
		return C.call_fs_exists(cancel, f.sandbox, path, options, result)
	})
	return parsed.Exists, err
}

// Mkdir makes a directory, with the parents that are missing.
func (f *SandboxFSOps) Mkdir(ctx context.Context, path string, options ...FSOption) error {
	return f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_mkdir(cancel, f.sandbox, path, options)
	})
}

// Remove deletes a file.
func (f *SandboxFSOps) Remove(ctx context.Context, path string, options ...FSOption) error {
	return f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_remove(cancel, f.sandbox, path, options)
	})
}

// RemoveDir deletes a directory and all that is in it.
func (f *SandboxFSOps) RemoveDir(ctx context.Context, path string, options ...FSOption) error {
	return f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_remove_dir(cancel, f.sandbox, path, options)
	})
}

// Copy copies a file within the guest.
func (f *SandboxFSOps) Copy(ctx context.Context, from, to string, options ...FSOption) error {
	return f.on(ctx, from, to, options, func(cancel C.uint64_t, from, to, options *C.char) *C.char {
		return C.call_fs_copy(cancel, f.sandbox, from, to, options)
	})
}

// Rename gives a file or directory another path.
func (f *SandboxFSOps) Rename(ctx context.Context, from, to string, options ...FSOption) error {
	return f.on(ctx, from, to, options, func(cancel C.uint64_t, from, to, options *C.char) *C.char {
		return C.call_fs_rename(cancel, f.sandbox, from, to, options)
	})
}

// Symlink makes a symbolic link at a path; what it leads to need not be there.
func (f *SandboxFSOps) Symlink(ctx context.Context, target, path string, options ...FSOption) error {
	return f.on(ctx, target, path, options, func(cancel C.uint64_t, target, path, options *C.char) *C.char {
		return C.call_fs_symlink(cancel, f.sandbox, target, path, options)
	})
}

// ReadLink is what a symbolic link has in it.
func (f *SandboxFSOps) ReadLink(ctx context.Context, path string, options ...FSOption) (string, error) {
	var found struct{ Target string }
	err := f.asking(ctx, path, options, &found, func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char {
		return C.call_fs_read_link(cancel, f.sandbox, path, options, result)
	})
	return found.Target, err
}

// RealPath is a path without links, "." and "..".
func (f *SandboxFSOps) RealPath(ctx context.Context, path string, options ...FSOption) (string, error) {
	var found struct{ Path string }
	err := f.asking(ctx, path, options, &found, func(cancel C.uint64_t, path, options *C.char, result **C.char) *C.char {
		return C.call_fs_real_path(cancel, f.sandbox, path, options, result)
	})
	return found.Path, err
}

// CopyFromHost copies a file of the host into the guest.
func (f *SandboxFSOps) CopyFromHost(ctx context.Context, host, guest string, options ...FSOption) error {
	return f.on(ctx, host, guest, options, func(cancel C.uint64_t, host, guest, options *C.char) *C.char {
		return C.call_fs_copy_from_host(cancel, f.sandbox, host, guest, options)
	})
}

// CopyToHost copies a file of the guest to the host.
func (f *SandboxFSOps) CopyToHost(ctx context.Context, guest, host string, options ...FSOption) error {
	return f.on(ctx, guest, host, options, func(cancel C.uint64_t, guest, host, options *C.char) *C.char {
		return C.call_fs_copy_to_host(cancel, f.sandbox, guest, host, options)
	})
}

// FSReadStream is the content of a file, piece by piece.
type FSReadStream struct{ handle C.uint64_t }

// ReadStream opens a file of the guest to be read piece by piece.
func (f *SandboxFSOps) ReadStream(ctx context.Context, path string, options ...FSOption) (*FSReadStream, error) {
	stream := &FSReadStream{}
	err := f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_read_stream(cancel, f.sandbox, path, options, &stream.handle)
	})
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// Recv is the next piece of the file; nil at its end. A call that is cancelled loses nothing.
func (s *FSReadStream) Recv(ctx context.Context) ([]byte, error) {
	var data *C.uint8_t
	var size C.size_t
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_fs_read_stream_recv(cancel, s.handle, &data, &size)
	})
	if err != nil {
		return nil, err
	}
	return takeBytes(data, size), nil
}

// WriteTo writes the rest of the file to w.
func (s *FSReadStream) WriteTo(w io.Writer) (int64, error) {
	return s.CopyTo(context.Background(), w)
}

// CopyTo writes the rest of the file to w. It ends when the context does.
func (s *FSReadStream) CopyTo(ctx context.Context, w io.Writer) (int64, error) {
	var total int64
	for {
		data, err := s.Recv(ctx)
		if err != nil || data == nil {
			return total, err
		}
		written, err := w.Write(data)
		total += int64(written)
		if err != nil {
			return total, err
		}
	}
}

// Close ends the stream.
func (s *FSReadStream) Close() error { return closeFSStream(s.handle) }

// FSWriteStream is a file that is written piece by piece.
type FSWriteStream struct{ handle C.uint64_t }

// WriteStream makes or replaces a file of the guest, piece by piece. It is complete when Close has
// succeeded.
func (f *SandboxFSOps) WriteStream(ctx context.Context, path string, options ...FSOption) (*FSWriteStream, error) {
	stream := &FSWriteStream{}
	err := f.on(ctx, path, "", options, func(cancel C.uint64_t, path, _, options *C.char) *C.char {
		return C.call_fs_write_stream(cancel, f.sandbox, path, options, &stream.handle)
	})
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// Write writes all of data, however long that takes: [FSWriteStream.WriteCtx] has a context.
func (s *FSWriteStream) Write(data []byte) (int, error) {
	return s.WriteCtx(context.Background(), data)
}

// WriteCtx writes all of data. How much of it a call that is cancelled has written is not known.
func (s *FSWriteStream) WriteCtx(ctx context.Context, data []byte) (int, error) {
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_fs_write_stream_write(cancel, s.handle, bytesPointer(data), C.size_t(len(data)))
	})
	if err != nil {
		return 0, err
	}
	return len(data), nil
}

// Close completes the file: what was written is there only when this has succeeded. The stream is closed.
func (s *FSWriteStream) Close(ctx context.Context) error {
	finished := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_fs_write_stream_finish(cancel, s.handle)
	})
	if err := closeFSStream(s.handle); err != nil && finished == nil {
		return err
	}
	return finished
}

func closeFSStream(handle C.uint64_t) error {
	return call(context.Background(), func() *C.char {
		C.call_fs_stream_close(handle)
		return nil
	})
}
