package microsandbox_test

import (
	"bytes"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	m "microsandbox.internal/microsandbox"
)

func TestFiles(t *testing.T) {
	ctx := testContext(t)
	files := create(t, "go-files").FS()

	ok(t, files.Mkdir(ctx, "/data/deep"))
	data := make([]byte, 2<<20)
	rand.New(rand.NewSource(3)).Read(data)
	ok(t, files.Write(ctx, "/data/noise", data, m.WithFSMode(0o600)))
	read, err := files.Read(ctx, "/data/noise")
	ok(t, err)
	if !bytes.Equal(read, data) {
		t.Fatalf("%d other bytes came back", len(read))
	}
	_, err = files.Read(ctx, "/data/noise", m.WithFSMaxBytes(1000))
	wantKind(t, err, m.ErrLimitExceeded)
	ok(t, files.WriteString(ctx, "/data/empty", ""))
	read, err = files.Read(ctx, "/data/empty")
	ok(t, err)
	equal(t, "size", len(read), 0)

	entry, err := files.Stat(ctx, "/data/noise")
	ok(t, err)
	equal(t, "kind", entry.Kind, m.FSFile)
	equal(t, "size", entry.Size, 2<<20)
	equal(t, "mode", entry.Mode, 0o600)
	entry, err = files.Stat(ctx, "/data")
	ok(t, err)
	equal(t, "directory", entry.IsDir(), true)
	list, err := files.List(ctx, "/data")
	ok(t, err)
	equal(t, "entries", len(list), 3)

	ok(t, files.Copy(ctx, "/data/noise", "/data/copy"))
	ok(t, files.Rename(ctx, "/data/copy", "/data/deep/moved"))
	for path, wanted := range map[string]bool{"/data/copy": false, "/data/deep/moved": true} {
		exists, err := files.Exists(ctx, path)
		ok(t, err)
		equal(t, path, exists, wanted)
	}
	wantKind(t, files.RemoveDir(ctx, "/data/deep", m.WithFSEmptyOnly()), m.ErrFilesystem)
	ok(t, files.Remove(ctx, "/data/noise"))
	ok(t, files.RemoveDir(ctx, "/data"))
	_, err = files.Read(ctx, "/data/noise")
	wantKind(t, err, m.ErrPathNotFound)
	wantKind(t, files.As("1000").WriteString(ctx, "/etc/passwd", "x"), m.ErrFilesystem)

	here := filepath.Join(t.TempDir(), "here")
	ok(t, os.WriteFile(here, data, 0o600))
	ok(t, files.CopyFromHost(ctx, here, "/root/there"))
	ok(t, files.CopyToHost(ctx, "/root/there", here+"-again"))
	again, err := os.ReadFile(here + "-again")
	ok(t, err)
	if !bytes.Equal(again, data) {
		t.Fatalf("%d other bytes came back", len(again))
	}

	writer, err := files.WriteStream(ctx, "/root/streamed")
	ok(t, err)
	for rest := data; len(rest) > 0; {
		size := 100_000
		if len(rest) < size {
			size = len(rest)
		}
		_, err := writer.Write(rest[:size])
		ok(t, err)
		rest = rest[size:]
	}
	ok(t, writer.Close(ctx))
	reader, err := files.ReadStream(ctx, "/root/streamed")
	ok(t, err)
	var streamed bytes.Buffer
	_, err = reader.CopyTo(ctx, &streamed)
	ok(t, err)
	if !bytes.Equal(streamed.Bytes(), data) {
		t.Fatalf("%d other bytes came back", streamed.Len())
	}
	ok(t, reader.Close())
	_, err = reader.Recv(ctx)
	wantKind(t, err, m.ErrInvalidHandle)
}

// The image of MSB_TEST_IMAGE is a tar of a small image.
func TestImages(t *testing.T) {
	path := os.Getenv("MSB_TEST_IMAGE")
	if path == "" {
		t.Skip("no MSB_TEST_IMAGE")
	}
	ctx := testContext(t)
	images, err := m.Image.Load(ctx, path, "go-image:1")
	ok(t, err)
	if len(images) == 0 {
		t.Fatal("nothing was loaded")
	}
	image, err := m.Image.Get(ctx, "go-image:1")
	ok(t, err)
	equal(t, "os", image.OS, "linux")
	detail, err := image.Inspect(ctx)
	ok(t, err)
	equal(t, "layers", len(detail.Layers), detail.LayerCount)
	equal(t, "command", detail.Config.Cmd[0], "/bin/sh")
	images, err = m.Image.List(ctx)
	ok(t, err)
	found := false
	for i := range images {
		found = found || images[i].Reference == image.Reference
	}
	equal(t, "listed", found, true)
	pulled, err := m.Image.Pull(ctx, "go-image:1", m.WithPullPolicy(m.PullIfMissing))
	ok(t, err)
	equal(t, "digest", pulled.Digest, image.Digest)

	create(t, "go-image", m.WithImage("go-image:1"))
	wantKind(t, image.Remove(ctx), m.ErrImageInUse)
	ok(t, m.RemoveSandbox(ctx, "go-image", m.WithForce()))
	ok(t, image.Remove(ctx))
	_, err = m.Image.Get(ctx, "go-image:1")
	wantKind(t, err, m.ErrImageNotFound)
	_, err = m.Image.Prune(ctx)
	ok(t, err)
}
