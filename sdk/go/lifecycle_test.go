package microsandbox_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	m "microsandbox.internal/microsandbox"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func status(t *testing.T, name string) m.SandboxStatus {
	t.Helper()
	handle, err := m.GetSandbox(testContext(t), name)
	ok(t, err)
	return handle.Status()
}

func TestLifeOfAnAttachedSandbox(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-life", m.WithCPUs(1), m.WithMemory(256), m.WithLabel("kind", "test"),
		m.WithEnv(map[string]string{"GREETING": "hello"}), m.WithHostname("guest"))
	equal(t, "name", sandbox.Name(), "go-life")
	owns, err := sandbox.OwnsLifecycle(ctx)
	ok(t, err)
	equal(t, "owns", owns, true)

	config, err := sandbox.Config(ctx)
	ok(t, err)
	equal(t, "cpus", config.CPUs, 1)
	equal(t, "memory", config.MemoryMiB, 256)
	equal(t, "env", config.Env["GREETING"], "hello")
	equal(t, "label", config.Labels["kind"], "test")

	out, err := sandbox.Exec(ctx, "sh", []string{"-c", "echo $GREETING from $(hostname)"})
	ok(t, err)
	equal(t, "output", out.Stdout(), "hello from guest\n")

	handle, err := m.GetSandbox(ctx, "go-life")
	ok(t, err)
	equal(t, "status", handle.Status(), m.SandboxRunning)
	if handle.StartedAt().Before(handle.CreatedAt().Add(-time.Second)) || time.Since(handle.StartedAt()) > time.Minute {
		t.Fatalf("created %v, started %v", handle.CreatedAt(), handle.StartedAt())
	}
	second, err := handle.Connect(ctx)
	ok(t, err)
	equal(t, "owns", second.OwnsLifecycleOrFalse(), false)
	ok(t, second.Close())
	equal(t, "status", status(t, "go-life"), m.SandboxRunning)

	latency, err := sandbox.Ping(ctx)
	ok(t, err)
	if latency <= 0 || latency > 10*time.Second {
		t.Fatalf("latency is %v", latency)
	}
	before, err := sandbox.Touch(ctx)
	ok(t, err)
	after, err := handle.Touch(ctx)
	ok(t, err)
	if after <= before {
		t.Fatalf("activity %d, then %d", before, after)
	}

	ok(t, sandbox.Close())
	equal(t, "status", status(t, "go-life"), m.SandboxStopped)
	wantKind(t, sandbox.Close(), m.ErrInvalidHandle)
	_, err = sandbox.Exec(ctx, "true", nil)
	wantKind(t, err, m.ErrInvalidHandle)
	equal(t, "owns", sandbox.OwnsLifecycleOrFalse(), false)
	_, err = handle.Connect(ctx)
	wantKind(t, err, m.ErrSandboxNotRunning)
}

func TestStateIsKeptUntilRemove(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-kept", m.WithDetached())
	equal(t, "owns", sandbox.OwnsLifecycleOrFalse(), false)
	_, err := sandbox.Shell(ctx, "echo kept >/root/note && sync")
	ok(t, err)
	ok(t, sandbox.Close())
	equal(t, "status", status(t, "go-kept"), m.SandboxRunning)
	failure := wantKind(t, m.RemoveSandbox(ctx, "go-kept"), m.ErrSandboxStillRunning)
	equal(t, "name", failure.Name, "go-kept")

	handle, err := m.GetSandbox(ctx, "go-kept")
	ok(t, err)
	ok(t, handle.Stop(ctx))
	ok(t, handle.Stop(ctx)) // is stopped already
	ok(t, handle.Refresh(ctx))
	equal(t, "status", handle.Status(), m.SandboxStopped)

	started, err := handle.Start(ctx)
	ok(t, err)
	equal(t, "owns", started.OwnsLifecycleOrFalse(), true)
	out, err := started.Exec(ctx, "cat", []string{"/root/note"})
	ok(t, err)
	equal(t, "note", out.Stdout(), "kept\n")
	_, err = m.StartSandbox(ctx, "go-kept")
	wantKind(t, err, m.ErrSandboxStillRunning)

	ok(t, started.Detach(ctx))
	equal(t, "status", status(t, "go-kept"), m.SandboxRunning)
	ok(t, handle.Kill(ctx))
	ok(t, handle.Remove(ctx))
	_, err = m.GetSandbox(ctx, "go-kept")
	wantKind(t, err, m.ErrSandboxNotFound)
}

