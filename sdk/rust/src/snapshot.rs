//! Disks of sandboxes that were kept.

use crate::call::{invoke, invoke_json, Argument, Call};
use crate::diff::DiskChange;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use crate::json::{Read, Value};
use crate::native::Library;
use crate::options::{insert, ExportOptions, RemoveOptions, SnapshotOptions};
use crate::progress::OnCopied;
use std::collections::BTreeMap;
use std::os::raw::c_char;

/// Disks of sandboxes that were kept. Where one is named, a name, a path or a digest will do.
pub struct Snapshot;

/// A snapshot, as it was when it was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotHandle {
    /// What it is known by: "sha256:...", of its descriptor.
    pub digest: String,
    /// The last part of its path.
    pub name: String,
    /// The snapshot that it came from.
    pub parent_digest: Option<String>,
    /// The image that it was made with.
    pub image_ref: String,
    /// "disk".
    pub scope: String,
    /// "file".
    pub state_kind: String,
    /// Of the disk: "raw".
    pub format: String,
    /// On the disk: "ext4".
    pub fstype: String,
    /// Of the disk, holes included.
    pub size_bytes: u64,
    /// As RFC 3339 has it.
    pub created_at: String,
    /// Its directory.
    pub path: String,
}

/// A hash of a snapshot's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotIntegrity {
    /// How it is computed.
    pub algorithm: String,
    /// The hash, in hexadecimal digits.
    pub root: String,
    /// The bytes that it covers.
    pub logical_size: u64,
    /// The bytes of a leaf of the tree that is hashed.
    pub leaf_size: u64,
}

/// A snapshot with all that its descriptor says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotDetail {
    /// The snapshot.
    pub handle: SnapshotHandle,
    /// The digest of the image's manifest.
    pub image_manifest_digest: String,
    /// The disk, in its directory.
    pub upper_file: String,
    /// The hash of the disk, if one was recorded.
    pub integrity: Option<SnapshotIntegrity>,
    /// The sandbox that it is of.
    pub source_sandbox: Option<String>,
    /// What it was made with.
    pub labels: BTreeMap<String, String>,
}

/// What is known of a snapshot's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpperVerification {
    /// There is no hash to compare it with.
    NotRecorded,
    /// It is what it was.
    Verified {
        /// How the hash is computed.
        algorithm: String,
        /// The hash.
        digest: String,
    },
}

/// What [`Snapshot::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotVerification {
    /// The snapshot's.
    pub digest: String,
    /// Its directory.
    pub path: String,
    /// What is known of the disk.
    pub upper: UpperVerification,
}

impl SnapshotHandle {
    fn of(snapshot: &Value) -> SnapshotHandle {
        SnapshotHandle {
            digest: snapshot.text("digest"),
            name: snapshot.text("name"),
            parent_digest: snapshot.optional_text("parent_digest"),
            image_ref: snapshot.text("image_ref"),
            scope: snapshot.text("scope"),
            state_kind: snapshot.text("state_kind"),
            format: snapshot.text("format"),
            fstype: snapshot.text("fstype"),
            size_bytes: snapshot.number("size_bytes").unwrap_or(0),
            created_at: snapshot.text("created_at"),
            path: snapshot.text("artifact_path"),
        }
    }

    fn list(snapshots: &Value) -> Vec<SnapshotHandle> {
        snapshots.items().iter().map(SnapshotHandle::of).collect()
    }

    /// The snapshot with all that its descriptor says.
    pub fn open(&self) -> Call<SnapshotDetail> {
        Snapshot::open(&self.path)
    }

    /// Compares the disk with the hash that was recorded. [`Error::SnapshotIntegrity`] if it is another one.
    pub fn verify(&self) -> Call<SnapshotVerification> {
        Snapshot::verify(&self.path)
    }

    /// Removes it. [`Error::SnapshotInUse`] if another one came from it, unless it is forced.
    pub fn remove(&self, force: bool) -> Call<()> {
        Snapshot::remove(&self.path, force)
    }
}

impl SnapshotDetail {
    fn of(snapshot: &Value) -> SnapshotDetail {
        let hash = &snapshot["integrity"];
        SnapshotDetail {
            handle: SnapshotHandle::of(snapshot),
            image_manifest_digest: snapshot.text("image_manifest_digest"),
            upper_file: snapshot.text("upper_file"),
            integrity: hash.optional_text("root").map(|root| SnapshotIntegrity {
                algorithm: hash.text("algorithm"),
                root,
                logical_size: hash.number("logical_size").unwrap_or(0),
                leaf_size: hash.number("leaf_size").unwrap_or(0),
            }),
            source_sandbox: snapshot.optional_text("source_sandbox"),
            labels: snapshot["labels"].text_map(),
        }
    }
}

impl SnapshotVerification {
    fn of(report: &Value) -> SnapshotVerification {
        let upper = &report["upper"];
        SnapshotVerification {
            digest: report.text("digest"),
            path: report.text("path"),
            upper: if upper.text("kind") == "verified" {
                UpperVerification::Verified { algorithm: upper.text("algorithm"), digest: upper.text("digest") }
            } else {
                UpperVerification::NotRecorded
            },
        }
    }
}

