package microsandbox_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	m "microsandbox.internal/microsandbox"
)

// describe is how a path has changed, and its size.
func describe(changes []m.DiskChange, path string) string {
	for _, change := range changes {
		if change.Path == path {
			return fmt.Sprint(change.Change, " ", *change.SizeAfter)
		}
	}
	return "not at all"
}

func TestSnapshots(t *testing.T) {
	ctx := testContext(t)
	scratch := t.TempDir()
	box := create(t, "go-snap")
	_, err := box.Exec(ctx, "sh", []string{"-c", "echo kept >/file; sync"})
	ok(t, err)
	_, err = box.Snapshot(ctx, "go-one")
	wantKind(t, err, m.ErrSnapshotSandboxRunning)
	ok(t, box.Stop(ctx))
	_, err = m.Snapshot.Create(ctx, "go-nobody", "go-one")
	wantKind(t, err, m.ErrSandboxNotFound)
	one, err := m.Snapshot.Create(ctx, "go-snap", "go-one", m.WithSnapshotLabels(map[string]string{"a": "b"}), m.WithSnapshotIntegrity())
	ok(t, err)
	equal(t, "name", one.Name, "go-one")
	equal(t, "label", one.Labels["a"], "b")
	equal(t, "source", one.SourceSandbox, "go-snap")
	equal(t, "size", one.SizeBytes, uint64(4<<30))
	equal(t, "parent", one.ParentDigest, "")
	_, err = m.Snapshot.Create(ctx, "go-snap", "go-one")
	wantKind(t, err, m.ErrSnapshotAlreadyExists)
	opened, err := m.Snapshot.Open(ctx, one.Digest)
	ok(t, err)
	equal(t, "path", opened.Path, one.Path)
	known, err := m.Snapshot.List(ctx)
	ok(t, err)
	equal(t, "known", known[0].Digest, one.Digest)

	shelf, err := m.Snapshot.Create(ctx, "go-snap", "two", m.WithSnapshotDir(filepath.Join(scratch, "shelf")))
	ok(t, err)
	there, err := m.Snapshot.ListDir(ctx, filepath.Join(scratch, "shelf"))
	ok(t, err)
	equal(t, "in the directory", len(there), 1)
	count, err := m.Snapshot.Reindex(ctx, filepath.Join(scratch, "shelf"))
	ok(t, err)
	equal(t, "indexed", count, 1)
	report, err := shelf.Verify(ctx)
	ok(t, err)
	equal(t, "verification", report.Upper.Kind, "not_recorded")
	report, err = one.Verify(ctx)
	ok(t, err)
	equal(t, "verified hash", report.Upper.Digest, one.Integrity.Root)

	fork := create(t, "go-fork", m.WithFromSnapshot("go-one"))
	output, err := fork.Exec(ctx, "cat", []string{"/file"})
	ok(t, err)
	equal(t, "file", output.Stdout(), "kept\n")
	_, err = fork.Exec(ctx, "sh", []string{"-c", "echo changed >/file; sync"})
	ok(t, err)
	ok(t, fork.Stop(ctx))
	child, err := m.Snapshot.Create(ctx, "go-fork", "go-child")
	ok(t, err)
	equal(t, "parent", child.ParentDigest, one.Digest)
	wantKind(t, one.Remove(ctx), m.ErrSnapshotInUse)
	_, err = m.CreateSandbox(ctx, "go-none", m.WithFromSnapshot("go-none"))
	wantKind(t, err, m.ErrSnapshotNotFound)

	changes, err := m.Snapshot.Diff(ctx, "go-one", "go-child")
	ok(t, err)
	equal(t, "changes", describe(changes, "/file"), "changed 8")
	changes, err = fork.Diff(ctx)
	ok(t, err)
	equal(t, "changes", describe(changes, "/file"), "changed 8")
	more, err := fork.ForkMany(ctx, []string{"go-a", "go-b"}, m.WithForkProgress(func(done, total uint64) {}))
	ok(t, err)
	output, err = more[1].Exec(ctx, "cat", []string{"/file"})
	ok(t, err)
	equal(t, "file", output.Stdout(), "changed\n")
	_, err = more[0].Diff(ctx)
	wantKind(t, err, m.ErrSandboxStillRunning)
	_, err = fork.Fork(ctx, "go-a")
	equal(t, "name", wantKind(t, err, m.ErrSandboxAlreadyExists).Name, "go-a")
	live, err := more[0].Snapshot(ctx, "go-live", m.WithSnapshotCopyWhileFrozen())
	ok(t, err)
	ok(t, live.Remove(ctx, m.WithForce()))
	for _, one := range more {
		ok(t, m.RemoveSandbox(ctx, one.Name(), m.WithForce()))
	}

	archive := filepath.Join(scratch, "child.tar.zst")
	var told uint64
	progress := m.WithExportProgress(func(done, total uint64) { told = done })
	path, err := m.Snapshot.Export(ctx, "go-child", archive, m.WithExportSince("go-one"), progress)
	ok(t, err)
	if told == 0 {
		t.Fatal("nothing was told of the export's progress")
	}
	equal(t, "archive", path, archive)
	again, err := m.Snapshot.Import(ctx, archive, m.WithSnapshotName("go-again"))
	ok(t, err)
	equal(t, "imported", again.Digest, child.Digest)
	ok(t, m.Snapshot.Remove(ctx, "go-child"))
	ok(t, again.Remove(ctx))

	disk := filepath.Join(one.Path, one.UpperFile)
	ok(t, os.Chmod(disk, 0o600))
	file, err := os.OpenFile(disk, os.O_WRONLY, 0)
	ok(t, err)
	_, err = file.WriteAt([]byte("x"), 1000)
	ok(t, err)
	ok(t, file.Close())
	_, err = m.Snapshot.Verify(ctx, "go-one")
	wantKind(t, err, m.ErrSnapshotIntegrity)
	ok(t, m.Snapshot.Remove(ctx, one.Path, m.WithForce()))
	ok(t, m.Snapshot.Remove(ctx, shelf.Path, m.WithForce()))
	_, err = m.Snapshot.Get(ctx, "go-one")
	wantKind(t, err, m.ErrSnapshotNotFound)
}
