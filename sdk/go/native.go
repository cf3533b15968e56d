package microsandbox

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "native.h"
import "C"

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

const libraryName = "libmicrosandbox.so"

var library struct {
	mutex  sync.Mutex
	loaded bool
}

// load makes sure that the library is there. A failure is not remembered: the next call tries again.
func load() error {
	library.mutex.Lock()
	defer library.mutex.Unlock()
	if library.loaded {
		return nil
	}
	var problems []string
	for _, path := range libraryCandidates() {
		text := C.CString(path)
		problem := C.load_library(text)
		C.free(unsafe.Pointer(text))
		if problem == nil {
			library.loaded = true
			return nil
		}
		problems = append(problems, C.GoString(problem))
		C.free(unsafe.Pointer(problem))
	}
	return &Error{
		Kind:    ErrLibraryNotLoaded,
		Message: "cannot load " + libraryName + ": " + strings.Join(problems, "; "),
		Hint:    "install microsandbox, or set MICROSANDBOX_LIBRARY to the library's path",
	}
}

// libraryCandidates is where the library may be, best first. One that was named is the only one.
func libraryCandidates() []string {
	if path := os.Getenv("MICROSANDBOX_LIBRARY"); path != "" {
		return []string{path}
	}
	var candidates []string
	add := func(path string) {
		if _, err := os.Stat(path); err == nil {
			candidates = append(candidates, path)
		}
	}
	msb := os.Getenv("MSB_PATH")
	if msb == "" {
		msb, _ = exec.LookPath("msb")
	}
	if real, err := filepath.EvalSymlinks(msb); err == nil && msb != "" {
		add(filepath.Join(filepath.Dir(filepath.Dir(real)), "lib", libraryName))
	}
	if _, source, _, ok := runtime.Caller(0); ok && filepath.IsAbs(source) {
		add(filepath.Join(filepath.Dir(source), "..", "..", "build", "lib", libraryName))
	}
	return append(candidates, libraryName+".1")
}

// Version is the library's version.
func Version() (string, error) {
	if err := load(); err != nil {
		return "", err
	}
	return C.GoString(C.call_version()), nil
}

// SetMsbPath says where msb is: the library finds the programs that it starts in that installation. The
// environment variable MSB_PATH comes before it; "" removes this setting.
func SetMsbPath(path string) error {
	if err := load(); err != nil {
		return err
	}
	var text cText
	if err := text.set("path", path); err != nil {
		return err
	}
	defer text.free()
	C.call_set_sdk_msb_path(text.pointer)
	return nil
}

// cText is a C string of this side's memory; NULL until it is set.
type cText struct{ pointer *C.char }

func (t *cText) set(what, value string) error {
	if strings.IndexByte(value, 0) >= 0 {
		return &Error{Kind: ErrInvalidArgument, Message: what + " has a NUL byte"}
	}
	t.pointer = C.CString(value)
	return nil
}

// setOptions encodes options as the JSON object of a call.
func (t *cText) setOptions(options any) error {
	encoded, err := json.Marshal(options)
	if err != nil {
		return &Error{Kind: ErrInvalidArgument, Message: "options: " + err.Error()}
	}
	return t.set("options", string(encoded))
}

func (t *cText) free() { C.free(unsafe.Pointer(t.pointer)) }

// takeText copies and releases text of the library.
func takeText(text *C.char) string {
	defer C.call_free_string(text)
	return C.GoString(text)
}

// takeBytes copies and releases bytes of the library.
func takeBytes(bytes *C.uint8_t, size C.size_t) []byte {
	defer C.call_free_bytes(bytes)
	if bytes == nil || size == 0 {
		return nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(bytes)), int(size))...)
}

func bytesPointer(data []byte) *C.uint8_t {
	if len(data) == 0 {
		return nil
	}
	return (*C.uint8_t)(unsafe.Pointer(&data[0]))
}

// call makes a call of the library that cannot be cancelled once it has begun.
func call(ctx context.Context, body func() *C.char) error {
	if err := load(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return cancelledError(err)
	}
	if text := body(); text != nil {
		return parseError(takeText(text))
	}
	return nil
}

// cancellable makes a call of the library that ends early when the context does. It returns when the
// call has.
func cancellable(ctx context.Context, body func(cancel C.uint64_t) *C.char) error {
	if ctx.Done() == nil {
		return call(ctx, func() *C.char { return body(0) })
	}
	err := call(ctx, func() *C.char {
		cancel := C.call_cancel_alloc()
		defer C.call_cancel_unregister(cancel) // if the call did not use it
		finished := make(chan struct{})
		var watcher sync.WaitGroup
		watcher.Add(1)
		go func() {
			defer watcher.Done()
			select {
			case <-ctx.Done():
				C.call_cancel_trigger(cancel)
			case <-finished:
			}
		}()
		text := body(cancel)
		close(finished)
		watcher.Wait()
		return text
	})
	if failure, ok := err.(*Error); ok && failure.Kind == ErrCancelled && failure.cause == nil {
		failure.cause = ctx.Err()
	}
	return err
}

// decode reads a result of the library.
func decode(text string, into any) error {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return &Error{Kind: ErrInternal, Message: "answer of the library: " + err.Error()}
	}
	return nil
}
