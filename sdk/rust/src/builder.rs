//! How a sandbox is to be.

use crate::call::{invoke_json, Argument, Call};
use crate::choices::*;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::json::{Switch, Value};
use crate::lifecycle::{remove, stop};
use crate::network::NetworkBuilder;
use crate::options::*;
use crate::patch::PatchBuilder;
use crate::pool;
use crate::progress::PullProgress;
use crate::sandbox::Sandbox;
use crate::setters::{arguments, limits, members};
use crate::time::milliseconds;
use std::time::Duration;

/// What is at a path of the guest: [`SandboxBuilder::volume`].
#[derive(Debug, Clone)]
pub struct MountBuilder {
    options: MountOptions,
}

impl MountBuilder {
    /// A directory or file of the host.
    pub fn bind(mut self, host: impl Into<String>) -> Self {
        self.options.bind = Some(host.into());
        self
    }

    /// A volume that is there. [`Error::VolumeNotFound`] if it is not.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.options.named = Some(name.into());
        self
    }

    /// A volume that is there or made: `named_with("data", |volume| volume.ensure_exists())`.
    pub fn named_with(
        self,
        name: impl Into<String>,
        with: impl FnOnce(VolumeMountBuilder) -> VolumeMountBuilder,
    ) -> Self {
        with(VolumeMountBuilder { options: self.named(name).options }).mount()
    }

    /// A volume of the sandbox alone, which is removed with it.
    pub fn owned(mut self) -> Self {
        self.options.owned = Some(true);
        self
    }

    /// The same, as it is described.
    pub fn owned_with(self, with: impl FnOnce(VolumeMountBuilder) -> VolumeMountBuilder) -> Self {
        with(VolumeMountBuilder { options: self.owned().options }).mount()
    }

    /// A file system in the guest's memory: half of that, unless a [`size`](Self::size) is given.
    pub fn tmpfs(mut self) -> Self {
        self.options.tmpfs = Some(true);
        self
    }

    /// Of a file system in memory, in MiB.
    pub fn size(mut self, mib: u64) -> Self {
        self.options.size_mib = Some(mib);
        self
    }

    /// The file system in a disk image.
    pub fn disk(mut self, path: impl Into<String>) -> Self {
        self.options.disk = Some(path.into());
        self
    }

    /// How a disk image has to be read; by its name if nothing is said.
    pub fn format(mut self, format: DiskFormat) -> Self {
        self.options.format = Some(format);
        self
    }

    /// The file system in a disk image; the guest tries those that it has if nothing is said.
    pub fn fstype(mut self, name: impl Into<String>) -> Self {
        self.options.fstype = Some(name.into());
        self
    }

    /// The guest cannot write.
    pub fn readonly(mut self) -> Self {
        self.options.readonly = Some(true);
        self
    }

    /// Programs there cannot be executed.
    pub fn noexec(mut self) -> Self {
        self.options.noexec = Some(true);
        self
    }

    /// Set-user-ID bits of programs there have no effect.
    pub fn nosuid(mut self) -> Self {
        self.options.nosuid = Some(true);
        self
    }

    /// Device files there have no effect.
    pub fn nodev(mut self) -> Self {
        self.options.nodev = Some(true);
        self
    }

    /// The host's path may lead through symbolic links.
    pub fn follow_root_symlinks(mut self) -> Self {
        self.options.follow_root_symlinks = Some(true);
        self
    }

    /// Whose owners and modes the guest sees: [`StatVirtualization`], or its word as text.
    pub fn stat_virtualization(mut self, mode: impl Into<StatVirtualization>) -> Self {
        self.options.stat_virtualization = Some(mode.into());
        self
    }

    /// What becomes of modes that the guest sets: [`HostPermissions`], or its word as text.
    pub fn host_permissions(mut self, mode: impl Into<HostPermissions>) -> Self {
        self.options.host_permissions = Some(mode.into());
        self
    }

    /// What the guest may answer from memory: [`MountCache`], or its word as text.
    pub fn cache(mut self, mode: impl Into<MountCache>) -> Self {
        self.options.cache = Some(mode.into());
        self
    }

    /// By how many MiB the guest may make files grow; 0: as there is room.
    pub fn quota_mib(mut self, mib: u64) -> Self {
        self.options.quota_mib = Some(mib);
        self
    }

    /// How many files the guest may add; 0: as there is room.
    pub fn quota_inodes(mut self, inodes: u64) -> Self {
        self.options.quota_inodes = Some(inodes);
        self
    }

    /// Whose the user's files are in the guest, instead of its default user's.
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.options.uid = Some(uid);
        self.options.gid = Some(gid);
        self
    }
}

