package microsandbox_test

import (
	"testing"
	"time"

	m "microsandbox.internal/microsandbox"
)

func TestLogs(t *testing.T) {
	ctx := testContext(t)
	begin := time.Now().Add(-time.Second)
	sandbox := create(t, "go-logs")
	for _, script := range []string{"echo one; echo two >&2", "printf 'three\\377\\n'"} {
		_, err := sandbox.Shell(ctx, script)
		ok(t, err)
	}
	texts := func(options ...m.LogOption) (all string) {
		t.Helper()
		entries, err := sandbox.Logs(ctx, options...)
		ok(t, err)
		for i := range entries {
			all += entries[i].Text()
		}
		return all
	}
	entries, err := sandbox.Logs(ctx)
	ok(t, err)
	equal(t, "entries", len(entries), 3)
	for i := range entries {
		if entries[i].SessionID == nil || entries[i].Cursor == "" || entries[i].Timestamp.Before(begin) {
			t.Fatalf("%+v", entries[i])
		}
	}
	equal(t, "last", string(entries[2].Data), "three\xff\n")
	equal(t, "stderr", texts(m.WithLogSources(m.LogStderr)), "two\n")
	equal(t, "tail", texts(m.WithLogTail(1)), "three\xff\n")
	equal(t, "until", texts(m.WithLogUntil(begin)), "")
	equal(t, "cursor", texts(m.WithLogFromCursor(entries[1].Cursor)), "three\xff\n")
	if system := texts(m.WithLogSources(m.LogSystem)); !contains(system, "--- sandbox started ---") {
		t.Fatalf("%q", system)
	}

	stream, err := sandbox.LogStream(ctx, m.WithLogFollow())
	ok(t, err)
	defer stream.Close()
	followed := make(chan string, 1)
	go func() {
		all := ""
		for {
			entry, err := stream.Recv(ctx)
			if err != nil {
				t.Error(err)
			}
			if entry == nil {
				followed <- all
				return
			}
			all += string(entry.Source) + " " + entry.Text()
		}
	}()
	_, err = sandbox.Exec(ctx, "echo", []string{"four"})
	ok(t, err)
	ok(t, sandbox.Stop(ctx))
	got := <-followed
	if !contains(got, "stdout one\n") || !contains(got, "stderr two\n") || !contains(got, "stdout four\n") {
		t.Fatalf("%q", got)
	}

	// Stopped, by name.
	handle, err := m.GetSandbox(ctx, "go-logs")
	ok(t, err)
	entries, err = handle.Logs(ctx, m.WithLogTail(1))
	ok(t, err)
	equal(t, "tail", entries[0].Text(), "four\n")
	_, err = handle.Logs(ctx, m.WithLogFromCursor("nonsense"))
	wantKind(t, err, m.ErrInvalidCursor)
}

func TestAgentSocketPath(t *testing.T) {
	path, err := m.AgentSocketPath("go-never-made")
	ok(t, err)
	if path == "" || path[0] != '/' || len(path) >= 108 {
		t.Fatalf("path %q", path)
	}
	other, err := m.AgentSocketPath("go-never-made-either")
	ok(t, err)
	if other == path {
		t.Fatal("two sandboxes have one path")
	}
}
