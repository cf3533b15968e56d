package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"os"
	"syscall"
	"time"
)

// execRequest is the options of a command and its input.
type execRequest struct {
	execOptions
	input []byte
}

// ExecOption is a property of a command.
type ExecOption func(*execRequest)

// WithExecEnv adds to the sandbox's environment.
func WithExecEnv(env map[string]string) ExecOption {
	return func(o *execRequest) { merge(&o.Env, env) }
}

// WithExecCwd sets the command's directory.
func WithExecCwd(path string) ExecOption { return func(o *execRequest) { o.Cwd = &path } }

// WithExecUser sets the command's user: a name or number, with ":group" or not.
func WithExecUser(user string) ExecOption { return func(o *execRequest) { o.User = &user } }

// WithExecTimeout kills the command, with all it started, after that time: [ErrExecTimeout].
func WithExecTimeout(timeout time.Duration) ExecOption {
	return func(o *execRequest) { o.TimeoutMs = unsignedMilliseconds(timeout) }
}

// WithExecTTY gives the command a terminal; everything it writes comes as stdout.
func WithExecTTY() ExecOption { return func(o *execRequest) { o.TTY = true } }

// WithExecTTYSize gives the command a terminal of that size.
func WithExecTTYSize(rows, cols uint16) ExecOption {
	return func(o *execRequest) { o.TTY, o.Rows, o.Cols = true, &rows, &cols }
}

// WithExecStdin gives the command this input.
func WithExecStdin(input []byte) ExecOption { return func(o *execRequest) { o.input = input } }

// WithExecStdinPipe lets a command that is streamed be written to: [ExecHandle.TakeStdin]. What
// [WithExecStdin] gave comes first.
func WithExecStdinPipe() ExecOption { return func(o *execRequest) { o.Stdin = true } }

// WithExecRlimits adds limits for the command.
func WithExecRlimits(limits ...Rlimit) ExecOption {
	return func(o *execRequest) { o.Rlimits = append(o.Rlimits, limits...) }
}

// WithExecMaxOutput fails with [ErrLimitExceeded] if a command whose output is collected writes more.
// Without it: 256 MiB.
func WithExecMaxOutput(bytes uint64) ExecOption {
	return func(o *execRequest) { o.MaxOutput = &bytes }
}

// ExecOutput is what a command wrote and how it ended.
type ExecOutput struct {
	code   int
	signal int
	stdout []byte
	stderr []byte
}

// ExitCode is as a shell has it: 128 + n for a command that signal n ended.
func (o *ExecOutput) ExitCode() int { return o.code }

// Signal is the signal that ended the command; 0 if none did.
func (o *ExecOutput) Signal() syscall.Signal { return syscall.Signal(o.signal) }

// Success tells whether the command exited with 0.
func (o *ExecOutput) Success() bool { return o.code == 0 && o.signal == 0 }

// Stdout is what the command wrote to its standard output, as text.
func (o *ExecOutput) Stdout() string { return string(o.stdout) }

// Stderr is what the command wrote to its standard error, as text.
func (o *ExecOutput) Stderr() string { return string(o.stderr) }

// StdoutBytes is what the command wrote to its standard output.
func (o *ExecOutput) StdoutBytes() []byte { return o.stdout }

// StderrBytes is what the command wrote to its standard error.
func (o *ExecOutput) StderrBytes() []byte { return o.stderr }

// collected is what the library fills in for a command whose output is collected.
type collected struct {
	result           *C.char
	out, err         *C.uint8_t
	outSize, errSize C.size_t
}

func (c *collected) take() (*ExecOutput, error) {
	var parsed struct {
		ExitCode int `json:"exit_code"`
		Signal   *int
	}
	out, err := takeBytes(c.out, c.outSize), takeBytes(c.err, c.errSize)
	if err := decode(takeText(c.result), &parsed); err != nil {
		return nil, err
	}
	output := &ExecOutput{code: parsed.ExitCode, stdout: out, stderr: err}
	if parsed.Signal != nil {
		output.signal = *parsed.Signal
	}
	return output, nil
}

// Exec runs a program, without a shell, and collects what it writes. One that ran and ended in failure is a
// result; [ErrExecFailed] if it could not start, [ErrExecTimeout] if it took too long, [ErrLimitExceeded] if it
// wrote too much, [ErrSessionLost] if the sandbox ended.
func (s *Sandbox) Exec(ctx context.Context, command string, args []string, options ...ExecOption) (*ExecOutput, error) {
	return s.exec(ctx, &command, execRequest{execOptions: execOptions{Args: args}}, options)
}

