package microsandbox_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	m "microsandbox.internal/microsandbox"
)

func next(t *testing.T, command *m.ExecHandle) *m.ExecEvent {
	t.Helper()
	event, err := command.Recv(testContext(t))
	ok(t, err)
	return event
}

func TestExec(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-exec", m.WithScripts(map[string]string{"greet": "#!/bin/sh\necho greetings\n"}))

	t.Run("a failure is a result", func(t *testing.T) {
		out, err := sandbox.Exec(ctx, "sh", []string{"-c", "echo out; echo err >&2; exit 3"})
		ok(t, err)
		equal(t, "code", out.ExitCode(), 3)
		equal(t, "success", out.Success(), false)
		equal(t, "stdout", out.Stdout(), "out\n")
		equal(t, "stderr", out.Stderr(), "err\n")
		out, err = sandbox.Exec(ctx, "sh", []string{"-c", "kill -TERM $$"})
		ok(t, err)
		equal(t, "code", out.ExitCode(), 128+15)
		equal(t, "signal", out.Signal(), syscall.SIGTERM)
	})
	t.Run("arguments are literal", func(t *testing.T) {
		out, err := sandbox.Exec(ctx, "printf", []string{"%s|", "a b", "$HOME", "", "*", "\"\\"})
		ok(t, err)
		equal(t, "stdout", out.Stdout(), "a b|$HOME||*|\"\\|")
	})
	t.Run("options", func(t *testing.T) {
		out, err := sandbox.Shell(ctx, "echo $A $B; pwd; id -u; ulimit -n; greet",
			m.WithExecEnv(map[string]string{"A": "1"}), m.WithExecEnv(map[string]string{"B": "2"}),
			m.WithExecCwd("/tmp"), m.WithExecUser("1000"),
			m.WithExecRlimits(m.Rlimit{Resource: "nofile", Soft: 99, Hard: 100}))
		ok(t, err)
		equal(t, "stdout", out.Stdout(), "1 2\n/tmp\n1000\n99\ngreetings\n")
	})
	t.Run("bytes are bytes", func(t *testing.T) {
		input := make([]byte, 1<<20)
		rand.New(rand.NewSource(1)).Read(input)
		out, err := sandbox.Exec(ctx, "cat", nil, m.WithExecStdin(input))
		ok(t, err)
		if !bytes.Equal(out.StdoutBytes(), input) {
			t.Fatalf("%d other bytes came back", len(out.StdoutBytes()))
		}
		_, err = sandbox.Exec(ctx, "cat", nil, m.WithExecStdin(input), m.WithExecMaxOutput(1000))
		wantKind(t, err, m.ErrLimitExceeded)
	})
	t.Run("what cannot start", func(t *testing.T) {
		_, err := sandbox.Exec(ctx, "no-such-program", nil)
		failure := wantKind(t, err, m.ErrExecFailed)
		equal(t, "kind", failure.Exec.Kind, m.ExecNotFound)
		equal(t, "errno", failure.Exec.ErrnoName, "ENOENT")
		_, err = sandbox.Exec(ctx, "true", nil, m.WithExecCwd("/no/such/place"))
		equal(t, "kind", wantKind(t, err, m.ErrExecFailed).Exec.Kind, m.ExecBadCwd)
		_, err = sandbox.Exec(ctx, "/etc/passwd", nil)
		equal(t, "kind", wantKind(t, err, m.ErrExecFailed).Exec.Kind, m.ExecPermissionDenied)
	})
	t.Run("timeout", func(t *testing.T) {
		_, err := sandbox.Exec(ctx, "sleep", []string{"30"}, m.WithExecTimeout(200*time.Millisecond))
		failure := wantKind(t, err, m.ErrExecTimeout)
		equal(t, "timeout", failure.Timeout, 200*time.Millisecond)
	})
	t.Run("terminal", func(t *testing.T) {
		out, err := sandbox.Shell(ctx, "test -t 0 && test -t 1 && stty size", m.WithExecTTYSize(33, 99))
		ok(t, err)
		equal(t, "stdout", out.Stdout(), "33 99\r\n")
	})
	t.Run("many at once", func(t *testing.T) {
		var all sync.WaitGroup
		for i := 0; i < 8; i++ {
			all.Add(1)
			go func(word string) {
				defer all.Done()
				out, err := sandbox.Exec(ctx, "echo", []string{word})
				if err != nil || out.Stdout() != word+"\n" {
					t.Errorf("%v: %v", out, err)
				}
			}(strings.Repeat("x", i+1))
		}
		all.Wait()
	})
}

