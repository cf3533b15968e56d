//! Storage that outlives sandboxes.

use crate::call::{invoke, invoke_json, Argument, Call};
use crate::choices::VolumeKind;
#[cfg(doc)]
use crate::error::Error;
use crate::json::{Read, Value};
use crate::options::{insert, PruneOptions, VolumeOptions};
use crate::volume_fs::VolumeFs;
use std::collections::BTreeMap;

/// A volume, as it was when it was looked up. `SandboxBuilder::volume` mounts one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// What it is known by.
    pub name: String,
    /// "directory" or "disk".
    pub kind: String,
    /// Its directory on the host.
    pub path: String,
    /// By how many MiB guests may make the files of a directory grow.
    pub quota_mib: Option<u64>,
    /// What it takes of the host's disk.
    pub used_bytes: Option<u64>,
    /// Of a disk.
    pub capacity_bytes: Option<u64>,
    /// Of a disk: "raw".
    pub disk_format: Option<String>,
    /// Of a disk: "ext4".
    pub disk_fstype: Option<String>,
    /// Of a disk: its file.
    pub disk_path: Option<String>,
    /// What it was made with.
    pub labels: BTreeMap<String, String>,
    /// As RFC 3339 has it.
    pub created_at: String,
}

/// A volume that is to be made.
#[derive(Debug, Clone)]
pub struct VolumeBuilder {
    name: String,
    options: VolumeOptions,
}

impl VolumeBuilder {
    /// A directory of the host, which several sandboxes can share: what it is if nothing is said.
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

    /// One more label.
    pub fn label(mut self, key: &str, value: impl Into<String>) -> Self {
        insert(&mut self.options.labels, key, value.into());
        self
    }

    /// Makes it. Fails with [`Error::VolumeAlreadyExists`].
    pub fn create(self) -> Call<Volume> {
        Call::short(move || {
            let (name, options) = (Argument::text("name", &self.name)?, Argument::options(&self.options)?);
            // SAFETY: the pointers are valid during the call.
            let volume = invoke_json(|library, result| unsafe {
                (library.volume_create)(name.pointer(), options.pointer(), result)
            })?;
            Ok(Volume::of(&volume))
        })
    }
}

impl Volume {
    fn of(volume: &Value) -> Volume {
        Volume {
            name: volume.text("name"),
            kind: volume.text("kind"),
            path: volume.text("path"),
            quota_mib: volume.number("quota_mib"),
            used_bytes: volume.number("used_bytes"),
            capacity_bytes: volume.number("capacity_bytes"),
            disk_format: volume.optional_text("disk_format"),
            disk_fstype: volume.optional_text("disk_fstype"),
            disk_path: volume.optional_text("disk_path"),
            labels: volume["labels"].text_map(),
            created_at: volume.text("created_at"),
        }
    }

    /// A volume that is to be made.
    pub fn builder(name: impl Into<String>) -> VolumeBuilder {
        VolumeBuilder { name: name.into(), options: VolumeOptions::default() }
    }

    /// Its files, if it is a directory.
    pub fn fs(&self) -> VolumeFs {
        VolumeFs::new(&self.name)
    }

    /// A volume. [`Error::VolumeNotFound`].
    pub fn get(name: &str) -> Call<Volume> {
        let name = name.to_owned();
        Call::short(move || {
            let name = Argument::text("name", &name)?;
            // SAFETY: the pointers are valid during the call.
            let volume = invoke_json(|library, result| unsafe { (library.volume_get)(name.pointer(), result) })?;
            Ok(Volume::of(&volume))
        })
    }

    /// All volumes, newest first.
    pub fn list() -> Call<Vec<Volume>> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let volumes = invoke_json(|library, result| unsafe { (library.volume_list)(result) })?;
            Ok(volumes.items().iter().map(Volume::of).collect())
        })
    }

    /// Removes a volume with what is in it. [`Error::VolumeNotFound`], or [`Error::VolumeInUse`] while a
    /// sandbox that runs has it mounted.
    pub fn remove(name: &str) -> Call<()> {
        let name = name.to_owned();
        Call::short(move || {
            let name = Argument::text("name", &name)?;
            // SAFETY: the pointer is valid during the call.
            invoke(|library| unsafe { (library.volume_remove)(name.pointer()) })
        })
    }

    /// Makes a volume, without labels, with what is in another one, which no sandbox may have mounted.
    pub fn clone_to(name: &str, to: &str) -> Call<Volume> {
        let (name, to) = (name.to_owned(), to.to_owned());
        Call::new(move |cancel| {
            let (name, to) = (Argument::text("name", &name)?, Argument::text("to", &to)?);
            let options = Argument::options(&VolumeOptions::default())?;
            // SAFETY: the pointers are valid during the call.
            let volume = invoke_json(|library, result| unsafe {
                (library.volume_clone)(cancel, name.pointer(), to.pointer(), options.pointer(), result)
            })?;
            Ok(Volume::of(&volume))
        })
    }

    /// Removes the volumes that no sandbox mounts, not even one that is stopped, or only tells which
    /// (`dry_run`): their names, and the bytes that they took.
    pub fn prune(dry_run: bool) -> Call<BTreeMap<String, u64>> {
        Call::short(move || {
            let options = Argument::options(&PruneOptions { dry_run: Some(dry_run), ..PruneOptions::default() })?;
            // SAFETY: the pointers are valid during the call.
            let pruned = invoke_json(|library, result| unsafe { (library.volume_prune)(options.pointer(), result) })?;
            let entry = |volume: &Value| (volume.text("name"), volume.number("used_bytes").unwrap_or(0));
            Ok(pruned.items().iter().map(entry).collect())
        })
    }
}
