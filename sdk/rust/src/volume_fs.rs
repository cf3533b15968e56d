//! Files of directory volumes, without a sandbox.

use crate::call::{invoke, invoke_json, Argument, Call};
use crate::error::{Error, Result};
use crate::fs::FsEntry;
use crate::json::{Read, Value};
use crate::native::{Bytes, Library};
use crate::options::VolumeRemoveOptions;
use std::os::raw::c_char;

/// The files of a directory volume: [`crate::Volume::fs`]. Paths are from its root, and links that sandboxes have made
/// lead within it.
///
/// Its calls fail with [`Error::VolumeNotFound`], [`Error::PathNotFound`] and [`Error::Filesystem`]; with
/// [`Error::Unsupported`] of a disk.
#[derive(Debug, Clone)]
pub struct VolumeFs {
    name: String,
}

type OnPath = unsafe extern "C" fn(*const c_char, *const c_char) -> *mut c_char;
type OnPaths = unsafe extern "C" fn(*const c_char, *const c_char, *const c_char) -> *mut c_char;
type Asking = unsafe extern "C" fn(*const c_char, *const c_char, *mut *mut c_char) -> *mut c_char;

// SAFETY, here and below: the pointers of a call are valid until it has returned.
impl VolumeFs {
    pub(crate) fn new(name: &str) -> VolumeFs {
        VolumeFs { name: name.to_owned() }
    }

    fn call<T: Send + 'static>(
        &self,
        path: &str,
        body: impl FnOnce(&Argument, &Argument) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        let (name, path) = (self.name.clone(), path.to_owned());
        Call::short(move || body(&Argument::text("name", &name)?, &Argument::text("path", &path)?))
    }

    fn one(&self, path: &str, function: fn(&Library) -> OnPath) -> Call<()> {
        self.call(path, move |name, path| {
            invoke(|library| unsafe { function(library)(name.pointer(), path.pointer()) })
        })
    }

    fn two(&self, from: &str, to: &str, function: fn(&Library) -> OnPaths) -> Call<()> {
        let to = to.to_owned();
        self.call(from, move |name, from| {
            let to = Argument::text("path", &to)?;
            invoke(|library| unsafe { function(library)(name.pointer(), from.pointer(), to.pointer()) })
        })
    }

    fn ask<T: Send + 'static>(&self, path: &str, function: fn(&Library) -> Asking, read: fn(&Value) -> T) -> Call<T> {
        self.call(path, move |name, path| {
            let answer =
                invoke_json(|library, result| unsafe { function(library)(name.pointer(), path.pointer(), result) })?;
            Ok(read(&answer))
        })
    }

    /// The content of a file, up to 256 MiB; [`Error::LimitExceeded`] if it has more.
    pub fn read(&self, path: &str) -> Call<Vec<u8>> {
        self.call(path, |name, path| {
            let mut bytes = Bytes::NONE;
            invoke(|library| unsafe {
                (library.volume_fs_read)(name.pointer(), path.pointer(), &mut bytes.data, &mut bytes.size)
            })?;
            Ok(bytes.get())
        })
    }

    /// The content of a file as text; [`Error::InvalidArgument`] if it is not UTF-8.
    pub async fn read_to_string(&self, path: &str) -> Result<String> {
        Ok(String::from_utf8(self.read(path).await?)?)
    }

    /// Makes or replaces a file, with the directories that are missing; who opens it sees the old or the new content.
    pub fn write(&self, path: &str, data: impl Into<Vec<u8>>) -> Call<()> {
        let data = data.into();
        self.call(path, move |name, path| {
            invoke(|library| unsafe {
                (library.volume_fs_write)(name.pointer(), path.pointer(), data.as_ptr(), data.len())
            })
        })
    }

    /// What a path leads to; of a symbolic link the link itself.
    pub fn stat(&self, path: &str) -> Call<FsEntry> {
        self.ask(path, |library| library.volume_fs_stat, FsEntry::of)
    }

    /// Whether there is something at a path.
    pub async fn exists(&self, path: &str) -> Result<bool> {
        match self.stat(path).await {
            Ok(_) => Ok(true),
            Err(Error::PathNotFound(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What a directory has in it, one level, by name.
    pub fn list(&self, path: &str) -> Call<Vec<FsEntry>> {
        self.ask(path, |library| library.volume_fs_list, |entries| entries.items().iter().map(FsEntry::of).collect())
    }

    /// Makes a directory, with the parents that are missing.
    pub fn mkdir(&self, path: &str) -> Call<()> {
        self.one(path, |library| library.volume_fs_mkdir)
    }

    /// Removes a file, or a directory that is empty.
    pub fn remove(&self, path: &str) -> Call<()> {
        self.remove_with(path, false)
    }

    /// Removes a directory with what is in it, but not the volume's root.
    pub fn remove_dir(&self, path: &str) -> Call<()> {
        self.remove_with(path, true)
    }

    fn remove_with(&self, path: &str, recursive: bool) -> Call<()> {
        self.call(path, move |name, path| {
            let options = Argument::options(&VolumeRemoveOptions { recursive: Some(recursive) })?;
            invoke(|library| unsafe { (library.volume_fs_remove)(name.pointer(), path.pointer(), options.pointer()) })
        })
    }

    /// Copies a single file within the volume.
    pub fn copy(&self, from: &str, to: &str) -> Call<()> {
        self.two(from, to, |library| library.volume_fs_copy)
    }

    /// Gives a file or directory another path.
    pub fn rename(&self, from: &str, to: &str) -> Call<()> {
        self.two(from, to, |library| library.volume_fs_rename)
    }
}