func TestEndings(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-end")
	waited := make(chan *m.StopResult, 1)
	go func() {
		result, err := sandbox.WaitUntilStopped(ctx)
		if err != nil {
			t.Error(err)
		}
		waited <- result
	}()
	running, err := sandbox.ShellStream(ctx, "echo ready; sleep 1; echo finished")
	ok(t, err)
	for event := next(t, running); event.Kind != m.ExecEventStdout; event = next(t, running) {
	}
	ok(t, sandbox.RequestDrain(ctx))
	out, err := running.Collect(ctx)
	ok(t, err)
	equal(t, "output", out.Stdout(), "finished\n")
	result := <-waited
	equal(t, "name", result.Name, "go-end")
	equal(t, "status", result.Status, m.SandboxStopped)
	equal(t, "source", result.Source, "process")
	if result.ExitCode == nil || *result.ExitCode != 0 {
		t.Fatalf("exit code %v", result.ExitCode)
	}
	if result.ObservedAt.After(time.Now()) || time.Since(result.ObservedAt) > time.Minute {
		t.Fatalf("observed at %v", result.ObservedAt)
	}

	started, err := m.StartSandboxDetached(ctx, "go-end")
	ok(t, err)
	equal(t, "owns", started.OwnsLifecycleOrFalse(), false)
	ok(t, started.RequestStop(ctx, m.WithStopTimeout(5*time.Second)))
	_, err = started.WaitUntilStopped(ctx)
	ok(t, err)
	started, err = m.StartSandboxDetached(ctx, "go-end")
	ok(t, err)
	ok(t, started.RequestKill(ctx))
	_, err = started.WaitUntilStopped(ctx)
	ok(t, err)
	started, err = m.StartSandboxDetached(ctx, "go-end")
	ok(t, err)
	ok(t, started.Drain(ctx))
	equal(t, "status", status(t, "go-end"), m.SandboxStopped)
	ok(t, started.Close())
}

func TestList(t *testing.T) {
	ctx := testContext(t)
	for _, name := range []string{"go-list-1", "go-list-2", "go-list-3"} {
		label := m.WithLabels(map[string]string{"list": "yes", "last": name[len(name)-1:]})
		ok(t, create(t, name, label, m.WithMemory(128)).Close())
	}
	names := func(options ...m.ListOption) (string, string) {
		page, err := m.ListSandboxesWith(ctx, append(options, m.WithListLabels(map[string]string{"list": "yes"}))...)
		ok(t, err)
		var names []string
		for _, sandbox := range page.Sandboxes {
			names = append(names, sandbox.Name())
		}
		return strings.Join(names, " "), page.NextCursor
	}
	all, cursor := names()
	equal(t, "list", all, "go-list-3 go-list-2 go-list-1")
	equal(t, "cursor", cursor, "")
	first, cursor := names(m.WithListLimit(2))
	equal(t, "page", first, "go-list-3 go-list-2")
	rest, cursor := names(m.WithListLimit(2), m.WithListCursor(cursor))
	equal(t, "page", rest, "go-list-1")
	equal(t, "cursor", cursor, "")
	one, _ := names(m.WithListLabels(map[string]string{"last": "2"}))
	equal(t, "list", one, "go-list-2")
	_, err := m.ListSandboxesWith(ctx, m.WithListLimit(0))
	wantKind(t, err, m.ErrInvalidArgument)
	page, err := m.ListSandboxes(ctx)
	ok(t, err)
	if len(page.Sandboxes) < 3 {
		t.Fatalf("%d sandboxes", len(page.Sandboxes))
	}
}

func TestReplace(t *testing.T) {
	ctx := testContext(t)
	old := create(t, "go-replaced")
	_, err := m.CreateSandbox(ctx, "go-replaced")
	wantKind(t, err, m.ErrSandboxAlreadyExists)
	var failure *m.Error
	if !errors.As(err, &failure) || failure.Name != "go-replaced" {
		t.Fatalf("%#v", err)
	}
	_, err = old.Shell(ctx, "echo old >/root/note")
	ok(t, err)
	replaced := create(t, "go-replaced", m.WithReplaceWithTimeout(0))
	out, err := replaced.Exec(ctx, "cat", []string{"/root/note"})
	ok(t, err)
	equal(t, "success", out.Success(), false)
	// The old connection neither reaches the new sandbox nor ends it.
	_, err = old.Exec(ctx, "true", nil)
	wantKind(t, err, m.ErrSandboxNotRunning)
	ok(t, old.Close())
	equal(t, "status", status(t, "go-replaced"), m.SandboxRunning)
}

func TestErrors(t *testing.T) {
	ctx := testContext(t)
	_, err := m.GetSandbox(ctx, "go-none")
	failure := wantKind(t, err, m.ErrSandboxNotFound)
	equal(t, "name", failure.Name, "go-none")
	_, err = m.StartSandbox(ctx, "go-none")
	wantKind(t, err, m.ErrSandboxNotFound)
	wantKind(t, m.RemoveSandbox(ctx, "go-none"), m.ErrSandboxNotFound)
	_, err = m.CreateSandbox(ctx, "go-bad", m.WithCPUs(0))
	wantKind(t, err, m.ErrInvalidConfig)
	_, err = m.CreateSandbox(ctx, "go-bad", m.WithTHP("sometimes"))
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = m.CreateSandbox(ctx, "go\x00bad")
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = m.CreateSandbox(ctx, "go-bad", m.WithImage("go-no-such-image:1"), m.WithPullPolicy(m.PullNever))
	wantKind(t, err, m.ErrImageNotFound)
	_, err = m.CreateSandbox(ctx, "go-bad", m.WithInit(m.Init.Cmd("/no/such/init")))
	failure = wantKind(t, err, m.ErrBootStart)
	equal(t, "name", failure.Name, "go-bad")
	if failure.Stage == "" || !contains(failure.Message, "/no/such/init") {
		t.Fatalf("%#v", failure)
	}
	_ = m.RemoveSandbox(ctx, "go-bad", m.WithForce())
}

