use crate::builder::list;
use crate::call::{invoke, invoke_bytes, Argument, Call, Inbox};
use crate::error::{Error, Result};
use crate::handle::time_of;
use crate::json::Value;
use crate::native::library;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

/// Where a log entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    Stdout,
    Stderr,
    /// Of a command with a terminal.
    Output,
    System,
}

impl LogSource {
    fn as_str(self) -> &'static str {
        match self {
            LogSource::Stdout => "stdout",
            LogSource::Stderr => "stderr",
            LogSource::Output => "output",
            LogSource::System => "system",
        }
    }

    fn parse(name: &str) -> LogSource {
        match name {
            "stdout" => LogSource::Stdout,
            "stderr" => LogSource::Stderr,
            "output" => LogSource::Output,
            _ => LogSource::System,
        }
    }
}

/// Something that a command wrote, or a line of the system's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogEntry {
    pub timestamp: SystemTime,
    pub source: LogSource,
    /// Of the command; none for the system's lines.
    pub session_id: Option<u64>,
    pub data: Vec<u8>,
    /// To go on behind this entry.
    pub cursor: String,
}

impl LogEntry {
    /// The data as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.data)
    }

    fn of(entry: &Value, data: Vec<u8>) -> LogEntry {
        LogEntry {
            timestamp: time_of(entry, "timestamp_ms").unwrap_or(SystemTime::UNIX_EPOCH),
            source: LogSource::parse(&entry.text("source")),
            session_id: entry.number("session_id"),
            data,
            cursor: entry.text("cursor"),
        }
    }
}

/// Which entries; by default all that commands wrote.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// The last so many.
    pub tail: Option<u64>,
    /// Of that time or later.
    pub since: Option<SystemTime>,
    /// Before that time.
    pub until: Option<SystemTime>,
    /// From there only.
    pub sources: Vec<LogSource>,
    /// Behind that entry.
    pub from_cursor: Option<String>,
}

/// Which entries, and whether to go on until the sandbox stops.
#[derive(Debug, Clone, Default)]
pub struct LogStreamOptions {
    pub since: Option<SystemTime>,
    pub until: Option<SystemTime>,
    pub sources: Vec<LogSource>,
    pub from_cursor: Option<String>,
    pub follow: bool,
}

fn query(since: Option<SystemTime>, until: Option<SystemTime>, sources: &[LogSource], cursor: Option<String>) -> Value {
    let mut options = Value::object();
    for (key, time) in [("since_ms", since), ("until_ms", until)] {
        if let Some(time) = time {
            let ms = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
            options.set(key, u64::try_from(ms).unwrap_or(u64::MAX));
        }
    }
    if !sources.is_empty() {
        options.set("sources", list(sources.iter().map(|source| source.as_str())));
    }
    if let Some(cursor) = cursor {
        options.set("from_cursor", cursor);
    }
    options
}

impl LogOptions {
    pub(crate) fn read(self, name: String) -> Call<Vec<LogEntry>> {
        Call::short(move || {
            let mut options = query(self.since, self.until, &self.sources, self.from_cursor);
            if let Some(tail) = self.tail {
                options.set("tail", tail);
            }
            let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
            // SAFETY: the pointers are valid during the call.
            let (entries, data) = invoke_bytes(|library, result, data, size| unsafe {
                (library.sandbox_logs)(name.pointer(), options.pointer(), result, data, size)
            })?;
            entries.items().iter().map(|entry| Ok(LogEntry::of(entry, part(&data, entry)?))).collect()
        })
    }
}

/// An entry's part of the data of all.
fn part(data: &[u8], entry: &Value) -> Result<Vec<u8>> {
    let offset: usize = entry.number("offset").unwrap_or(0);
    let size: usize = entry.number("size").unwrap_or(0);
    offset
        .checked_add(size)
        .and_then(|end| data.get(offset..end))
        .map(<[u8]>::to_vec)
        .ok_or_else(|| Error::internal("a log entry is outside of the data"))
}

impl LogStreamOptions {
    pub(crate) fn open(self, name: String) -> Call<LogStream> {
        Call::short(move || {
            let mut options = query(self.since, self.until, &self.sources, self.from_cursor);
            options.set("follow", self.follow);
            let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
            let mut handle = 0;
            // SAFETY: the pointers are valid during the call.
            invoke(|library| unsafe { (library.log_stream_open)(name.pointer(), options.pointer(), &mut handle) })?;
            Ok(LogStream { stream: Arc::new(Stream { handle }), entries: Inbox::new() })
        })
    }
}

/// Log entries, one by one.
#[derive(Debug)]
pub struct LogStream {
    stream: Arc<Stream>,
    entries: Arc<Inbox<Option<LogEntry>>>,
}

#[derive(Debug)]
struct Stream {
    handle: u64,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(library) = library() {
            // SAFETY: any number is fine.
            unsafe { (library.log_stream_close)(self.handle) };
        }
    }
}

impl LogStream {
    /// The next entry; none behind the last. If entries were lost before they were read that is
    /// [`Error::MissedRotation`], once. A call that is dropped loses nothing.
    pub fn recv(&mut self) -> Call<Option<LogEntry>> {
        let stream = Arc::clone(&self.stream);
        self.entries.recv(move |cancel| {
            // SAFETY: the pointers are valid during the call.
            let (entry, data) = invoke_bytes(|library, entry, data, size| unsafe {
                (library.log_stream_recv)(cancel, stream.handle, entry, data, size)
            })?;
            Ok(if entry == Value::Null { None } else { Some(LogEntry::of(&entry, data)) })
        })
    }
}