func TestDefaultCommand(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-default", m.WithEntrypoint("echo", "entry"), m.WithCmd("cmd"))
	out, err := sandbox.ExecDefault(ctx)
	ok(t, err)
	equal(t, "stdout", out.Stdout(), "entry cmd\n")
	command, err := sandbox.ExecDefaultStream(ctx)
	ok(t, err)
	out, err = command.Collect(ctx)
	ok(t, err)
	equal(t, "stdout", out.Stdout(), "entry cmd\n")
	ok(t, command.Close())

	none := create(t, "go-no-default", m.WithEntrypoint(), m.WithCmd())
	_, err = none.ExecDefault(ctx)
	wantKind(t, err, m.ErrNoDefaultCommand)
}

func TestStreams(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-stream")

	t.Run("events", func(t *testing.T) {
		command, err := sandbox.ShellStream(ctx, "echo out; echo err >&2; exit 4")
		ok(t, err)
		event := next(t, command)
		equal(t, "event", event.Kind, m.ExecEventStarted)
		if event.PID <= 1 {
			t.Fatalf("pid %d", event.PID)
		}
		written := map[m.ExecEventKind]string{}
		for event = next(t, command); event.Kind == m.ExecEventStdout || event.Kind == m.ExecEventStderr; event = next(t, command) {
			written[event.Kind] += string(event.Data)
		}
		equal(t, "stdout", written[m.ExecEventStdout], "out\n")
		equal(t, "stderr", written[m.ExecEventStderr], "err\n")
		equal(t, "event", event.Kind, m.ExecEventExited)
		equal(t, "code", event.ExitCode, 4)
		equal(t, "event", next(t, command).Kind, m.ExecEventDone)
		equal(t, "event", next(t, command).Kind, m.ExecEventDone)
		ok(t, command.Close())
		_, err = command.Recv(ctx)
		wantKind(t, err, m.ErrInvalidHandle)
	})
	t.Run("stdin", func(t *testing.T) {
		input := make([]byte, 3<<20)
		rand.New(rand.NewSource(2)).Read(input)
		command, err := sandbox.ExecStream(ctx, "sha256sum", nil, m.WithExecStdinPipe())
		ok(t, err)
		defer command.Close()
		var stdin io.WriteCloser = command.TakeStdin()
		if command.TakeStdin() != nil {
			t.Fatal("a second standard input")
		}
		go func() {
			if _, err := io.Copy(stdin, bytes.NewReader(input)); err != nil {
				t.Error(err)
			}
			if err := stdin.Close(); err != nil {
				t.Error(err)
			}
		}()
		out, err := command.Collect(ctx)
		ok(t, err)
		sum := sha256.Sum256(input)
		equal(t, "sum", out.Stdout(), hex.EncodeToString(sum[:])+"  -\n")
	})
	t.Run("stdin that nobody reads any more", func(t *testing.T) {
		command, err := sandbox.ShellStream(ctx, "exec <&-; echo closed; read -t 1 x; sleep 0.3; echo end; exit 5", m.WithExecStdinPipe())
		ok(t, err)
		defer command.Close()
		equal(t, "event", next(t, command).Kind, m.ExecEventStarted)
		equal(t, "event", next(t, command).Kind, m.ExecEventStdout)
		stdin := command.TakeStdin()
		go func() { _, _ = stdin.Write(make([]byte, 1<<20)) }()
		seen, text := map[m.ExecEventKind]*m.ExecEvent{}, ""
		for event := next(t, command); event.Kind != m.ExecEventDone; event = next(t, command) {
			seen[event.Kind] = event
			text += string(event.Data)
		}
		if failed := seen[m.ExecEventStdinError]; failed == nil || failed.Failure.ErrnoName != "EPIPE" {
			t.Fatalf("%+v", failed)
		}
		equal(t, "stdout", text, "end\n")
		equal(t, "code", seen[m.ExecEventExited].ExitCode, 5)
	})
	t.Run("signals", func(t *testing.T) {
		command, err := sandbox.ShellStream(ctx, "trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.1; done")
		ok(t, err)
		defer command.Close()
		equal(t, "event", next(t, command).Kind, m.ExecEventStarted)
		equal(t, "stdout", string(next(t, command).Data), "ready\n")
		wantKind(t, command.Signal(ctx, syscall.Signal(200)), m.ErrInvalidArgument)
		ok(t, command.Signal(ctx, syscall.SIGUSR1))
		out, err := command.Collect(ctx)
		ok(t, err)
		if !contains(out.Stdout(), "caught\n") {
			t.Fatalf("%q", out.Stdout())
		}
		equal(t, "code", out.ExitCode(), 9)

		command, err = sandbox.ExecStream(ctx, "sleep", []string{"30"})
		ok(t, err)
		defer command.Close()
		ok(t, command.Kill(ctx))
		code, err := command.Wait(ctx)
		ok(t, err)
		equal(t, "code", code, 128+9)
	})
	t.Run("a command that cannot start", func(t *testing.T) {
		command, err := sandbox.ExecStream(ctx, "no-such-program", nil)
		ok(t, err)
		defer command.Close()
		event := next(t, command)
		equal(t, "event", event.Kind, m.ExecEventFailed)
		equal(t, "kind", event.Failure.Kind, m.ExecNotFound)
		equal(t, "event", next(t, command).Kind, m.ExecEventDone)
		command, err = sandbox.ExecStream(ctx, "no-such-program", nil)
		ok(t, err)
		defer command.Close()
		_, err = command.Wait(ctx)
		equal(t, "kind", wantKind(t, err, m.ErrExecFailed).Exec.Kind, m.ExecNotFound)
	})
	t.Run("a cancelled read loses nothing", func(t *testing.T) {
		command, err := sandbox.ShellStream(ctx, "sleep 0.5; echo late")
		ok(t, err)
		defer command.Close()
		equal(t, "event", next(t, command).Kind, m.ExecEventStarted)
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err = command.Recv(short)
		wantKind(t, err, m.ErrCancelled)
		equal(t, "stdout", string(next(t, command).Data), "late\n")
	})
	t.Run("terminal", func(t *testing.T) {
		command, err := sandbox.ShellStream(ctx, "read line; echo got $line; stty size", m.WithExecTTYSize(24, 80), m.WithExecStdinPipe())
		ok(t, err)
		defer command.Close()
		equal(t, "event", next(t, command).Kind, m.ExecEventStarted)
		ok(t, command.Resize(ctx, 40, 120))
		_, err = command.TakeStdin().Write([]byte("word\r"))
		ok(t, err)
		out, err := command.Collect(ctx)
		ok(t, err)
		if !contains(out.Stdout(), "got word\r\n40 120\r\n") {
			t.Fatalf("%q", out.Stdout())
		}
	})
	t.Run("the sandbox ends first", func(t *testing.T) {
		other := create(t, "go-stream-killed")
		command, err := other.ExecStream(ctx, "sleep", []string{"30"})
		ok(t, err)
		defer command.Close()
		equal(t, "event", next(t, command).Kind, m.ExecEventStarted)
		ok(t, other.Kill(ctx))
		_, err = command.Wait(ctx)
		wantKind(t, err, m.ErrSessionLost)
	})
}
