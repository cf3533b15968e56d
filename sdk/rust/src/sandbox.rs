//! Connections to sandboxes that run.

use crate::call::{invoke, invoke_json, Call};
use crate::config::SandboxConfig;
use crate::connection::Connection;
use crate::error::{Error, Result};
use crate::fs::SandboxFsOps;
use crate::json::{Read, Value};
use std::sync::Arc;

/// A connection to a sandbox that runs. If it owns the sandbox's life ([`Sandbox::owns_lifecycle`]) the
/// sandbox stops when this is closed or dropped, and when the process ends.
#[derive(Debug)]
pub struct Sandbox {
    name: String,
    notices: Vec<String>,
    connection: Arc<Connection>,
}

impl Sandbox {
    /// What the library's calls that connect give.
    pub(crate) fn given(made: Value) -> Result<Sandbox> {
        let handle = made.number("handle").ok_or_else(|| Error::internal("the library gave no handle"))?;
        Ok(Sandbox {
            name: made.text("name"),
            notices: made.texts("notices"),
            connection: Arc::new(Connection { handle }),
        })
    }

    pub(crate) fn raw(&self) -> u64 {
        self.connection.handle
    }

    pub(crate) fn connection(&self) -> Arc<Connection> {
        Arc::clone(&self.connection)
    }

    /// The sandbox's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people should know about how the sandbox runs: what isolates it, or what is not as it was asked
    /// for.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    fn info(&self) -> Result<Value> {
        let handle = self.raw();
        // SAFETY: the pointer is valid during the call.
        invoke_json(|library, result| unsafe { (library.sandbox_info)(handle, result) })
    }

    /// Whether the sandbox stops when this is dropped. False if the connection is closed.
    pub fn owns_lifecycle(&self) -> bool {
        self.info().map_or(false, |info| info.flag("owns_lifecycle"))
    }

    /// How the sandbox was made.
    pub fn config(&self) -> Result<SandboxConfig> {
        Ok(SandboxConfig::parse(&self.info()?["config"]))
    }

    /// The files of the guest, as its root sees them.
    pub fn fs(&self) -> SandboxFsOps {
        SandboxFsOps::new(self.connection())
    }

    /// Lets the sandbox go on without this object and process.
    pub fn detach(self) -> Call<()> {
        // SAFETY: any number is fine.
        Call::short(move || invoke(|library| unsafe { (library.sandbox_detach)(self.raw()) }))
    }

    /// Ends commands of this connection. A sandbox that it owns is stopped, and waited for. Later calls on
    /// it fail with [`Error::InvalidHandle`].
    pub fn close(&self) -> Call<()> {
        let connection = self.connection();
        // SAFETY: any number is fine.
        Call::new(move |cancel| invoke(|library| unsafe { (library.sandbox_close)(cancel, connection.handle) }))
    }
}
