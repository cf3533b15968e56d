package microsandbox

import (
	"math"
	"time"
)

// Rlimit is a resource limit of commands.
type Rlimit struct {
	Resource string `json:"resource"` // the name of setrlimit(2) in lower case: "nofile", "cpu", ...
	Soft     uint64 `json:"soft"`     // the limit that holds at first
	Hard     uint64 `json:"hard"`     // how far it may be raised
}

// PullPolicy says when an image is fetched.
type PullPolicy string

// When an image is fetched.
const (
	PullIfMissing PullPolicy = "if-missing"
	PullAlways    PullPolicy = "always"
	PullNever     PullPolicy = "never"
)

// SecurityProfile says what a guest's users may do within the guest.
type SecurityProfile string

// What a guest's users may do within the guest.
const (
	SecurityDefault    SecurityProfile = "default"
	SecurityRestricted SecurityProfile = "restricted"
)

// SandboxOption is a property of a sandbox that is made. Those with maps add to earlier ones, the others
// replace them.
type SandboxOption func(*sandboxOptions)

// WithImage chooses the image: a reference. Without it the sandbox has the image that comes with msb.
func WithImage(reference string) SandboxOption {
	return func(o *sandboxOptions) { o.Image = &reference }
}

// WithCPUs sets the number of virtual processors.
func WithCPUs(count uint) SandboxOption { return func(o *sandboxOptions) { o.CPUs = &count } }

// WithMaxCPUs sets how many virtual processors the sandbox can be given later.
func WithMaxCPUs(count uint) SandboxOption { return func(o *sandboxOptions) { o.MaxCPUs = &count } }

// WithMemory sets the memory in MiB.
func WithMemory(mib uint64) SandboxOption { return func(o *sandboxOptions) { o.MemoryMiB = &mib } }

// WithMaxMemory sets how many MiB of memory the sandbox can be given later.
func WithMaxMemory(mib uint64) SandboxOption {
	return func(o *sandboxOptions) { o.MaxMemoryMiB = &mib }
}

// WithRootDisk sets the size of the root disk in MiB.
func WithRootDisk(mib uint64) SandboxOption { return func(o *sandboxOptions) { o.RootDiskMiB = &mib } }

// WithRootDiskFrom says what takes what is written to the root: "8G", "tmpfs[:SIZE]" (memory, new at
// each start), "flat[:SIZE]" (with the image's files in it), or the path of a disk image of the host.
func WithRootDiskFrom(disk string) SandboxOption {
	return func(o *sandboxOptions) { o.RootDisk = &disk }
}

// WithTHP says whether the guest's memory has huge pages: "always", "madvise", "never".
func WithTHP(mode string) SandboxOption { return func(o *sandboxOptions) { o.THP = &mode } }

// WithEnv adds to the environment of all commands.
func WithEnv(env map[string]string) SandboxOption {
	return func(o *sandboxOptions) { merge(&o.Env, env) }
}

// WithLabel adds a label.
func WithLabel(key, value string) SandboxOption {
	return WithLabels(map[string]string{key: value})
}

// WithLabels adds labels.
func WithLabels(labels map[string]string) SandboxOption {
	return func(o *sandboxOptions) { merge(&o.Labels, labels) }
}

// WithScripts adds files to every command's PATH: what they contain by name.
func WithScripts(scripts map[string]string) SandboxOption {
	return func(o *sandboxOptions) { merge(&o.Scripts, scripts) }
}

// WithWorkdir sets the directory of commands.
func WithWorkdir(path string) SandboxOption { return func(o *sandboxOptions) { o.Workdir = &path } }

// WithUser sets the user of commands: a name or number, with ":group" or not.
func WithUser(user string) SandboxOption { return func(o *sandboxOptions) { o.User = &user } }

// WithHostname sets the guest's name.
func WithHostname(name string) SandboxOption { return func(o *sandboxOptions) { o.Hostname = &name } }

// WithShell sets the shell of [Sandbox.Shell].
func WithShell(path string) SandboxOption { return func(o *sandboxOptions) { o.Shell = &path } }

// WithEntrypoint replaces the image's entrypoint.
func WithEntrypoint(words ...string) SandboxOption {
	return func(o *sandboxOptions) { o.Entrypoint = list(words) }
}

// WithCmd replaces the image's command.
func WithCmd(words ...string) SandboxOption {
	return func(o *sandboxOptions) { o.Cmd = list(words) }
}

// WithInit makes another program the guest's process 1: see [Init].
func WithInit(init InitConfig) SandboxOption { return func(o *sandboxOptions) { o.Init = &init } }

