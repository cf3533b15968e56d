//! What differs between disks.

use crate::json::{Read, Value};

/// How a path differs between two disks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DiskChange {
    /// In the guest.
    pub path: String,
    /// "added", "changed" or "removed".
    pub change: String,
    /// "file", "directory", "link" or "other".
    pub file_type: String,
    /// Of files, where it is known.
    pub size_before: Option<u64>,
    /// Of files, where it is known.
    pub size_after: Option<u64>,
}

impl DiskChange {
    pub(crate) fn list(changes: &Value) -> Vec<DiskChange> {
        let change = |item: &Value| DiskChange {
            path: item.text("path"),
            change: item.text("change"),
            file_type: item.text("type"),
            size_before: item.number("size_before"),
            size_after: item.number("size_after"),
        };
        changes.items().iter().map(change).collect()
    }
}
