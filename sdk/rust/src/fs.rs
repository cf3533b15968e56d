//! Files of the guest.

use crate::call::{invoke, invoke_json, Argument, Call, Inbox};
use crate::connection::{Connection, FileStream};
use crate::error::{Error, Result};
use crate::json::{Read, Value};
use crate::native::{library, Bytes, Library};
use crate::options::FsOptions;
use crate::time::time_of;
use std::os::raw::c_char;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// The files of a sandbox that runs, by absolute path: [`crate::Sandbox::fs`].
///
/// Its calls fail with [`Error::PathNotFound`] if the guest has no such path, with [`Error::Filesystem`] and an
/// errno if an operation failed otherwise, and with [`Error::SessionLost`] if the sandbox ended.
#[derive(Debug, Clone)]
pub struct SandboxFsOps {
    sandbox: Arc<Connection>,
    options: FsOptions,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsEntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A device, a socket, or another special file.
    Other,
}

/// A file, a directory, or whatever else a path leads to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FsEntry {
    /// Its absolute path.
    pub path: String,
    /// What it is.
    pub kind: FsEntryKind,
    /// Its size in bytes.
    pub size: u64,
    /// Its permissions.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// When it was last read, if that is known.
    pub accessed: Option<SystemTime>,
    /// When its content was last changed, if that is known.
    pub modified: Option<SystemTime>,
}

impl FsEntry {
    pub(crate) fn of(entry: &Value) -> FsEntry {
        FsEntry {
            path: entry.text("path"),
            kind: match entry.text("kind").as_str() {
                "file" => FsEntryKind::File,
                "dir" => FsEntryKind::Directory,
                "symlink" => FsEntryKind::Symlink,
                _ => FsEntryKind::Other,
            },
            size: entry.number("size").unwrap_or(0),
            mode: entry.number("mode").unwrap_or(0),
            uid: entry.number("uid").unwrap_or(0),
            gid: entry.number("gid").unwrap_or(0),
            accessed: time_of(entry, "accessed_ms"),
            modified: time_of(entry, "modified_ms"),
        }
    }
}

/// What a call about paths has: the library, the numbers of the cancellation and of the sandbox, and the
/// arguments.
struct Operation<'a> {
    library: &'static Library,
    cancel: u64,
    sandbox: u64,
    path: &'a Argument,
    options: &'a Argument,
}

// SAFETY, here and below: the pointers of a call are valid until it has returned.
impl SandboxFsOps {
    pub(crate) fn new(sandbox: Arc<Connection>) -> SandboxFsOps {
        SandboxFsOps { sandbox, options: FsOptions::default() }
    }

    /// The files of the guest with another user acting: a name or number, with ":group" or not.
    pub fn with_user(mut self, user: impl Into<String>) -> SandboxFsOps {
        self.options.user = Some(user.into());
        self
    }

    fn with(&self, set: impl FnOnce(&mut FsOptions)) -> SandboxFsOps {
        let mut other = self.clone();
        set(&mut other.options);
        other
    }

    fn call<T: Send + 'static>(
        &self,
        path: &str,
        body: impl FnOnce(Operation<'_>) -> Result<T> + Send + 'static,
    ) -> Call<T> {
        let (this, path) = (self.clone(), path.to_owned());
        Call::new(move |cancel| {
            let (path, options) = (Argument::text("path", &path)?, Argument::options(&this.options)?);
            let (library, sandbox) = (library()?, this.sandbox.handle);
            body(Operation { library, cancel, sandbox, path: &path, options: &options })
        })
    }

    fn two(
        &self,
        from: &str,
        to: &str,
        function: fn(
            &Library,
        )
            -> unsafe extern "C" fn(u64, u64, *const c_char, *const c_char, *const c_char) -> *mut c_char,
    ) -> Call<()> {
        let to = to.to_owned();
        self.call(from, move |op| {
            let to = Argument::text("path", &to)?;
            let (from, to, options) = (op.path.pointer(), to.pointer(), op.options.pointer());
            invoke(|library| unsafe { function(library)(op.cancel, op.sandbox, from, to, options) })
        })
    }

