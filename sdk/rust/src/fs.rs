//! Files of the guest.

use crate::call::{invoke, invoke_json, Argument, Call, Inbox};
use crate::error::{Error, Result};
use crate::handle::time_of;
use crate::json::Value;
use crate::native::{library, Bytes, Library};
use crate::sandbox::Connection;
use std::os::raw::c_char;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// The files of a sandbox that runs, by absolute path: [`crate::Sandbox::fs`].
#[derive(Debug, Clone)]
pub struct SandboxFsOps {
    sandbox: Arc<Connection>,
    options: Value,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FsEntryKind {
    File,
    Directory,
    Symlink,
    Other,
}

/// A file, a directory, or whatever else a path leads to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FsEntry {
    pub path: String,
    pub kind: FsEntryKind,
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub accessed: Option<SystemTime>,
    pub modified: Option<SystemTime>,
}

impl FsEntry {
    fn of(entry: &Value) -> FsEntry {
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
        SandboxFsOps { sandbox, options: Value::object() }
    }

    /// The same files as another user sees them: a name or number, with ":group" or not.
    pub fn with_user(mut self, user: impl Into<String>) -> SandboxFsOps {
        self.options.set("user", user.into());
        self
    }

    fn with(&self, key: &str, value: impl Into<Value>) -> SandboxFsOps {
        let mut other = self.clone();
        other.options.set(key, value);
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

    /// The content of a file, up to 256 MiB.
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

    /// The same as text; an error if it is not UTF-8.
    pub async fn read_to_string(&self, path: &str) -> Result<String> {
        Ok(String::from_utf8(self.read(path).await?)?)
    }

    /// Makes or replaces a file. Its directory must exist.
    pub fn write(&self, path: &str, data: impl Into<Vec<u8>>) -> Call<()> {
        let data = data.into();
        self.call(path, move |op| {
            let (path, options) = (op.path.pointer(), op.options.pointer());
            invoke(|library| unsafe {
                (library.fs_write)(op.cancel, op.sandbox, path, options, data.as_ptr(), data.len())
            })
        })
    }

    /// The same with other permissions than 0644.
    pub fn write_with_mode(&self, path: &str, data: impl Into<Vec<u8>>, mode: u32) -> Call<()> {
        self.with("mode", mode).write(path, data)
    }

    /// What a path leads to.
    pub fn stat(&self, path: &str) -> Call<FsEntry> {
        self.ask(path, |library| library.fs_stat, FsEntry::of)
    }

    /// The same; of a symbolic link itself if it is not followed.
    pub fn stat_with_follow(&self, path: &str, follow: bool) -> Call<FsEntry> {
        self.with("follow", follow).stat(path)
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

    /// Deletes a directory that is empty.
    pub fn remove_empty_dir(&self, path: &str) -> Call<()> {
        self.with("recursive", false).remove_dir(path)
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
    ) -> Result<Arc<Stream>> {
        let mut handle = 0;
        invoke(|_| unsafe {
            open(self.cancel, self.sandbox, self.path.pointer(), self.options.pointer(), &mut handle)
        })?;
        Ok(Arc::new(Stream { handle }))
    }
}

/// The library's handle, closed with the last that uses it.
#[derive(Debug)]
struct Stream {
    handle: u64,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(library) = library() {
            unsafe { (library.fs_stream_close)(self.handle) };
        }
    }
}

/// The content of a file, piece by piece.
#[derive(Debug)]
pub struct FsReadStream {
    stream: Arc<Stream>,
    pieces: Arc<Inbox<Option<Vec<u8>>>>,
}

impl FsReadStream {
    /// The next piece; none at the end. A call that is dropped loses nothing.
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

    /// The rest.
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
    stream: Arc<Stream>,
}

impl FsWriteStream {
    /// Writes all of it.
    pub fn write(&mut self, data: impl Into<Vec<u8>>) -> Call<()> {
        let (stream, data) = (Arc::clone(&self.stream), data.into());
        Call::new(move |cancel| {
            invoke(|library| unsafe {
                (library.fs_write_stream_write)(cancel, stream.handle, data.as_ptr(), data.len())
            })
        })
    }

    /// Completes the file.
    pub fn close(self) -> Call<()> {
        Call::new(move |cancel| {
            invoke(|library| unsafe { (library.fs_write_stream_finish)(cancel, self.stream.handle) })
        })
    }
}
