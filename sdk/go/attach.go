package microsandbox

// #include "native.h"
import "C"

import "context"

// AttachOption is a property of a command that gets the terminal of this process.
type AttachOption func(*attachOptions)

// WithAttachEnv adds to the sandbox's environment.
func WithAttachEnv(env map[string]string) AttachOption {
	return func(o *attachOptions) { merge(&o.Env, env) }
}

// WithAttachCwd sets the command's directory.
func WithAttachCwd(path string) AttachOption { return func(o *attachOptions) { o.Cwd = &path } }

// WithAttachUser sets the command's user: a name or number, with ":group" or not.
func WithAttachUser(user string) AttachOption { return func(o *attachOptions) { o.User = &user } }

// WithAttachRlimits adds limits for the command.
func WithAttachRlimits(limits ...Rlimit) AttachOption {
	return func(o *attachOptions) { o.Rlimits = append(o.Rlimits, limits...) }
}

// WithAttachDetachKeys sets the keys that leave the command without ending it, as "ctrl-p,ctrl-q", or "none".
// Without it: "ctrl-]".
func WithAttachDetachKeys(keys string) AttachOption {
	return func(o *attachOptions) { o.DetachKeys = &keys }
}

// Attach runs a program, without a shell, with the terminal, standard input and output of this process, which is in
// raw mode until it returns. The result is the exit code as a shell has it, or -1 if the detach keys were pressed: the
// command goes on then, and `msb attach` comes back to it. [ErrInvalidArgument] where standard input is no terminal;
// else it fails as [Sandbox.Exec] does. A context that ends takes the command along.
func (s *Sandbox) Attach(ctx context.Context, command string, args []string, options ...AttachOption) (int, error) {
	return s.attach(ctx, &command, attachOptions{Args: args}, options)
}

// AttachShell is [Sandbox.Attach] with the sandbox's shell.
func (s *Sandbox) AttachShell(ctx context.Context, options ...AttachOption) (int, error) {
	return s.attach(ctx, nil, attachOptions{Shell: true}, options)
}

// AttachDefault is [Sandbox.Attach] with the sandbox's own command; [ErrNoDefaultCommand] if there is none.
func (s *Sandbox) AttachDefault(ctx context.Context, options ...AttachOption) (int, error) {
	return s.attach(ctx, nil, attachOptions{}, options)
}

func (s *Sandbox) attach(ctx context.Context, command *string, chosen attachOptions, options []AttachOption) (int, error) {
	for _, option := range options {
		option(&chosen)
	}
	var word, encoded cText
	defer func() { word.free(); encoded.free() }()
	if command != nil {
		if err := word.set("command", *command); err != nil {
			return 0, err
		}
	}
	if err := encoded.setOptions(chosen); err != nil {
		return 0, err
	}
	var text *C.char
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_sandbox_attach(cancel, s.handle, word.pointer, encoded.pointer, &text)
	})
	if err != nil {
		return 0, err
	}
	var end struct {
		ExitCode int `json:"exit_code"`
	}
	err = decode(takeText(text), &end)
	return end.ExitCode, err
}
