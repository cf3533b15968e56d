package microsandbox

// PatchConfig is a change to the files of a new sandbox, made before it first starts: see [Patch].
type PatchConfig struct {
	Kind    string  `json:"kind"`
	Path    string  `json:"path,omitempty"`
	Content *string `json:"content,omitempty"`
	Bytes   []byte  `json:"content_base64,omitempty"`
	Mode    *uint32 `json:"mode,omitempty"`
	Replace bool    `json:"replace,omitempty"`
	Src     string  `json:"src,omitempty"`
	Dst     string  `json:"dst,omitempty"`
	Target  string  `json:"target,omitempty"`
	Link    string  `json:"link,omitempty"`
}

// PatchOptions is how something new is to be.
type PatchOptions struct {
	Mode    *uint32 // permissions; 0644, of directories 0755, and of copies their own if not given
	Replace bool    // what is there already is replaced; it is [ErrPatchFailed] otherwise
}

type patchFactory struct{}

// Patch makes a [PatchConfig]: Patch.Text("/etc/motd", "hello\n"). Paths of the guest are absolute.
var Patch patchFactory

// Text is a file with this content.
func (patchFactory) Text(path, content string, options ...PatchOptions) PatchConfig {
	return PatchConfig{Kind: "text", Path: path, Content: &content}.with(options)
}

// File is a file with these bytes.
func (patchFactory) File(path string, content []byte, options ...PatchOptions) PatchConfig {
	return PatchConfig{Kind: "file", Path: path, Bytes: content}.with(options)
}

// Append adds to the end of a file that there is.
func (patchFactory) Append(path, content string) PatchConfig {
	return PatchConfig{Kind: "append", Path: path, Content: &content}
}

// Mkdir is a directory, with those above it. One that there is stays as it is.
func (patchFactory) Mkdir(path string, options ...PatchOptions) PatchConfig {
	return PatchConfig{Kind: "mkdir", Path: path}.with(options)
}

// Remove takes away what is there, if anything is.
func (patchFactory) Remove(path string) PatchConfig { return PatchConfig{Kind: "remove", Path: path} }

// Symlink is a symbolic link that leads to target.
func (patchFactory) Symlink(target, link string, options ...PatchOptions) PatchConfig {
	return PatchConfig{Kind: "symlink", Target: target, Link: link}.with(options)
}

// CopyFile is a file of the host; a relative src is below the working directory.
func (patchFactory) CopyFile(src, dst string, options ...PatchOptions) PatchConfig {
	return PatchConfig{Kind: "copy_file", Src: src, Dst: dst}.with(options)
}

// CopyDir is a directory of the host with everything below; a relative src is below the working directory.
func (patchFactory) CopyDir(src, dst string, options ...PatchOptions) PatchConfig {
	return PatchConfig{Kind: "copy_dir", Src: src, Dst: dst}.with(options)
}

// with is the patch with what was given of its options. A directory has nothing to replace.
func (p PatchConfig) with(options []PatchOptions) PatchConfig {
	for _, o := range options {
		p.Mode, p.Replace = o.Mode, o.Replace && p.Kind != "mkdir"
	}
	if p.Kind == "symlink" {
		p.Mode = nil
	}
	return p
}

// WithPatches changes files of the image before the sandbox first starts, in this order; see [Patch]. Not with
// [WithFromSnapshot]. [ErrPatchFailed].
func WithPatches(patches ...PatchConfig) SandboxOption {
	return func(o *sandboxOptions) { o.Patches = append(o.Patches, patches...) }
}