/// What a volume is like that is mounted: [`MountBuilder::named_with`].
#[derive(Debug, Clone)]
pub struct VolumeMountBuilder {
    options: MountOptions,
}

impl VolumeMountBuilder {
    fn mode(mut self, mode: VolumeMode) -> Self {
        self.options.named_mode = Some(mode);
        self
    }

    fn mount(self) -> MountBuilder {
        MountBuilder { options: self.options }
    }

    /// It has to be there: what is so if nothing is said.
    pub fn existing(self) -> Self {
        self.mode(VolumeMode::Existing)
    }

    /// It must not be there, and is made. [`Error::VolumeAlreadyExists`].
    pub fn create(self) -> Self {
        self.mode(VolumeMode::Create)
    }

    /// It is made if it is not there.
    pub fn ensure_exists(self) -> Self {
        self.mode(VolumeMode::EnsureExists)
    }

    /// A directory of the host.
    pub fn directory(mut self) -> Self {
        self.options.kind = Some(VolumeKind::Dir);
        self
    }

    /// An ext4 file system, which needs a size.
    pub fn disk(mut self) -> Self {
        self.options.kind = Some(VolumeKind::Disk);
        self
    }

    /// Of a disk, in MiB.
    pub fn size(mut self, mib: u64) -> Self {
        self.options.size_mib = Some(mib);
        self
    }

    /// By how many MiB guests may make the files of a directory grow.
    pub fn quota(mut self, mib: u64) -> Self {
        self.options.quota_mib = Some(mib);
        self
    }

    /// One more label of a named volume.
    pub fn label(mut self, key: &str, value: impl Into<String>) -> Self {
        insert(&mut self.options.labels, key, value.into());
        self
    }
}

/// A sandbox that is to be made: [`Sandbox::builder`]. Setting something again replaces it; what is a map
/// or says "one more" adds.
#[derive(Debug, Clone)]
pub struct SandboxBuilder {
    name: String,
    options: CreateOptions,
}

impl SandboxBuilder {
    pub(crate) fn new(name: String) -> SandboxBuilder {
        SandboxBuilder { name, options: CreateOptions::default() }
    }

    /// The reference of an image. Without it the sandbox has the image that comes with msb.
    pub fn image(mut self, reference: impl Into<String>) -> Self {
        self.options.image = Some(reference.into());
        self
    }

    /// In place of an image: a snapshot whose disk and image it begins with, by name, path or digest.
    pub fn from_snapshot(mut self, snapshot: impl Into<String>) -> Self {
        self.options.from_snapshot = Some(snapshot.into());
        self
    }

    /// How many virtual processors it has.
    pub fn cpus(mut self, count: u32) -> Self {
        self.options.cpus = Some(count);
        self
    }

    /// How many virtual processors it can be given later.
    pub fn max_cpus(mut self, count: u32) -> Self {
        self.options.max_cpus = Some(count);
        self
    }

    /// The guest's memory in MiB.
    pub fn memory(mut self, mib: u64) -> Self {
        self.options.memory_mib = Some(mib);
        self
    }

    /// How many MiB of memory it can be given later.
    pub fn max_memory(mut self, mib: u64) -> Self {
        self.options.max_memory_mib = Some(mib);
        self
    }

