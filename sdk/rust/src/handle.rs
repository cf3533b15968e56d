//! Sandboxes that are looked up.

use crate::call::{invoke_json, Argument, Call};
use crate::config::SandboxConfig;
use crate::error::Result;
use crate::json::{Read, Value};
use crate::options::ListOptions;
use crate::sandbox::Sandbox;
use crate::setters::members;
use crate::time::{time_of, timeout_ms};
use std::fmt;
use std::time::{Duration, SystemTime};

/// A port of the host that leads to one of a guest's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedPort {
    /// The address on the host.
    pub bind: String,
    /// The port on the host.
    pub host_port: u16,
    /// The port in the guest.
    pub guest_port: u16,
    /// "tcp" or "udp".
    pub protocol: String,
}

impl PublishedPort {
    fn of(port: &Value) -> PublishedPort {
        PublishedPort {
            bind: port.text("bind"),
            host_port: port.number("host_port").unwrap_or(0),
            guest_port: port.number("guest_port").unwrap_or(0),
            protocol: port.text("protocol"),
        }
    }
}

/// What a sandbox is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SandboxStatus {
    /// It was made, and never started.
    Created,
    /// It boots.
    Starting,
    /// It takes commands.
    Running,
    /// Its commands may finish, new ones are refused.
    Draining,
    /// It ended as it was asked to, or by itself.
    Stopped,
    /// It ended otherwise.
    Crashed,
    /// A status that this crate does not know.
    Unknown,
}

impl SandboxStatus {
    pub(crate) fn parse(name: &str) -> SandboxStatus {
        match name {
            "created" => SandboxStatus::Created,
            "starting" => SandboxStatus::Starting,
            "running" => SandboxStatus::Running,
            "draining" => SandboxStatus::Draining,
            "stopped" => SandboxStatus::Stopped,
            "crashed" => SandboxStatus::Crashed,
            _ => SandboxStatus::Unknown,
        }
    }

    /// The library's word for it: "running".
    pub fn as_str(self) -> &'static str {
        match self {
            SandboxStatus::Created => "created",
            SandboxStatus::Starting => "starting",
            SandboxStatus::Running => "running",
            SandboxStatus::Draining => "draining",
            SandboxStatus::Stopped => "stopped",
            SandboxStatus::Crashed => "crashed",
            SandboxStatus::Unknown => "unknown",
        }
    }
}

impl fmt::Display for SandboxStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A sandbox that is known by name, running or not, as it was when it was looked up.
#[derive(Debug, Clone)]
pub struct SandboxHandle {
    name: String,
    view: Value,
}

impl SandboxHandle {
    fn of(view: Value) -> SandboxHandle {
        SandboxHandle { name: view.text("name"), view }
    }

    /// The sandbox's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the sandbox was doing.
    pub fn status(&self) -> SandboxStatus {
        SandboxStatus::parse(&self.view.text("status"))
    }

    /// Why it has its status, in a word.
    pub fn status_reason(&self) -> Option<String> {
        self.view.optional_text("reason")
    }

    /// Why it has its status, in a sentence for people.
    pub fn status_detail(&self) -> Option<String> {
        self.view.optional_text("detail")
    }

    /// What the sandbox's own command ended with, if it had one.
    pub fn exit_code(&self) -> Option<i32> {
        self.view.number("exit_code")
    }

    /// What runs the guest, or ran it last: "uml".
    pub fn engine(&self) -> Option<String> {
        self.view.optional_text("engine")
    }

    /// The boundary between guest and host in its present or last run: "user-mode" or "hardware".
    pub fn isolation(&self) -> Option<String> {
        self.view.optional_text("isolation")
    }

    /// The reference of its image.
    pub fn image(&self) -> String {
        self.view.text("image")
    }

    /// Its published ports, with those of the host as they were in its present or last run.
    pub fn ports(&self) -> Vec<PublishedPort> {
        self.view["ports"].items().iter().map(PublishedPort::of).collect()
    }

    /// When the sandbox was made.
    pub fn created_at(&self) -> Option<SystemTime> {
        time_of(&self.view, "created_at_ms")
    }

    /// When it was started last, if it ever was.
    pub fn started_at(&self) -> Option<SystemTime> {
        time_of(&self.view, "started_at_ms")
    }

    /// When it stopped last, if it ever did.
    pub fn stopped_at(&self) -> Option<SystemTime> {
        time_of(&self.view, "stopped_at_ms")
    }

