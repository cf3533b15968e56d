package microsandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	m "microsandbox.internal/microsandbox"
)

func TestVolumeHasToBeThere(t *testing.T) {
	ctx := testContext(t)
	_, err := m.CreateSandbox(ctx, "go-vol", m.WithMounts(map[string]m.MountConfig{"/d": m.Mount.Named("go-none")}))
	wantKind(t, err, m.ErrVolumeNotFound)
	_, err = m.GetVolume(ctx, "go-none")
	wantKind(t, err, m.ErrVolumeNotFound)
	wantKind(t, m.RemoveVolume(ctx, "go-none"), m.ErrVolumeNotFound)
}

func TestVolumes(t *testing.T) {
	ctx := testContext(t)
	data, err := m.CreateVolume(ctx, "go-data", m.WithVolumeQuota(512), m.WithVolumeLabels(map[string]string{"a": "b"}))
	ok(t, err)
	equal(t, "kind", data.Kind, "directory")
	equal(t, "quota", *data.QuotaMiB, uint64(512))
	equal(t, "label", data.Labels["a"], "b")
	_, err = m.CreateVolume(ctx, "go-data")
	wantKind(t, err, m.ErrVolumeAlreadyExists)
	disk, err := m.CreateVolume(ctx, "go-disk", m.WithVolumeKind(m.VolumeDisk), m.WithVolumeSize(256))
	ok(t, err)
	equal(t, "capacity", disk.CapacityBytes, uint64(256<<20))

	mounts := func(config m.MountConfig) m.SandboxOption {
		return m.WithMounts(map[string]m.MountConfig{"/d": config})
	}
	_, err = m.CreateSandbox(ctx, "go-vol", mounts(m.Mount.NamedWith("go-data", m.MountOptions{}, m.NamedVolumeOptions{Mode: m.VolumeCreate})))
	wantKind(t, err, m.ErrVolumeAlreadyExists)
	_, err = m.CreateSandbox(ctx, "go-vol", mounts(m.Mount.NamedWith("go-data", m.MountOptions{}, m.NamedVolumeOptions{QuotaMiB: 1})))
	wantKind(t, err, m.ErrInvalidConfig)
	box := create(t, "go-vol", m.WithMounts(map[string]m.MountConfig{
		"/data":    m.Mount.Named("go-data"),
		"/disk":    m.Mount.NamedWith("go-disk", m.MountOptions{}, m.NamedVolumeOptions{Mode: m.VolumeExisting, Kind: m.VolumeDisk, SizeMiB: 256}),
		"/new":     m.Mount.NamedWith("go-new", m.MountOptions{}, m.NamedVolumeOptions{Mode: m.VolumeCreate}),
		"/ensured": m.Mount.NamedWith("go-ensured", m.MountOptions{Readonly: true}, m.NamedVolumeOptions{Mode: m.VolumeEnsureExists}),
		"/own":     m.Mount.Owned(m.MountOptions{}, m.NamedVolumeOptions{}),
		"/memory":  m.Mount.Tmpfs(m.TmpfsOptions{SizeMiB: 8}),
	}))
	_, err = box.Exec(ctx, "sh", []string{"-c", "echo kept >/data/file && touch /disk/x /new/x /own/x /memory/x && ! touch /ensured/x"})
	ok(t, err)
	text, err := os.ReadFile(filepath.Join(data.Path, "file"))
	ok(t, err)
	equal(t, "file", string(text), "kept\n")
	wantKind(t, data.Remove(ctx), m.ErrVolumeInUse)
	ok(t, box.Stop(ctx))
	ok(t, box.Remove(ctx))

	_, err = m.CloneVolume(ctx, "go-data", "go-copy")
	ok(t, err)
	volumes, err := m.ListVolumes(ctx)
	ok(t, err)
	equal(t, "volumes", len(volumes), 5)
	equal(t, "newest", volumes[0].Name, "go-copy")
	ok(t, volumes[0].Remove(ctx))
	pruned, err := m.PruneVolumes(ctx, map[string]string{"a": "b"}, true)
	ok(t, err)
	equal(t, "would be pruned", pruned[0].Name, "go-data")
	pruned, err = m.PruneVolumes(ctx, nil, false)
	ok(t, err)
	equal(t, "pruned", len(pruned), 4)
}

func TestVolumeFiles(t *testing.T) {
	ctx := testContext(t)
	volume, err := m.CreateVolume(ctx, "go-files", m.WithVolumeLabels(map[string]string{"go": "files"}))
	ok(t, err)
	files := volume.FS()
	ok(t, files.WriteString(ctx, "/a/b/file", "text"))
	text, err := files.ReadString(ctx, "a/b/file")
	ok(t, err)
	equal(t, "text", text, "text")
	ok(t, files.Mkdir(ctx, "/c/d"))
	ok(t, files.Copy(ctx, "/a/b/file", "/c/copy"))
	ok(t, files.Rename(ctx, "/c/copy", "/c/moved"))
	entries, err := files.List(ctx, "/c")
	ok(t, err)
	equal(t, "entries", len(entries), 2)
	equal(t, "moved", entries[1].Path, "/c/moved")
	entry, err := files.Stat(ctx, "/c/moved")
	ok(t, err)
	equal(t, "size", entry.Size, int64(4))
	there, err := files.Exists(ctx, "/none")
	ok(t, err)
	equal(t, "exists", there, false)
	wantKind(t, files.Remove(ctx, "/c"), m.ErrFilesystem)
	ok(t, files.RemoveAll(ctx, "/c"))

	usage, err := m.GetStorageUsage(ctx)
	ok(t, err)
	equal(t, "volumes", usage.Volumes.Count > 0, true)
	options := m.PruneOptions{Types: []string{"volumes"}, Labels: map[string]string{"go": "files"}, DryRun: true}
	report, err := m.PruneStorage(ctx, options)
	ok(t, err)
	equal(t, "planned", report.Items[0].Name+" "+report.Items[0].State, "go-files reclaimable")
	options.DryRun = false
	report, err = m.PruneStorage(ctx, options)
	ok(t, err)
	equal(t, "removed", report.Removed, 1)
}
