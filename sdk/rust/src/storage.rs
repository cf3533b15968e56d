//! What takes room on the host's disk, and removing what nothing needs.

use crate::call::{invoke_json, Argument, Call};
use crate::json::{Read, Value};
use crate::options::{insert, StoragePruneOptions};
use std::collections::BTreeMap;
use std::time::Duration;

/// Something that takes room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageItem {
    /// What it is known by.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// What reading all of it gives.
    pub logical_bytes: u64,
    /// What it takes of the host's disk; 0 of images, whose bytes are those of layers.
    pub allocated_bytes: u64,
    /// By something that runs, or is kept.
    pub in_use: bool,
    /// [`Storage::prune`] may remove it.
    pub reclaimable: bool,
    /// Why it is in use: "sandbox 'web'".
    pub reasons: Vec<String>,
}

/// What there is of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageUsage {
    /// How many things.
    pub count: u64,
    /// How many of them are needed.
    pub in_use: u64,
    /// What reading all of them gives.
    pub logical_bytes: u64,
    /// What they take of the host's disk; none of images.
    pub allocated_bytes: Option<u64>,
    /// What [`Storage::prune`] can free of that.
    pub reclaimable_bytes: u64,
    /// Each of them.
    pub items: Vec<StorageItem>,
}

/// What became of something that [`Storage::prune`] may remove.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrunedItem {
    /// What it was.
    pub item: StorageItem,
    /// As of [`Storage::usage`].
    pub kind: String,
    /// "removed", "reclaimable" (a dry run), "in_use" (by now) or "error".
    pub state: String,
    /// Why it is still there.
    pub error: Option<String>,
}

/// What [`Storage::prune`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneReport {
    /// What was, or would be removed.
    pub items: Vec<PrunedItem>,
    /// How many are gone.
    pub removed: u64,
    /// What they took.
    pub bytes_reclaimed: u64,
}

/// What may be removed.
#[derive(Debug, Clone)]
pub struct PruneBuilder {
    options: StoragePruneOptions,
}

/// What this `MSB_HOME` takes of the host's disk.
#[derive(Debug)]
pub struct Storage;

impl StorageItem {
    fn of(item: &Value) -> StorageItem {
        StorageItem {
            name: item.text("name"),
            path: item.text("path"),
            logical_bytes: item.number("logical_bytes").unwrap_or(0),
            allocated_bytes: item.number("allocated_bytes").unwrap_or(0),
            in_use: item.flag("in_use"),
            reclaimable: item.flag("reclaimable"),
            reasons: item.texts("reasons"),
        }
    }
}

impl StorageUsage {
    fn of(usage: &Value) -> StorageUsage {
        StorageUsage {
            count: usage.number("count").unwrap_or(0),
            in_use: usage.number("in_use").unwrap_or(0),
            logical_bytes: usage.number("logical_bytes").unwrap_or(0),
            allocated_bytes: usage.number("allocated_bytes"),
            reclaimable_bytes: usage.number("reclaimable_bytes").unwrap_or(0),
            items: usage["items"].items().iter().map(StorageItem::of).collect(),
        }
    }
}

// SAFETY, here and below: the pointers of a call are valid until it has returned.
impl Storage {
    /// By type: images, layers, sandboxes, snapshots, volumes, logs, caches.
    pub fn usage() -> Call<BTreeMap<String, StorageUsage>> {
        const TYPES: [&str; 7] = ["images", "layers", "sandboxes", "snapshots", "volumes", "logs", "caches"];
        Call::new(|cancel| {
            let usage = invoke_json(|library, result| unsafe { (library.storage_usage)(cancel, result) })?;
            Ok(TYPES.iter().map(|name| ((*name).to_owned(), StorageUsage::of(&usage[*name]))).collect())
        })
    }

    /// Removes what nothing needs: say what, then [`PruneBuilder::apply`].
    pub fn prune() -> PruneBuilder {
        PruneBuilder { options: StoragePruneOptions::default() }
    }
}

impl PruneBuilder {
    /// One more type, as of [`Storage::usage`] but for logs; without any, what can be had again: images, layers, caches.
    pub fn kind(mut self, name: impl Into<String>) -> Self {
        self.options.types.get_or_insert_with(Vec::new).push(name.into());
        self
    }

    /// Only what has this label.
    pub fn label(mut self, key: &str, value: impl Into<String>) -> Self {
        insert(&mut self.options.labels, key, value.into());
        self
    }

    /// Only what was made, or ran last, so long ago.
    pub fn older_than(mut self, age: Duration) -> Self {
        self.options.older_than_ms = Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Nothing is removed.
    pub fn dry_run(mut self) -> Self {
        self.options.dry_run = Some(true);
        self
    }

    /// Removes it. Whether something is needed is asked again for each, right before it is removed.
    pub fn apply(self) -> Call<PruneReport> {
        Call::new(move |cancel| {
            let options = Argument::options(&self.options)?;
            let report =
                invoke_json(|library, result| unsafe { (library.storage_prune)(cancel, options.pointer(), result) })?;
            let items = report["items"].items().iter().map(|item| PrunedItem {
                item: StorageItem::of(item),
                kind: item.text("type"),
                state: item.text("state"),
                error: item.optional_text("error"),
            });
            Ok(PruneReport {
                items: items.collect(),
                removed: report.number("removed").unwrap_or(0),
                bytes_reclaimed: report.number("bytes_reclaimed").unwrap_or(0),
            })
        })
    }
}