/// A snapshot that is to be made.
#[derive(Debug, Clone)]
pub struct SnapshotBuilder {
    name: String,
    sandbox: String,
    options: SnapshotOptions,
    progress: OnCopied,
}

impl SnapshotBuilder {
    /// The sandbox; one that runs is frozen meanwhile.
    pub fn from_sandbox(mut self, name: impl Into<String>) -> Self {
        self.sandbox = name.into();
        self
    }

    /// The directory that it is to be in.
    pub fn dest_dir(mut self, directory: impl Into<String>) -> Self {
        self.options.dest_dir = Some(directory.into());
        self
    }

    /// One more label.
    pub fn label(mut self, key: &str, value: impl Into<String>) -> Self {
        insert(&mut self.options.labels, key, value.into());
        self
    }

    /// Whether a snapshot that is there is replaced.
    pub fn force(mut self, force: bool) -> Self {
        self.options.force = Some(force);
        self
    }

    /// Whether a hash of the disk is recorded, for [`Snapshot::verify`].
    pub fn record_integrity(mut self, record: bool) -> Self {
        self.options.integrity = Some(record);
        self
    }

    /// Whether a sandbox that runs may be kept from writing to its disk for as long as copying takes, where that is
    /// more than a moment.
    pub fn copy_while_frozen(mut self, frozen: bool) -> Self {
        self.options.copy_while_frozen = Some(frozen);
        self
    }

    /// Is told how many bytes are done, and how many there are in all; 0: that is not known.
    pub fn on_progress(mut self, tell: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = OnCopied::new(tell);
        self
    }

    /// Makes it. Fails with [`Error::SnapshotSandboxRunning`] or [`Error::SnapshotAlreadyExists`].
    pub fn create(self) -> Call<SnapshotDetail> {
        Call::new(move |cancel| {
            let (sandbox, name) = (Argument::text("sandbox", &self.sandbox)?, Argument::text("name", &self.name)?);
            let options = Argument::options(&self.options)?;
            let snapshot = self.progress.during(|progress| {
                // SAFETY: the pointers are valid during the call.
                invoke_json(|library, result| unsafe {
                    let (sandbox, name) = (sandbox.pointer(), name.pointer());
                    (library.snapshot_create)(cancel, progress, sandbox, name, options.pointer(), result)
                })
            })?;
            Ok(SnapshotDetail::of(&snapshot))
        })
    }
}

/// What is written into an archive.
#[derive(Debug, Clone)]
pub struct ExportBuilder {
    snapshot: String,
    file: String,
    options: ExportOptions,
    progress: OnCopied,
}

impl ExportBuilder {
    /// Only what differs from the disk of another snapshot.
    pub fn since(mut self, snapshot: impl Into<String>) -> Self {
        self.options.since = Some(snapshot.into());
        self
    }

    /// Whether also all snapshots that it came from are written.
    pub fn with_parents(mut self, parents: bool) -> Self {
        self.options.with_parents = Some(parents);
        self
    }

    /// Whether also the image is written.
    pub fn with_image(mut self, image: bool) -> Self {
        self.options.with_image = Some(image);
        self
    }

    /// Whether it is not compressed.
    pub fn plain_tar(mut self, plain: bool) -> Self {
        self.options.plain_tar = Some(plain);
        self
    }

    /// Whether a file that is there is replaced.
    pub fn force(mut self, force: bool) -> Self {
        self.options.force = Some(force);
        self
    }

    /// Is told how many bytes are done, and how many there are in all; 0: that is not known.
    pub fn on_progress(mut self, tell: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = OnCopied::new(tell);
        self
    }

    /// Writes it; the result is the file's path.
    pub fn write(self) -> Call<String> {
        Call::new(move |cancel| {
            let (snapshot, file) = (Argument::text("snapshot", &self.snapshot)?, Argument::text("file", &self.file)?);
            let options = Argument::options(&self.options)?;
            let written = self.progress.during(|progress| {
                // SAFETY: the pointers are valid during the call.
                invoke_json(|library, result| unsafe {
                    let (snapshot, file) = (snapshot.pointer(), file.pointer());
                    (library.snapshot_export)(cancel, progress, snapshot, file, options.pointer(), result)
                })
            })?;
            Ok(written.text("path"))
        })
    }
}

/// An archive that is to be taken in.
#[derive(Debug, Clone)]
pub struct ImportBuilder {
    file: String,
    options: SnapshotOptions,
    progress: OnCopied,
}

impl ImportBuilder {
    /// The directory that it is to be in.
    pub fn dest_dir(mut self, directory: impl Into<String>) -> Self {
        self.options.dest_dir = Some(directory.into());
        self
    }

    /// Its name; otherwise the one that it had.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Whether a snapshot that is there is replaced.
    pub fn force(mut self, force: bool) -> Self {
        self.options.force = Some(force);
        self
    }

    /// Is told how many bytes are done, and how many there are in all; 0: that is not known.
    pub fn on_progress(mut self, tell: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = OnCopied::new(tell);
        self
    }