// WithSecurityProfile says what the guest's users may do within it.
func WithSecurityProfile(profile SecurityProfile) SandboxOption {
	return func(o *sandboxOptions) { o.Security = &profile }
}

// WithoutNetwork makes a sandbox that has no network interface.
func WithoutNetwork() SandboxOption {
	return func(o *sandboxOptions) { o.Network = false }
}

// WithNetwork says what the guest may reach.
func WithNetwork(network NetworkConfig) SandboxOption {
	return func(o *sandboxOptions) { o.Network = network }
}

// WithPorts publishes TCP ports of the host's loopback: the guest's port by the host's.
func WithPorts(ports map[uint16]uint16) SandboxOption {
	return func(o *sandboxOptions) {
		for host, guest := range ports {
			o.Ports = append(o.Ports, PortBinding{HostPort: host, GuestPort: guest})
		}
	}
}

// WithPortsUDP publishes UDP ports of the host's loopback: the guest's port by the host's.
func WithPortsUDP(ports map[uint16]uint16) SandboxOption {
	return func(o *sandboxOptions) {
		for host, guest := range ports {
			o.Ports = append(o.Ports, PortBinding{HostPort: host, GuestPort: guest, Protocol: "udp"})
		}
	}
}

// WithPortBindings publishes ports of the host, at any address and of either protocol.
func WithPortBindings(ports ...PortBinding) SandboxOption {
	return func(o *sandboxOptions) { o.Ports = append(o.Ports, ports...) }
}

// WithMounts adds what paths of the guest lead to: see [Mount].
func WithMounts(mounts map[string]MountConfig) SandboxOption {
	return func(o *sandboxOptions) {
		if o.Volumes == nil {
			o.Volumes = map[string]MountConfig{}
		}
		for path, mount := range mounts {
			o.Volumes[path] = mount
		}
	}
}

// WithRlimits adds limits for all commands.
func WithRlimits(limits ...Rlimit) SandboxOption {
	return func(o *sandboxOptions) { o.Rlimits = append(o.Rlimits, limits...) }
}

// WithEngine says what runs the guest: "auto", "uml", "kvm".
func WithEngine(engine string) SandboxOption { return func(o *sandboxOptions) { o.Engine = &engine } }

// WithKernel says which kernel the guest has: "auto", a bundle's name, or the absolute path of a
// bundle's folder.
func WithKernel(choice string) SandboxOption { return func(o *sandboxOptions) { o.Kernel = &choice } }

// WithHardwareIsolation refuses engines without a hardware boundary.
func WithHardwareIsolation() SandboxOption {
	return func(o *sandboxOptions) { hardware := "hardware"; o.RequireIsolation = &hardware }
}

// WithPullPolicy says when the image is fetched.
func WithPullPolicy(policy PullPolicy) SandboxOption {
	return func(o *sandboxOptions) { o.PullPolicy = &policy }
}

// WithRegistryInsecure talks plain HTTP to the registry.
func WithRegistryInsecure() SandboxOption {
	return func(o *sandboxOptions) { o.Insecure = true }
}

// WithRegistryCACertsPath trusts the certificates of a PEM file for the registry.
func WithRegistryCACertsPath(path string) SandboxOption {
	return func(o *sandboxOptions) { o.CACerts = &path }
}

// WithMaxDuration stops the sandbox after that time, in whole seconds, rounded up.
func WithMaxDuration(duration time.Duration) SandboxOption {
	return func(o *sandboxOptions) { o.MaxDurationSecs = seconds(duration) }
}

// WithIdleTimeout stops the sandbox when nothing happened for that time, in whole seconds, rounded up.
func WithIdleTimeout(duration time.Duration) SandboxOption {
	return func(o *sandboxOptions) { o.IdleTimeoutSecs = seconds(duration) }
}

// WithMetricsSampleInterval sets how often the sandbox's metrics are sampled, at least every 100 ms; 0: never.
func WithMetricsSampleInterval(interval time.Duration) SandboxOption {
	ms := uint64(interval.Milliseconds())
	return func(o *sandboxOptions) { o.MetricsSampleIntervalMs = &ms }
}

// WithLogLevel sets how much the runtime logs: "error", "warn", "info", "debug", "trace".
func WithLogLevel(level string) SandboxOption { return func(o *sandboxOptions) { o.LogLevel = &level } }

// WithDetached lets the sandbox go on without handle and process.
func WithDetached() SandboxOption { return func(o *sandboxOptions) { o.Detached = true } }

// WithEphemeral keeps nothing of the sandbox when it has stopped.
func WithEphemeral(ephemeral bool) SandboxOption {
	return func(o *sandboxOptions) { o.Ephemeral = ephemeral }
}