    fn one(
        &self,
        path: &str,
        function: fn(&Library) -> unsafe extern "C" fn(u64, u64, *const c_char, *const c_char) -> *mut c_char,
    ) -> Call<()> {
        self.call(path, move |op| {
            let (path, options) = (op.path.pointer(), op.options.pointer());
            invoke(|library| unsafe { function(library)(op.cancel, op.sandbox, path, options) })
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        path: &str,
        function: fn(
            &Library,
        )
            -> unsafe extern "C" fn(u64, u64, *const c_char, *const c_char, *mut *mut c_char) -> *mut c_char,
        read: fn(&Value) -> T,
    ) -> Call<T> {
        self.call(path, move |op| {
            let (path, options) = (op.path.pointer(), op.options.pointer());
            let answer = invoke_json(|library, result| unsafe {
                function(library)(op.cancel, op.sandbox, path, options, result)
            })?;
            Ok(read(&answer))
        })
    }

    /// The content of a file, up to 256 MiB; [`Error::LimitExceeded`] if it has more.
    pub fn read(&self, path: &str) -> Call<Vec<u8>> {
        self.call(path, |op| {
            let mut bytes = Bytes::NONE;
            let (path, options) = (op.path.pointer(), op.options.pointer());
            invoke(|library| unsafe {
                (library.fs_read)(op.cancel, op.sandbox, path, options, &mut bytes.data, &mut bytes.size)
            })?;
            Ok(bytes.get())
        })
    }

    /// The content of a file as text, up to 256 MiB; [`Error::InvalidArgument`] if it is not UTF-8.
    pub async fn read_to_string(&self, path: &str) -> Result<String> {
        Ok(String::from_utf8(self.read(path).await?)?)
    }

    /// Makes or replaces a file, with permissions 0644. Its directory must exist.
    pub fn write(&self, path: &str, data: impl Into<Vec<u8>>) -> Call<()> {
        let data = data.into();
        self.call(path, move |op| {
            let (path, options) = (op.path.pointer(), op.options.pointer());
            invoke(|library| unsafe {
                (library.fs_write)(op.cancel, op.sandbox, path, options, data.as_ptr(), data.len())
            })
        })
    }

    /// Makes or replaces a file, with these permissions. Its directory must exist.
    pub fn write_with_mode(&self, path: &str, data: impl Into<Vec<u8>>, mode: u32) -> Call<()> {
        self.with(|options| options.mode = Some(mode)).write(path, data)
    }

    /// What a path leads to, symbolic links followed.
    pub fn stat(&self, path: &str) -> Call<FsEntry> {
        self.ask(path, |library| library.fs_stat, FsEntry::of)
    }

    /// What a path leads to; without `follow`, of a symbolic link the link itself.
    pub fn stat_with_follow(&self, path: &str, follow: bool) -> Call<FsEntry> {
        self.with(|options| options.follow = Some(follow)).stat(path)
    }

    /// What a directory has in it, one level.
    pub fn list(&self, path: &str) -> Call<Vec<FsEntry>> {
        self.ask(path, |library| library.fs_list, |list| list.items().iter().map(FsEntry::of).collect())
    }

    /// Whether a path leads to something.
    pub fn exists(&self, path: &str) -> Call<bool> {
        self.ask(path, |library| library.fs_exists, |answer| answer.flag("exists"))
    }

    /// Makes a directory, with the parents that are missing.
    pub fn mkdir(&self, path: &str) -> Call<()> {
        self.one(path, |library| library.fs_mkdir)
    }

    /// Deletes a file.
    pub fn remove(&self, path: &str) -> Call<()> {
        self.one(path, |library| library.fs_remove)
    }

    /// Deletes a directory and all that is in it.
    pub fn remove_dir(&self, path: &str) -> Call<()> {
        self.one(path, |library| library.fs_remove_dir)
    }

    /// Makes a symbolic link at a path; what it leads to need not be there.
    pub fn symlink(&self, target: &str, path: &str) -> Call<()> {
        self.two(target, path, |library| library.fs_symlink)
    }

    /// What a symbolic link has in it.
    pub fn read_link(&self, path: &str) -> Call<String> {
        self.ask(path, |library| library.fs_read_link, |answer| answer.text("target"))
    }

    /// A path without links, "." and "..".
    pub fn real_path(&self, path: &str) -> Call<String> {
        self.ask(path, |library| library.fs_real_path, |answer| answer.text("path"))
    }

    /// Deletes a directory that is empty.
    pub fn remove_empty_dir(&self, path: &str) -> Call<()> {
        self.with(|options| options.recursive = Some(false)).remove_dir(path)
    }

    /// Copies a file within the guest.
    pub fn copy(&self, from: &str, to: &str) -> Call<()> {
        self.two(from, to, |library| library.fs_copy)
    }

    /// Gives a file or directory another path.
    pub fn rename(&self, from: &str, to: &str) -> Call<()> {
        self.two(from, to, |library| library.fs_rename)
    }

    /// Copies a file of the host into the guest.
    pub fn copy_from_host(&self, host: impl AsRef<Path>, guest: &str) -> Call<()> {
        match host.as_ref().to_str() {
            Some(host) => self.two(host, guest, |library| library.fs_copy_from_host),
            None => no_text(),
        }
    }

    /// Copies a file of the guest to the host.
    pub fn copy_to_host(&self, guest: &str, host: impl AsRef<Path>) -> Call<()> {
        match host.as_ref().to_str() {
            Some(host) => self.two(guest, host, |library| library.fs_copy_to_host),
            None => no_text(),
        }
    }

    /// A file to be read piece by piece.
    pub fn read_stream(&self, path: &str) -> Call<FsReadStream> {
        self.call(path, |op| {
            let stream = op.stream(op.library.fs_read_stream)?;
            Ok(FsReadStream { stream, pieces: Inbox::new() })
        })
    }

    /// A file, made or replaced, to be written piece by piece. It is complete when
    /// [`FsWriteStream::close`] has succeeded.
    pub fn write_stream(&self, path: &str) -> Call<FsWriteStream> {
        self.call(path, |op| Ok(FsWriteStream { stream: op.stream(op.library.fs_write_stream)? }))
    }
}

fn no_text() -> Call<()> {
    Call::short(|| Err(Error::invalid_argument("a path of the host is not UTF-8")))
}

impl Operation<'_> {
    fn stream(
        &self,
        open: unsafe extern "C" fn(u64, u64, *const c_char, *const c_char, *mut u64) -> *mut c_char,
    ) -> Result<Arc<FileStream>> {
        let mut handle = 0;
        invoke(|_| unsafe {
            open(self.cancel, self.sandbox, self.path.pointer(), self.options.pointer(), &mut handle)
        })?;
        Ok(Arc::new(FileStream { handle }))
    }
}

/// The content of a file, piece by piece.
#[derive(Debug)]
pub struct FsReadStream {
    stream: Arc<FileStream>,
    pieces: Arc<Inbox<Option<Vec<u8>>>>,
}

impl FsReadStream {
    /// The next piece; `None` at the end of the file. A call that is dropped loses nothing.
    pub fn recv(&mut self) -> Call<Option<Vec<u8>>> {
        let stream = Arc::clone(&self.stream);
        self.pieces.recv(move |cancel| {
            let mut bytes = Bytes::NONE;
            invoke(|library| unsafe {
                (library.fs_read_stream_recv)(cancel, stream.handle, &mut bytes.data, &mut bytes.size)
            })?;
            Ok(if bytes.data.is_null() { None } else { Some(bytes.get()) })
        })
    }

    /// What has not been read of the file.
    pub async fn collect(&mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.recv().await? {
            all.extend(piece);
        }
        Ok(all)
    }
}

/// A file that is written piece by piece.
#[derive(Debug)]
pub struct FsWriteStream {
    stream: Arc<FileStream>,
}

impl FsWriteStream {
    /// Writes all of the data. How much of it a call that is dropped has written is not known.
    pub fn write(&mut self, data: impl Into<Vec<u8>>) -> Call<()> {
        let (stream, data) = (Arc::clone(&self.stream), data.into());
        Call::new(move |cancel| {
            invoke(|library| unsafe {
                (library.fs_write_stream_write)(cancel, stream.handle, data.as_ptr(), data.len())
            })
        })
    }

    /// Completes the file: what was written is there only when this has succeeded.
    pub fn close(self) -> Call<()> {
        Call::new(move |cancel| {
            invoke(|library| unsafe { (library.fs_write_stream_finish)(cancel, self.stream.handle) })
        })
    }
}
