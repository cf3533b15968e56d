package microsandbox

import (
	"encoding/json"
	"errors"
	"time"
)

// ErrorKind is what a program can branch on; the text is the library's name of it.
type ErrorKind string

// ExecFailureKind says why a command could not start.
type ExecFailureKind string

// ExecFailure is why a command could not start.
type ExecFailure struct {
	Kind      ExecFailureKind
	Errno     int // 0 if there was none
	ErrnoName string
	Stage     string
	Message   string
}

// Error is what every function of this package fails with.
type Error struct {
	Kind    ErrorKind
	Message string
	Hint    string        // what to do about it; may be empty
	Name    string        // of the sandbox or image concerned; may be empty
	Stage   string        // of a boot or of the start of a command
	Errno   int           // of the system call that failed; 0 if there was none
	Timeout time.Duration // that passed
	Cursor  string        // where a log goes on
	Exec    *ExecFailure  // of ErrExecFailed

	cause error
}

func (e *Error) Error() string {
	text := string(e.Kind) + ": " + e.Message
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Unwrap is the context's error if the context ended the call.
func (e *Error) Unwrap() error { return e.cause }

// IsKind tells whether err is or wraps an [*Error] of that kind.
func IsKind(err error, kind ErrorKind) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Kind == kind
}

func cancelledError(cause error) error {
	return &Error{Kind: ErrCancelled, Message: cause.Error(), cause: cause}
}

// parseError reads an error as the library writes them.
func parseError(text string) error {
	var parsed struct {
		Kind      ErrorKind
		Message   string
		Hint      string
		Name      string
		Stage     string
		Errno     int
		ErrnoName string          `json:"errno_name"`
		ExecKind  ExecFailureKind `json:"exec_kind"`
		TimeoutMs int64           `json:"timeout_ms"`
		Cursor    string
	}
	if err := json.Unmarshal([]byte(text), &parsed); err != nil || parsed.Kind == "" {
		return &Error{Kind: ErrInternal, Message: text}
	}
	failure := &Error{
		Kind:    parsed.Kind,
		Message: parsed.Message,
		Hint:    parsed.Hint,
		Name:    parsed.Name,
		Stage:   parsed.Stage,
		Errno:   parsed.Errno,
		Timeout: time.Duration(parsed.TimeoutMs) * time.Millisecond,
		Cursor:  parsed.Cursor,
	}
	if parsed.ExecKind != "" {
		failure.Exec = &ExecFailure{parsed.ExecKind, parsed.Errno, parsed.ErrnoName, parsed.Stage, parsed.Message}
	}
	return failure
}