// WithReplace stops and removes a sandbox of the same name first.
func WithReplace() SandboxOption { return func(o *sandboxOptions) { o.Replace = true } }

// WithReplaceWithTimeout stops and removes a sandbox of the same name first. The timeout, in place of 10 s,
// is the time between the stop signal and the kill; 0 kills at once.
func WithReplaceWithTimeout(timeout time.Duration) SandboxOption {
	return func(o *sandboxOptions) {
		o.ReplaceWithTimeoutMs = unsignedMilliseconds(timeout)
	}
}

// PortBinding is a port of the host that leads to one of the guest's.
type PortBinding struct {
	Bind      string `json:"bind,omitempty"` // an address; 127.0.0.1 if not given
	HostPort  uint16 `json:"host_port"`      // 0: one that is free, see [SandboxHandle.Ports]
	GuestPort uint16 `json:"guest_port"`
	Protocol  string `json:"protocol,omitempty"` // "tcp", which is the default, or "udp"
}

// MountOptions is how a guest sees what is mounted; what is below Nodev is of directories and files of the host, and
// of volumes that are directories.
type MountOptions struct {
	Readonly           bool   `json:"readonly,omitempty"`             // the guest cannot write
	Noexec             bool   `json:"noexec,omitempty"`               // programs there cannot be executed
	Nosuid             bool   `json:"nosuid,omitempty"`               // set-user-ID bits have no effect
	Nodev              bool   `json:"nodev,omitempty"`                // device files have no effect
	FollowRootSymlinks bool   `json:"follow_root_symlinks,omitempty"` // the path may lead through links
	StatVirtualization string `json:"stat_virtualization,omitempty"`  // "strict", the default, or "off"
	HostPermissions    string `json:"host_permissions,omitempty"`     // "private", the default, or "mirror"
	Cache              string `json:"cache,omitempty"`                // "strict", the default, or "cached"
	// QuotaMiB is by how much the guest may make files grow, and QuotaInodes how many it may add; nil: 4096 and
	// 1048576, or of a volume none; 0: as there is room.
	QuotaMiB    *uint64 `json:"quota_mib,omitempty"`
	QuotaInodes *uint64 `json:"quota_inodes,omitempty"`
	// UID and GID are whose the user's files are in the guest, both or neither; nil: its default user's.
	UID *uint32 `json:"uid,omitempty"`
	GID *uint32 `json:"gid,omitempty"`
}

// MountConfig is what a path of the guest leads to: see [Mount].
type MountConfig struct {
	Host    string            `json:"bind,omitempty"`       // a directory or file of the host
	Volume  string            `json:"named,omitempty"`      // the name of a volume
	Mode    VolumeMode        `json:"named_mode,omitempty"` // what becomes of it
	Owned   bool              `json:"owned,omitempty"`      // a volume of the sandbox alone
	Tmpfs   bool              `json:"tmpfs,omitempty"`      // a file system in memory
	Disk    string            `json:"disk,omitempty"`       // the file of a disk image
	Kind    VolumeKind        `json:"kind,omitempty"`       // of a volume
	SizeMiB *uint64           `json:"size_mib,omitempty"`   // of a volume that is a disk, or of a tmpfs
	Labels  map[string]string `json:"labels,omitempty"`     // of a named volume
	Format  DiskFormat        `json:"format,omitempty"`     // of a disk image
	FSType  string            `json:"fstype,omitempty"`     // of the file system in a disk image
	MountOptions
}

// VolumeMode is what becomes of a named volume when a sandbox with it is made.
type VolumeMode string

// Modes of named volumes.
const (
	VolumeExisting     VolumeMode = "existing"      // it has to be there: the default
	VolumeCreate       VolumeMode = "create"        // it must not be there, and is made
	VolumeEnsureExists VolumeMode = "ensure-exists" // it is made if it is not there
)

// VolumeKind is what a volume is made of.
type VolumeKind string

// Kinds of volumes.
const (
	VolumeDirectory VolumeKind = "dir"  // a directory of the host, which several sandboxes can share
	VolumeDisk      VolumeKind = "disk" // an ext4 file system, which one sandbox can write to
)

// DiskFormat is how a disk image has to be read.
type DiskFormat string

// Formats of disk images.
const (
	DiskRaw   DiskFormat = "raw"
	DiskQcow2 DiskFormat = "qcow2"
	DiskVmdk  DiskFormat = "vmdk"
)

