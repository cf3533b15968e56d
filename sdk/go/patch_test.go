package microsandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	m "microsandbox.internal/microsandbox"
)

func TestPatches(t *testing.T) {
	ctx := testContext(t)
	host := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(host, "one"), []byte("one"), 0o640))
	mode := uint32(0o600)
	box := create(t, "go-patched", m.WithPatches(
		m.Patch.Text("/etc/greeting", "hello\n", m.PatchOptions{Mode: &mode}),
		m.Patch.Append("/etc/greeting", "more\n"),
		m.Patch.File("/opt/raw", []byte{0, 1, 255}),
		m.Patch.Mkdir("/data/deep"),
		m.Patch.Remove("/etc/passwd-"),
		m.Patch.Symlink("../opt", "/data/link"),
		m.Patch.CopyFile(filepath.Join(host, "one"), "/opt/one", m.PatchOptions{}),
	), m.WithPatches(m.Patch.CopyDir(host, "/opt/dir")))
	output, err := box.Shell(ctx, `stat -c %a /etc/greeting; cat /etc/greeting; od -An -tx1 /opt/raw | tr -d " "
ls -d /data/deep; readlink /data/link; stat -c %a /opt/one /opt/dir/one; cat /opt/dir/one`)
	ok(t, err)
	equal(t, "files", output.Stdout(), "600\nhello\nmore\n0001ff\n/data/deep\n../opt\n640\n640\none")
	_, err = m.CreateSandbox(ctx, "go-unpatched", m.WithPatches(m.Patch.Text("/bin/sh", "", m.PatchOptions{})))
	equal(t, "name", wantKind(t, err, m.ErrPatchFailed).Name, "go-unpatched")
	_, err = m.CreateSandbox(ctx, "go-unpatched", m.WithPatches(m.Patch.Mkdir("relative")))
	wantKind(t, err, m.ErrInvalidConfig)
	_, err = m.GetSandbox(ctx, "go-unpatched")
	wantKind(t, err, m.ErrSandboxNotFound)
}
