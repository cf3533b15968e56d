//! What commands wrote.

use crate::call::{invoke, invoke_bytes, Argument, Call, Inbox};
use crate::connection::LogReader;
use crate::error::{Error, Result};
use crate::json::{Read, Value};
use crate::options::{list, LogQuery};
use crate::time::{time_of, unix_ms};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

/// Where a log entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogSource {
    /// A command's standard output.
    Stdout,
    /// A command's standard error.
    Stderr,
    /// A command's terminal.
    Output,
    /// What the sandbox itself did.
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
    /// When it came.
    pub timestamp: SystemTime,
    /// Where it comes from.
    pub source: LogSource,
    /// The number of the command; `None` for the system's lines.
    pub session_id: Option<u64>,
    /// What was written, as it came.
    pub data: Vec<u8>,
    /// Where this entry is: a reader that is given it as `from_cursor` goes on behind the entry.
    pub cursor: String,
}

impl LogEntry {
    /// The data as text; bytes that are not UTF-8 are replaced.
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
    /// Only the last so many entries.
    pub tail: Option<u64>,
    /// Only entries of this time or later.
    pub since: Option<SystemTime>,
    /// Only entries before this time.
    pub until: Option<SystemTime>,
    /// Only entries of these sources; empty: all but [`LogSource::System`].
    pub sources: Vec<LogSource>,
    /// Only entries behind the one with this [`LogEntry::cursor`].
    pub from_cursor: Option<String>,
}

/// Which entries, and whether to go on until the sandbox stops.
#[derive(Debug, Clone, Default)]
pub struct LogStreamOptions {
    /// Only entries of this time or later.
    pub since: Option<SystemTime>,
    /// Only entries before this time.
    pub until: Option<SystemTime>,
    /// Only entries of these sources; empty: all but [`LogSource::System`].
    pub sources: Vec<LogSource>,
    /// Only entries behind the one with this [`LogEntry::cursor`].
    pub from_cursor: Option<String>,
    /// Whether to wait for more entries until the sandbox stops.
    pub follow: bool,
}

fn query(
    since: Option<SystemTime>,
    until: Option<SystemTime>,
    sources: &[LogSource],
    from_cursor: Option<String>,
) -> LogQuery {
    LogQuery {
        since_ms: since.map(unix_ms),
        until_ms: until.map(unix_ms),
        sources: if sources.is_empty() { None } else { Some(list(sources.iter().map(|source| source.as_str()))) },
        from_cursor,
        ..LogQuery::default()
    }
}

impl LogOptions {
    pub(crate) fn read(self, name: String) -> Call<Vec<LogEntry>> {
        Call::short(move || {
            let mut options = query(self.since, self.until, &self.sources, self.from_cursor);
            options.tail = self.tail;
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
            options.follow = Some(self.follow);
            let (name, options) = (Argument::text("name", &name)?, Argument::options(&options)?);
            let mut handle = 0;
            // SAFETY: the pointers are valid during the call.
            invoke(|library| unsafe { (library.log_stream_open)(name.pointer(), options.pointer(), &mut handle) })?;
            Ok(LogStream { stream: Arc::new(LogReader { handle }), entries: Inbox::new() })
        })
    }
}

/// Log entries, one by one.
#[derive(Debug)]
pub struct LogStream {
    stream: Arc<LogReader>,
    entries: Arc<Inbox<Option<LogEntry>>>,
}

impl LogStream {
    /// The next entry; `None` behind the last. If entries were lost before they were read that is
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