    /// Takes it in. [`Error::SnapshotAlreadyExists`].
    pub fn read(self) -> Call<SnapshotDetail> {
        Call::new(move |cancel| {
            let (file, options) = (Argument::text("file", &self.file)?, Argument::options(&self.options)?);
            let snapshot = self.progress.during(|progress| {
                // SAFETY: the pointers are valid during the call.
                invoke_json(|library, result| unsafe {
                    (library.snapshot_import)(cancel, progress, file.pointer(), options.pointer(), result)
                })
            })?;
            Ok(SnapshotDetail::of(&snapshot))
        })
    }
}

type Question = unsafe extern "C" fn(*const c_char, *mut *mut c_char) -> *mut c_char;

/// A short call about something that has a name.
fn ask<T: Send + 'static>(name: &str, function: fn(&Library) -> Question, read: fn(&Value) -> T) -> Call<T> {
    let name = name.to_owned();
    Call::short(move || {
        let name = Argument::text("name", &name)?;
        // SAFETY: the pointers are valid during the call.
        let answer: Result<Value> = invoke_json(|library, result| unsafe { function(library)(name.pointer(), result) });
        Ok(read(&answer?))
    })
}

impl Snapshot {
    /// A snapshot that is to be made; the name may be a path.
    pub fn builder(name: impl Into<String>) -> SnapshotBuilder {
        SnapshotBuilder {
            name: name.into(),
            sandbox: String::new(),
            options: SnapshotOptions::default(),
            progress: OnCopied::default(),
        }
    }

    /// A snapshot with all that its descriptor says; of its disk only the size is looked at.
    /// [`Error::SnapshotNotFound`].
    pub fn open(snapshot: &str) -> Call<SnapshotDetail> {
        ask(snapshot, |library| library.snapshot_open, SnapshotDetail::of)
    }

    /// A snapshot. [`Error::SnapshotNotFound`].
    pub fn get(snapshot: &str) -> Call<SnapshotHandle> {
        ask(snapshot, |library| library.snapshot_open, SnapshotHandle::of)
    }

    /// All snapshots that are known here, newest first.
    pub fn list() -> Call<Vec<SnapshotHandle>> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let snapshots = invoke_json(|library, result| unsafe { (library.snapshot_list)(result) })?;
            Ok(SnapshotHandle::list(&snapshots))
        })
    }

    /// The snapshots in a directory, whatever is known of it.
    pub fn list_dir(directory: &str) -> Call<Vec<SnapshotHandle>> {
        ask(directory, |library| library.snapshot_list_dir, SnapshotHandle::list)
    }

    /// Compares the disk with the hash that was recorded. [`Error::SnapshotIntegrity`] if it is another one.
    pub fn verify(snapshot: &str) -> Call<SnapshotVerification> {
        let snapshot = snapshot.to_owned();
        Call::new(move |cancel| {
            let snapshot = Argument::text("snapshot", &snapshot)?;
            // SAFETY: the pointers are valid during the call.
            let report = invoke_json(|library, result| unsafe {
                (library.snapshot_verify)(cancel, snapshot.pointer(), result)
            })?;
            Ok(SnapshotVerification::of(&report))
        })
    }

    /// What differs between the disks of two snapshots.
    pub fn diff(before: &str, after: &str) -> Call<Vec<DiskChange>> {
        let (before, after) = (before.to_owned(), after.to_owned());
        Call::new(move |cancel| {
            let (before, after) = (Argument::text("before", &before)?, Argument::text("after", &after)?);
            // SAFETY: the pointers are valid during the call.
            let changes = invoke_json(|library, result| unsafe {
                (library.snapshot_diff)(cancel, before.pointer(), after.pointer(), result)
            })?;
            Ok(DiskChange::list(&changes))
        })
    }

    /// Removes a snapshot. [`Error::SnapshotInUse`] if another one came from it, unless it is forced.
    pub fn remove(snapshot: &str, force: bool) -> Call<()> {
        let snapshot = snapshot.to_owned();
        Call::short(move || {
            let options = RemoveOptions { force: Some(force) };
            let (snapshot, options) = (Argument::text("snapshot", &snapshot)?, Argument::options(&options)?);
            // SAFETY: the pointers are valid during the call.
            invoke(|library| unsafe { (library.snapshot_remove)(snapshot.pointer(), options.pointer()) })
        })
    }

    /// Looks again which snapshots a directory has ("": the one of this MSB_HOME); the result is their number.
    pub fn reindex(directory: &str) -> Call<u64> {
        ask(directory, |library| library.snapshot_reindex, |answer| answer.number("indexed").unwrap_or(0))
    }

    /// A snapshot that is to be written into one file.
    pub fn export(snapshot: impl Into<String>, file: impl Into<String>) -> ExportBuilder {
        ExportBuilder {
            snapshot: snapshot.into(),
            file: file.into(),
            options: ExportOptions::default(),
            progress: OnCopied::default(),
        }
    }

    /// Such a file that is to be taken in.
    pub fn import(file: impl Into<String>) -> ImportBuilder {
        ImportBuilder { file: file.into(), options: SnapshotOptions::default(), progress: OnCopied::default() }
    }
}