func TestMountsAndNetwork(t *testing.T) {
	ctx := testContext(t)
	_, err := m.CreateSandbox(ctx, "go-mounts", m.WithMounts(map[string]m.MountConfig{"/x": m.Mount.Bind("/does/not/exist")}))
	failure := wantKind(t, err, m.ErrBootStart)
	equal(t, "stage", failure.Stage, "mount")
	equal(t, "errno", failure.Errno, 2)
	ok(t, m.RemoveSandbox(ctx, "go-mounts"))
	shared := t.TempDir()
	one, nine, user, group := uint64(1), uint64(9), uint32(7), uint32(8)
	sandbox := create(t, "go-mounts", m.WithMounts(map[string]m.MountConfig{
		"/x": m.Mount.Bind(shared),
		"/y": m.Mount.Bind(shared, m.MountOptions{Readonly: true}),
		"/q": m.Mount.Bind(shared, m.MountOptions{Cache: "cached", QuotaMiB: &one, QuotaInodes: &nine, UID: &user, GID: &group}),
	}), m.WithNetwork(m.NetworkConfig{
		Profiles: []string{"public"}, Rules: []string{"deny@link-local", "allow@pypi.org:tcp:443"}, DefaultIngress: "deny"}))
	out, err := sandbox.Shell(ctx, "echo guest >/x/file && ! touch /y/file && test -e /sys/class/net/eth0"+
		" && stat -c %u:%g /q | grep -qx 7:8 && df -k /q | grep -q ' 1024 '")
	ok(t, err)
	equal(t, "success", out.Success(), true)
	written, err := os.ReadFile(shared + "/file")
	ok(t, err)
	equal(t, "file", string(written), "guest\n")
	_, err = m.CreateSandbox(ctx, "go-bad", m.WithPorts(map[uint16]uint16{80: 0}))
	wantKind(t, err, m.ErrInvalidConfig)
}

func TestCancelledCalls(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := m.CreateSandbox(ended, "go-cancelled")
	wantKind(t, err, m.ErrCancelled)
	_, err = m.GetSandbox(testContext(t), "go-cancelled")
	wantKind(t, err, m.ErrSandboxNotFound)

	sandbox := create(t, "go-cancelled")
	short, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err = sandbox.Exec(short, "sleep", []string{"30"})
	wantKind(t, err, m.ErrCancelled)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v is no %v", err, context.DeadlineExceeded)
	}
	if took := time.Since(begin); took < 250*time.Millisecond || took > 10*time.Second {
		t.Fatalf("cancelled after %v", took)
	}
	// The sandbox is as usable as before, and the command is gone.
	deadline := time.Now().Add(5 * time.Second)
	for {
		out, err := sandbox.Shell(testContext(t), "ps | grep -c '[s]leep 30'")
		ok(t, err)
		if out.Stdout() == "0\n" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the command still runs")
		}
	}
	_, err = sandbox.WaitUntilStopped(short)
	wantKind(t, err, m.ErrCancelled)
	equal(t, "status", status(t, "go-cancelled"), m.SandboxRunning)
}

// A process that ends without a word takes its attached sandboxes along, and leaves the detached.
func TestSandboxesOfAProcessThatEnds(t *testing.T) {
	if os.Getenv("MSB_TEST_CHILD") != "" {
		ctx := context.Background()
		_, err := m.CreateSandbox(ctx, "go-child-attached", m.WithMemory(128))
		ok(t, err)
		_, err = m.CreateSandbox(ctx, "go-child-detached", m.WithMemory(128), m.WithDetached())
		ok(t, err)
		os.Exit(7)
	}
	command := exec.Command(os.Args[0], "-test.run=TestSandboxesOfAProcessThatEnds")
	command.Env = append(os.Environ(), "MSB_TEST_CHILD=1")
	out, _ := command.CombinedOutput()
	if command.ProcessState.ExitCode() != 7 {
		t.Fatalf("%v: %s", command.ProcessState, out)
	}
	ctx := testContext(t)
	attached, err := m.GetSandbox(ctx, "go-child-attached")
	ok(t, err)
	_, err = attached.WaitUntilStopped(ctx)
	ok(t, err)
	equal(t, "status", status(t, "go-child-detached"), m.SandboxRunning)
	ok(t, m.RemoveSandbox(ctx, "go-child-detached", m.WithForce()))
	ok(t, attached.Remove(ctx))
}