    /// The size of the root disk in MiB.
    pub fn root_disk(mut self, mib: u64) -> Self {
        self.options.root_disk_mib = Some(mib);
        self
    }
    /// What takes what is written to the root: "8G", "tmpfs[:SIZE]" (memory, new at each start),
    /// "flat[:SIZE]" (with the image's files in it), or the path of a disk image of the host.
    pub fn root_disk_from(mut self, disk: impl Into<String>) -> Self {
        self.options.root_disk = Some(disk.into());
        self
    }

    /// Whether the guest's memory has huge pages: a [`ThpMode`], or its word as text.
    pub fn thp(mut self, mode: impl Into<ThpMode>) -> Self {
        self.options.thp = Some(mode.into());
        self
    }

    members! { env: "One more variable for all commands." env, "More variables for all commands." envs }
    members! { labels: "One more label." label, "More labels." labels }
    members! {
        scripts: "One more file on every command's PATH: its name and its content." script,
        "More files on every command's PATH: content by name." scripts
    }

    /// The directory in which commands start.
    pub fn workdir(mut self, path: impl Into<String>) -> Self {
        self.options.workdir = Some(path.into());
        self
    }

    /// The user of commands: a name or number, with ":group" or not.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.options.user = Some(user.into());
        self
    }

    /// The guest's name.
    pub fn hostname(mut self, name: impl Into<String>) -> Self {
        self.options.hostname = Some(name.into());
        self
    }

    /// The shell of [`Sandbox::shell`].
    pub fn shell(mut self, path: impl Into<String>) -> Self {
        self.options.shell = Some(path.into());
        self
    }

    /// The entrypoint of [`Sandbox::exec_default`], in place of the image's.
    pub fn entrypoint<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.options.entrypoint = Some(list(words));
        self
    }

    /// The words behind the entrypoint, in place of the image's cmd.
    pub fn cmd<W: Into<String>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.options.cmd = Some(list(words));
        self
    }

    /// Another program as the guest's process 1: an absolute path in the guest, or "auto".
    pub fn init(self, cmd: impl Into<String>) -> Self {
        self.init_with(cmd, |init| init)
    }

    /// Another program as the guest's process 1, with arguments and environment: an absolute path in the
    /// guest, or "auto".
    pub fn init_with(mut self, cmd: impl Into<String>, with: impl FnOnce(InitBuilder) -> InitBuilder) -> Self {
        let options = InitOptions { cmd: Some(cmd.into()), ..InitOptions::default() };
        self.options.init = Some(with(InitBuilder { options }).options);
        self
    }

    /// What the guest's users may do within the guest.
    pub fn security(mut self, profile: SecurityProfile) -> Self {
        self.options.security = Some(profile);
        self
    }

    /// A directory or file of the host at a path of the guest.
    pub fn volume(mut self, guest: impl AsRef<str>, with: impl FnOnce(MountBuilder) -> MountBuilder) -> Self {
        let mount = with(MountBuilder { options: MountOptions::default() });
        insert(&mut self.options.volumes, guest.as_ref(), mount.options);
        self
    }

    /// Changes files of the image before the sandbox first starts; more calls add. Not with
    /// [`SandboxBuilder::from_snapshot`].
    pub fn patch(mut self, with: impl FnOnce(PatchBuilder) -> PatchBuilder) -> Self {
        self.options = with(PatchBuilder { options: self.options }).options;
        self
    }

    /// A TCP port of the host's loopback that leads to one of the guest's; host 0: one that is free, which
    /// [`crate::SandboxHandle::ports`] tells.
    pub fn port(self, host: u16, guest: u16) -> Self {
        self.publish(None, host, guest, PortProtocol::Tcp)
    }

    /// A TCP port of the host, at the address `bind`, that leads to one of the guest's.
    pub fn port_bind(self, bind: impl Into<String>, host: u16, guest: u16) -> Self {
        self.publish(Some(bind.into()), host, guest, PortProtocol::Tcp)
    }

    /// A UDP port of the host's loopback that leads to one of the guest's.
    pub fn port_udp(self, host: u16, guest: u16) -> Self {
        self.publish(None, host, guest, PortProtocol::Udp)
    }

    /// A UDP port of the host, at the address `bind`, that leads to one of the guest's.
    pub fn port_udp_bind(self, bind: impl Into<String>, host: u16, guest: u16) -> Self {
        self.publish(Some(bind.into()), host, guest, PortProtocol::Udp)
    }

    fn publish(mut self, bind: Option<String>, host: u16, guest: u16, protocol: PortProtocol) -> Self {
        let (host_port, guest_port) = (Some(host), Some(guest));
        push(&mut self.options.ports, PortOptions { bind, host_port, guest_port, protocol: Some(protocol) });
        self
    }

    /// What the guest may reach.
    pub fn network(mut self, with: impl FnOnce(NetworkBuilder) -> NetworkBuilder) -> Self {
        let network = with(NetworkBuilder::default());
        self.options.network = Some(Switch::On(network.options));
        self
    }

    /// The guest has no network interface.
    pub fn disable_network(mut self) -> Self {
        self.options.network = Some(Switch::Off);
        self
    }

    limits! {}

    /// What runs the guest: an [`Engine`], or its word as text.
    pub fn engine(mut self, engine: impl Into<Engine>) -> Self {
        self.options.engine = Some(engine.into());
        self
    }

    /// The guest's kernel: "auto", a bundle's name, or the absolute path of a bundle's folder.
    pub fn kernel(mut self, choice: impl Into<String>) -> Self {
        self.options.kernel = Some(choice.into());
        self
    }

    /// The boundary between guest and host that is asked for.
    pub fn require_isolation(mut self, isolation: Isolation) -> Self {
        self.options.require_isolation = Some(isolation);
        self
    }

    /// Refuses engines without a hardware boundary.
    pub fn require_hardware_isolation(self) -> Self {
        self.require_isolation(Isolation::Hardware)
    }

    /// When the image is fetched.
    pub fn pull_policy(mut self, policy: PullPolicy) -> Self {
        self.options.pull_policy = Some(policy);
        self
    }

    /// How the registry is spoken to.
    pub fn registry(self, with: impl FnOnce(RegistryBuilder) -> RegistryBuilder) -> Self {
        with(RegistryBuilder { sandbox: self }).sandbox
    }

    /// Stops the sandbox after so many seconds.
    pub fn max_duration(mut self, seconds: u64) -> Self {
        self.options.max_duration_secs = Some(seconds);
        self
    }

    /// Stops the sandbox when nothing happened for so many seconds.
    pub fn idle_timeout(mut self, seconds: u64) -> Self {
        self.options.idle_timeout_secs = Some(seconds);
        self
    }

    /// How often its metrics are sampled, at least 100 ms; 0: never.
    pub fn metrics_sample_interval_ms(mut self, ms: u64) -> Self {
        self.options.metrics_sample_interval_ms = Some(ms);
        self
    }

    /// Its metrics are not sampled.
    pub fn disable_metrics_sample(mut self) -> Self {
        self.options.disable_metrics_sample = Some(true);
        self
    }

    /// How much the sandbox's runtime logs: a [`LogLevel`], or its word as text.
    pub fn log_level(mut self, level: impl Into<LogLevel>) -> Self {
        self.options.log_level = Some(level.into());
        self
    }

    /// The sandbox goes on without handle and process.
    pub fn detached(mut self, detached: bool) -> Self {
        self.options.detached = Some(detached);
        self
    }

    /// Nothing of it is kept when it has stopped.
    pub fn ephemeral(mut self, ephemeral: bool) -> Self {
        self.options.ephemeral = Some(ephemeral);
        self
    }

    /// A sandbox of the same name is stopped and removed first; after 10 s it is killed.
    pub fn replace(mut self) -> Self {
        self.options.replace = Some(true);
        self
    }

    /// A sandbox of the same name is stopped and removed first. `timeout` is the time between the stop signal
    /// and the kill; 0 kills at once.
    pub fn replace_with_timeout(mut self, timeout: Duration) -> Self {
        self.options.replace_with_timeout_ms = Some(milliseconds(timeout));
        self
    }

    /// Makes the sandbox and starts it. Among what it fails with are [`crate::Error::SandboxAlreadyExists`],
    /// [`crate::Error::InvalidConfig`], [`crate::Error::ImageNotFound`], [`crate::Error::ImagePullFailed`] and
    /// [`crate::Error::BootStart`].
    pub fn create(self) -> Call<Sandbox> {
        self.create_reporting(0)
    }

    /// Makes the sandbox, as [`SandboxBuilder::create`], and reports how the pull of its image goes on.
    pub fn create_with_pull_progress(self) -> Result<(PullProgress, Call<Sandbox>)> {
        let progress = PullProgress::new()?;
        let creating = self.create_reporting(progress.handle());
        Ok((progress, creating))
    }

    fn create_reporting(self, progress: u64) -> Call<Sandbox> {
        let create = move |cancel| {
            let (name, options) = (Argument::text("name", &self.name)?, Argument::options(&self.options)?);
            // SAFETY: the pointers are valid during the call.
            let made = invoke_json(|library, result| unsafe {
                (library.sandbox_create)(cancel, progress, name.pointer(), options.pointer(), result)
            });
            Sandbox::given(made?)
        };
        Call::undoing(create, |made| undo(made, |name| remove(name, true)))
    }
}

