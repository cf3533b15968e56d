//! Commands with the terminal of this process.

use crate::call::{invoke_json, Argument, Call};
use crate::json::Read;
use crate::options::{list, AttachOptions};
use crate::sandbox::Sandbox;
use crate::setters::{arguments, limits, members};

/// How a command with the terminal of this process is run. Setting something again replaces it; what says "one more"
/// adds.
#[derive(Debug, Clone, Default)]
pub struct AttachBuilder {
    options: AttachOptions,
}

impl AttachBuilder {
    arguments! {}
    members! { env: "One more variable over the sandbox's." env, "More variables over the sandbox's." envs }

    /// The command's working directory.
    pub fn cwd(mut self, path: impl Into<String>) -> Self {
        self.options.cwd = Some(path.into());
        self
    }

    /// The command's user: a name or number, with ":group" or not.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.options.user = Some(user.into());
        self
    }

    limits! {}

    /// The keys that leave the command without ending it, as "ctrl-p,ctrl-q", or "none". Without it: "ctrl-]".
    pub fn detach_keys(mut self, keys: impl Into<String>) -> Self {
        self.options.detach_keys = Some(keys.into());
        self
    }
}

/// The command has standard input, which must be a terminal, and output of this process; the terminal is in raw mode
/// meanwhile. The result is the exit code as a shell has it, or -1 if the detach keys were pressed: the command goes on
/// then, and `msb attach` comes back to it. [`Error::InvalidArgument`](crate::Error::InvalidArgument) where standard
/// input is no terminal; else these calls fail as [`Sandbox::exec`] does. Dropping the call ends the command.
impl Sandbox {
    /// Runs a program, without a shell, with the terminal of this process.
    pub fn attach<W: Into<String>>(&self, command: impl Into<String>, args: impl IntoIterator<Item = W>) -> Call<i32> {
        let args = list(args);
        self.attach_with(command, |attach| attach.args(args))
    }

    /// Runs a program with the terminal of this process. `with` sets how: arguments, its user, detach keys, ...
    pub fn attach_with(
        &self,
        command: impl Into<String>,
        with: impl FnOnce(AttachBuilder) -> AttachBuilder,
    ) -> Call<i32> {
        self.attach_command(Some(command.into()), with(AttachBuilder::default()))
    }

    /// Runs the sandbox's shell with the terminal of this process.
    pub fn attach_shell(&self) -> Call<i32> {
        self.attach_shell_with(|attach| attach)
    }

    /// Runs the sandbox's shell with the terminal of this process. `with` sets how: its user, detach keys, ...
    pub fn attach_shell_with(&self, with: impl FnOnce(AttachBuilder) -> AttachBuilder) -> Call<i32> {
        let mut attach = with(AttachBuilder::default());
        attach.options.shell = Some(true);
        self.attach_command(None, attach)
    }

    /// Runs the sandbox's own command, its entrypoint and cmd, with the terminal of this process.
    /// [`Error::NoDefaultCommand`](crate::Error::NoDefaultCommand) if it has neither.
    pub fn attach_default(&self) -> Call<i32> {
        self.attach_default_with(|attach| attach)
    }

    /// Runs the sandbox's own command with the terminal of this process. `with` sets how: its user, detach keys, ...
    pub fn attach_default_with(&self, with: impl FnOnce(AttachBuilder) -> AttachBuilder) -> Call<i32> {
        self.attach_command(None, with(AttachBuilder::default()))
    }

    fn attach_command(&self, command: Option<String>, attach: AttachBuilder) -> Call<i32> {
        let sandbox = self.connection();
        Call::new(move |cancel| {
            let command = Argument::optional("command", command.as_deref())?;
            let options = Argument::options(&attach.options)?;
            // SAFETY: the pointers are valid during the call.
            let end = invoke_json(|library, result| unsafe {
                (library.sandbox_attach)(cancel, sandbox.handle, command.pointer(), options.pointer(), result)
            })?;
            Ok(end.number("exit_code").unwrap_or(-1))
        })
    }
}