// Shell runs a script of the sandbox's shell, and collects what it writes. It fails as [Sandbox.Exec] does.
func (s *Sandbox) Shell(ctx context.Context, script string, options ...ExecOption) (*ExecOutput, error) {
	return s.exec(ctx, &script, execRequest{execOptions: execOptions{Shell: true}}, options)
}

// ExecDefault runs the sandbox's own command, its entrypoint and cmd, and collects what it writes. It fails as
// [Sandbox.Exec] does, and with [ErrNoDefaultCommand] if there is none.
func (s *Sandbox) ExecDefault(ctx context.Context, options ...ExecOption) (*ExecOutput, error) {
	return s.exec(ctx, nil, execRequest{}, options)
}

// command prepares a command for the library; what it returns has to be freed.
func (o *execRequest) command(command *string, options []ExecOption) (word, encoded cText, err error) {
	for _, option := range options {
		option(o)
	}
	if command != nil {
		if err = word.set("command", *command); err != nil {
			return word, encoded, err
		}
	}
	err = encoded.setOptions(o.execOptions)
	return word, encoded, err
}

func (s *Sandbox) exec(ctx context.Context, command *string, chosen execRequest, options []ExecOption) (*ExecOutput, error) {
	word, encoded, err := chosen.command(command, options)
	defer word.free()
	defer encoded.free()
	if err != nil {
		return nil, err
	}
	var result collected
	err = cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_sandbox_exec(cancel, s.handle, word.pointer, encoded.pointer,
			bytesPointer(chosen.input), C.size_t(len(chosen.input)),
			&result.result, &result.out, &result.outSize, &result.err, &result.errSize)
	})
	if err != nil {
		return nil, err
	}
	return result.take()
}

// ExecHandle is a command that runs and is read from step by step. Its input and output move only while a call
// of this package waits for it: a program that does not read holds the command up, as a pipe does.
type ExecHandle struct {
	handle C.uint64_t
	stdin  *ExecSink
}

// ExecStream starts a program, without a shell, to be read from step by step.
func (s *Sandbox) ExecStream(ctx context.Context, command string, args []string, options ...ExecOption) (*ExecHandle, error) {
	return s.execStream(ctx, &command, execRequest{execOptions: execOptions{Args: args}}, options)
}

// ShellStream starts a script of the sandbox's shell, to be read from step by step.
func (s *Sandbox) ShellStream(ctx context.Context, script string, options ...ExecOption) (*ExecHandle, error) {
	return s.execStream(ctx, &script, execRequest{execOptions: execOptions{Shell: true}}, options)
}

// ExecDefaultStream starts the sandbox's own command, its entrypoint and cmd, to be read from step by step.
func (s *Sandbox) ExecDefaultStream(ctx context.Context, options ...ExecOption) (*ExecHandle, error) {
	return s.execStream(ctx, nil, execRequest{}, options)
}

func (s *Sandbox) execStream(ctx context.Context, command *string, chosen execRequest, options []ExecOption) (*ExecHandle, error) {
	word, encoded, err := chosen.command(command, options)
	defer word.free()
	defer encoded.free()
	if err != nil {
		return nil, err
	}
	var handle C.uint64_t
	err = cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_sandbox_exec_stream(cancel, s.handle, word.pointer, encoded.pointer,
			bytesPointer(chosen.input), C.size_t(len(chosen.input)), &handle)
	})
	if err != nil {
		return nil, err
	}
	exec := &ExecHandle{handle: handle}
	if chosen.Stdin {
		exec.stdin = &ExecSink{handle}
	}
	return exec, nil
}

// ExecEventKind is what an event of a command is.
type ExecEventKind string

// ExecEvent is something that a command did.
type ExecEvent struct {
	Kind     ExecEventKind
	PID      int            // of started: the process id in the guest
	Data     []byte         // of stdout and stderr
	ExitCode int            // of exited: as a shell has it
	Signal   syscall.Signal // of exited: the signal that ended the command; 0 if none did
	Failure  *ExecFailure   // of failed and stdin_error
}

