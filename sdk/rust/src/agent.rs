//! The protocol of the agent in a sandbox.

use crate::call::{invoke, Argument};
use crate::error::Result;
use crate::native::Text;

/// The protocol of the agent in a sandbox.
pub struct AgentClient;

impl AgentClient {
    /// The path of the socket on which the sandbox's agent speaks its protocol. Nothing is connected; the
    /// sandbox need not run or exist.
    pub fn socket_path(name: &str) -> Result<String> {
        let name = Argument::text("name", name)?;
        let mut path = Text::NONE;
        // SAFETY: the pointers are valid during the call.
        invoke(|library| unsafe { (library.agent_socket_path)(name.pointer(), &mut path.0) })?;
        Ok(path.get().unwrap_or_default())
    }
}