// NamedVolumeOptions says what a volume is to be like: what is made, or is there already.
type NamedVolumeOptions struct {
	Mode     VolumeMode
	Kind     VolumeKind // "": any; a directory if it is made
	SizeMiB  uint64     // of a disk
	QuotaMiB uint64     // of a directory
	Labels   map[string]string
}

// TmpfsOptions says what a file system in memory is like.
type TmpfsOptions struct {
	SizeMiB uint64 // 0: half of the guest's memory
	MountOptions
}

// DiskOptions says what a disk image is like.
type DiskOptions struct {
	Format DiskFormat // "": by the file's name
	FSType string     // "": the guest tries those that it has
	MountOptions
}

type mountFactory struct{}

// Mount makes a [MountConfig]: Mount.Bind("/srv/data"), Mount.Named("data").
var Mount mountFactory

// Bind is a directory or file of the host.
func (mountFactory) Bind(path string, options ...MountOptions) MountConfig {
	config := MountConfig{Host: path}
	for _, o := range options {
		config.MountOptions = o
	}
	return config
}

// Named is a volume that is there. [ErrVolumeNotFound] if it is not.
func (mountFactory) Named(name string, options ...MountOptions) MountConfig {
	config := MountConfig{Volume: name}
	for _, o := range options {
		config.MountOptions = o
	}
	return config
}

// NamedWith is a volume that is there or made, as its mode says.
func (m mountFactory) NamedWith(name string, options MountOptions, volume NamedVolumeOptions) MountConfig {
	config := m.Named(name, options)
	config.Mode = volume.Mode
	config.volume(volume)
	return config
}

// Owned is a volume of the sandbox alone, which is removed with it.
func (mountFactory) Owned(options MountOptions, volume NamedVolumeOptions) MountConfig {
	config := MountConfig{Owned: true, MountOptions: options}
	config.volume(volume)
	return config
}

func (c *MountConfig) volume(volume NamedVolumeOptions) {
	c.Kind, c.Labels = volume.Kind, volume.Labels
	if volume.SizeMiB != 0 {
		c.SizeMiB = &volume.SizeMiB
	}
	if volume.QuotaMiB != 0 {
		c.QuotaMiB = &volume.QuotaMiB
	}
}

// Tmpfs is a file system in the guest's memory.
func (mountFactory) Tmpfs(options TmpfsOptions) MountConfig {
	config := MountConfig{Tmpfs: true, MountOptions: options.MountOptions}
	if options.SizeMiB != 0 {
		config.SizeMiB = &options.SizeMiB
	}
	return config
}

// Disk is the file system in a disk image.
func (mountFactory) Disk(path string, options DiskOptions) MountConfig {
	return MountConfig{Disk: path, Format: options.Format, FSType: options.FSType, MountOptions: options.MountOptions}
}

// InitConfig is a program that becomes the guest's process 1: see [Init].
type InitConfig struct {
	Cmd  string            `json:"cmd"`            // an absolute path in the guest, or "auto"
	Args []string          `json:"args,omitempty"` // behind the program's own name
	Env  map[string]string `json:"env,omitempty"`  // over the environment it inherits
}

// InitOptions is what an init is started with.
type InitOptions struct {
	Args []string          // behind the program's own name
	Env  map[string]string // over the environment it inherits
}

type initFactory struct{}

// Init makes an [InitConfig]: Init.Auto(), Init.Cmd("/sbin/init").
var Init initFactory

// Auto takes the init that the image has.
func (initFactory) Auto() InitConfig { return InitConfig{Cmd: "auto"} }

// Cmd takes the program of an absolute path in the guest.
func (initFactory) Cmd(path string, options ...InitOptions) InitConfig {
	config := InitConfig{Cmd: path}
	for _, o := range options {
		config.Args = append(config.Args, o.Args...)
		merge(&config.Env, o.Env)
	}
	return config
}

func merge(into *map[string]string, from map[string]string) {
	if *into == nil {
		*into = map[string]string{}
	}
	for key, value := range from {
		(*into)[key] = value
	}
}

// list is never JSON's null, which would mean "not given".
func list(words []string) *[]string {
	copied := append([]string{}, words...)
	return &copied
}

func seconds(duration time.Duration) *uint64 {
	rounded := uint64(math.Ceil(math.Max(0, duration.Seconds())))
	return &rounded
}

// unsignedMilliseconds is [milliseconds] as an option.
func unsignedMilliseconds(duration time.Duration) *uint64 {
	rounded := uint64(milliseconds(duration))
	return &rounded
}

// milliseconds rounds up, so that a time that is not 0 does not become it.
func milliseconds(duration time.Duration) int64 {
	if duration <= 0 {
		return 0
	}
	return int64((duration-1)/time.Millisecond) + 1
}