// Recv is the next event. Behind the last one, which is "exited" or "failed", "done" comes again and
// again. A call that is cancelled loses nothing.
func (h *ExecHandle) Recv(ctx context.Context) (*ExecEvent, error) {
	var text *C.char
	var data *C.uint8_t
	var size C.size_t
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_exec_recv(cancel, h.handle, &text, &data, &size)
	})
	if err != nil {
		return nil, err
	}
	event := &ExecEvent{Data: takeBytes(data, size)}
	var parsed struct {
		Event     ExecEventKind
		PID       int
		ExitCode  int             `json:"exit_code"`
		Signal    int             // null leaves it 0
		ExecKind  ExecFailureKind `json:"exec_kind"`
		Errno     int
		ErrnoName string `json:"errno_name"`
		Stage     string
		Message   string
	}
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	event.Kind, event.PID = parsed.Event, parsed.PID
	event.ExitCode, event.Signal = parsed.ExitCode, syscall.Signal(parsed.Signal)
	if event.Kind == ExecEventFailed || event.Kind == ExecEventStdinError {
		event.Failure = &ExecFailure{parsed.ExecKind, parsed.Errno, parsed.ErrnoName, parsed.Stage, parsed.Message}
	}
	return event, nil
}

// Wait waits for the command's end, drops what it still writes, and returns the exit code. [ErrExecFailed] if
// the command could not start.
func (h *ExecHandle) Wait(ctx context.Context) (int, error) {
	for {
		event, err := h.Recv(ctx)
		if err != nil {
			return -1, err
		}
		switch event.Kind {
		case ExecEventExited:
			return event.ExitCode, nil
		case ExecEventFailed:
			return -1, &Error{Kind: ErrExecFailed, Message: event.Failure.Message, Stage: event.Failure.Stage,
				Errno: event.Failure.Errno, Exec: event.Failure}
		case ExecEventDone:
			return -1, &Error{Kind: ErrInvalidArgument, Message: "the command's end was read before"}
		}
	}
}

// Collect waits for the command's end and collects what it still writes, up to 256 MiB.
func (h *ExecHandle) Collect(ctx context.Context) (*ExecOutput, error) {
	var result collected
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_exec_collect(cancel, h.handle, nil,
			&result.result, &result.out, &result.outSize, &result.err, &result.errSize)
	})
	if err != nil {
		return nil, err
	}
	return result.take()
}

// Signal sends a signal to the command's process group.
func (h *ExecHandle) Signal(ctx context.Context, signal os.Signal) error {
	number, ok := signal.(syscall.Signal)
	if !ok {
		return &Error{Kind: ErrInvalidArgument, Message: "no signal of this system: " + signal.String()}
	}
	return cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_exec_signal(cancel, h.handle, C.int32_t(number))
	})
}

// Kill kills the command's process group.
func (h *ExecHandle) Kill(ctx context.Context) error { return h.Signal(ctx, syscall.SIGKILL) }

// Resize changes the size of the command's terminal.
func (h *ExecHandle) Resize(ctx context.Context, rows, cols uint16) error {
	return cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_exec_resize(cancel, h.handle, C.uint16_t(rows), C.uint16_t(cols))
	})
}

// Close ends the command if it still runs.
func (h *ExecHandle) Close() error {
	return call(context.Background(), func() *C.char {
		C.call_exec_close(h.handle)
		return nil
	})
}

// TakeStdin is the command's standard input, the first time; nil if it has no pipe.
func (h *ExecHandle) TakeStdin() *ExecSink {
	sink := h.stdin
	h.stdin = nil
	return sink
}

// ExecSink is the standard input of a command: an [io.WriteCloser]. A write returns when there is room
// for more; the command's output has to be read meanwhile, by another goroutine.
type ExecSink struct{ handle C.uint64_t }

// Write writes all of data, however long that takes: [ExecSink.WriteCtx] has a context.
func (s *ExecSink) Write(data []byte) (int, error) { return s.WriteCtx(context.Background(), data) }

// WriteCtx writes all of data to the command's input. It ends when the context does.
func (s *ExecSink) WriteCtx(ctx context.Context, data []byte) (int, error) {
	if len(data) == 0 {
		return 0, nil
	}
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_exec_stdin_write(cancel, s.handle, bytesPointer(data), C.size_t(len(data)))
	})
	if err != nil {
		return 0, err
	}
	return len(data), nil
}

// Close ends the command's input.
func (s *ExecSink) Close() error {
	return call(context.Background(), func() *C.char { return C.call_exec_stdin_close(0, s.handle) })
}