    /// When its status changed last.
    pub fn updated_at(&self) -> Option<SystemTime> {
        time_of(&self.view, "updated_at_ms")
    }

    /// How the sandbox was made.
    pub fn config(&self) -> SandboxConfig {
        SandboxConfig::parse(&self.view["config"])
    }

    /// How the sandbox was made, as JSON that the library wrote.
    pub fn config_json(&self) -> String {
        self.view["config"].to_string()
    }

    /// Looks the sandbox up again. [`crate::Error::SandboxNotFound`] if it is gone.
    pub fn refresh(&self) -> Call<SandboxHandle> {
        Sandbox::get(&self.name)
    }

    /// Connects to the sandbox if it runs, without owning its life. One that is coming up is waited for, 10 s.
    /// [`crate::Error::SandboxNotRunning`] if it does not run.
    pub fn connect(&self) -> Call<Sandbox> {
        self.connect_within(None)
    }

    /// Connects to the sandbox if it runs, without owning its life. One that is coming up is waited for, for
    /// `timeout`. [`crate::Error::SandboxNotRunning`] if it does not run.
    pub fn connect_with_timeout(&self, timeout: Duration) -> Call<Sandbox> {
        self.connect_within(Some(timeout))
    }

    fn connect_within(&self, timeout: Option<Duration>) -> Call<Sandbox> {
        let (name, timeout) = (self.name.clone(), timeout_ms(timeout));
        Call::new(move |cancel| {
            let name = Argument::text("name", &name)?;
            // SAFETY: the pointers are valid during the call.
            let made = invoke_json(|library, result| unsafe {
                (library.sandbox_connect)(cancel, name.pointer(), timeout, result)
            });
            Sandbox::given(made?)
        })
    }

    /// Starts the stopped sandbox; it stops when what this gives is dropped. As [`Sandbox::start`].
    pub fn start(&self) -> Call<Sandbox> {
        Sandbox::start(&self.name)
    }

    /// Starts the stopped sandbox, which goes on without handle and process. As [`Sandbox::start_detached`].
    pub fn start_detached(&self) -> Call<Sandbox> {
        Sandbox::start_detached(&self.name)
    }
}

/// A part of the list of sandboxes, newest first.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SandboxPage {
    /// The sandboxes.
    pub sandboxes: Vec<SandboxHandle>,
    /// What [`ListBuilder::cursor`] takes for the next page, if there is one.
    pub next_cursor: Option<String>,
    /// What is wrong with sandboxes that cannot be read.
    pub damaged: Vec<String>,
}

/// Which sandboxes: [`Sandbox::list_with`].
#[derive(Debug, Clone)]
pub struct ListBuilder {
    options: ListOptions,
}

impl ListBuilder {
    /// The size of a page, 1 to 100.
    pub fn limit(mut self, limit: u32) -> Self {
        self.options.limit = Some(limit.into());
        self
    }

    /// Goes on behind a page: its [`SandboxPage::next_cursor`].
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.options.cursor = Some(cursor.into());
        self
    }

    members! { labels: "One more label that they all have." label, "More labels that they all have." labels }
}

impl Sandbox {
    /// Looks a sandbox up by its name. [`crate::Error::SandboxNotFound`] if there is none.
    pub fn get(name: impl Into<String>) -> Call<SandboxHandle> {
        let name = name.into();
        Call::short(move || {
            let name = Argument::text("name", &name)?;
            // SAFETY: the pointers are valid during the call.
            let view = invoke_json(|library, result| unsafe { (library.sandbox_get)(name.pointer(), result) });
            Ok(SandboxHandle::of(view?))
        })
    }

    /// All sandboxes, newest first.
    pub fn list() -> Call<SandboxPage> {
        Sandbox::list_with(|list| list)
    }

    /// Some sandboxes, newest first: `with` says which, and how many at a time.
    pub fn list_with(with: impl FnOnce(ListBuilder) -> ListBuilder) -> Call<SandboxPage> {
        let chosen = with(ListBuilder { options: ListOptions::default() });
        Call::short(move || {
            let options = Argument::options(&chosen.options)?;
            // SAFETY: the pointers are valid during the call.
            let page: Result<Value> =
                invoke_json(|library, result| unsafe { (library.sandbox_list)(options.pointer(), result) });
            let page = page?;
            Ok(SandboxPage {
                sandboxes: page["sandboxes"].items().iter().cloned().map(SandboxHandle::of).collect(),
                next_cursor: page.optional_text("next_cursor"),
                damaged: page.texts("damaged"),
            })
        })
    }
}