/// The start of an init: [`SandboxBuilder::init_with`].
#[derive(Debug, Clone)]
pub struct InitBuilder {
    options: InitOptions,
}

impl InitBuilder {
    arguments! {}
    members! {
        env: "One more variable over the environment that it inherits." env,
        "More variables over the environment that it inherits." envs
    }
}

/// How a registry is spoken to: [`SandboxBuilder::registry`].
pub struct RegistryBuilder {
    sandbox: SandboxBuilder,
}

impl RegistryBuilder {
    /// Plain HTTP, without encryption.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.sandbox.options.insecure = Some(insecure);
        self
    }

    /// Authorities to trust for the registry: the path of a PEM file.
    pub fn ca_certs_path(mut self, path: impl Into<String>) -> Self {
        self.sandbox.options.ca_certs = Some(path.into());
        self
    }
}

impl Sandbox {
    /// A sandbox that is to be made: set what it is to be, then [`SandboxBuilder::create`].
    pub fn builder(name: impl Into<String>) -> SandboxBuilder {
        SandboxBuilder::new(name.into())
    }

    /// Starts a stopped sandbox; it stops when this is dropped. Fails with [`crate::Error::SandboxNotFound`],
    /// [`crate::Error::SandboxStillRunning`] or [`crate::Error::BootStart`].
    pub fn start(name: impl Into<String>) -> Call<Sandbox> {
        Sandbox::start_as(name.into(), false)
    }

    /// Starts a stopped sandbox, which goes on without handle and process. Fails as [`Sandbox::start`] does.
    pub fn start_detached(name: impl Into<String>) -> Call<Sandbox> {
        Sandbox::start_as(name.into(), true)
    }

    fn start_as(name: String, detached: bool) -> Call<Sandbox> {
        let start = move |cancel| {
            let options = StartOptions { detached: Some(detached) };
            let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
            // SAFETY: the pointers are valid during the call.
            let made: Result<Value> = invoke_json(|library, result| unsafe {
                (library.sandbox_start)(cancel, name.pointer(), options.pointer(), result)
            });
            Sandbox::given(made?)
        };
        Call::undoing(start, |made| undo(made, |name| stop(name, None)))
    }
}

/// Ends a sandbox whose call was dropped too late to be cancelled; a detached one does not end with its
/// connection. In another thread, because it is a drop that does this.
pub(crate) fn undo(made: Result<Sandbox>, end: fn(&str) -> Call<()>) {
    if let Ok(sandbox) = made {
        // Without a thread only the connection ends.
        let _ = pool::submit(move || drop(end(sandbox.name()).wait()));
    }
}
