//! Commands.

use crate::call::{invoke, invoke_bytes, parse, Argument, Call, Inbox};
use crate::choices::ExecEventName;
use crate::connection::Command;
use crate::error::{Detail, Error, Result};
use crate::json::{Read, Value};
use crate::native::{Bytes, Library, Text};
use crate::options::{list, ExecOptions};
use crate::sandbox::Sandbox;
use crate::setters::{arguments, limits, members};
use crate::time::milliseconds;
use std::os::raw::c_char;
use std::string::FromUtf8Error;
use std::sync::Arc;
use std::time::Duration;

/// How a command is run. Setting something again replaces it; what says "one more" adds.
#[derive(Debug, Clone, Default)]
pub struct ExecBuilder {
    options: ExecOptions,
    input: Vec<u8>,
}

impl ExecBuilder {
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

    /// Kills the command, with all it started, after that time: [`Error::ExecTimeout`].
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout_ms = Some(milliseconds(timeout));
        self
    }

    /// Gives the command a terminal; everything it writes comes as stdout.
    pub fn tty(mut self, tty: bool) -> Self {
        self.options.tty = Some(tty);
        self
    }

    /// Gives the command a terminal of that size.
    pub fn tty_size(mut self, rows: u16, cols: u16) -> Self {
        self.options.rows = Some(rows);
        self.options.cols = Some(cols);
        self.tty(true)
    }

    /// The command's input, of any size.
    pub fn stdin_bytes(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Lets a command that is streamed be written to: [`ExecHandle::take_stdin`]. What
    /// [`ExecBuilder::stdin_bytes`] gave comes first.
    pub fn stdin_pipe(mut self) -> Self {
        self.options.stdin = Some(true);
        self
    }

    limits! {}

    /// Fails with [`Error::LimitExceeded`] if a command whose output is collected writes more. Without it:
    /// 256 MiB.
    pub fn max_output(mut self, bytes: u64) -> Self {
        self.options.max_output_bytes = Some(bytes);
        self
    }
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecStatus {
    /// The exit code as a shell has it: 128 + n for a command that signal n ended.
    pub code: i32,
    /// The signal that ended the command, if one did.
    pub signal: Option<i32>,
    /// Whether the command exited with 0.
    pub success: bool,
}

impl ExecStatus {
    fn of(end: &Value) -> ExecStatus {
        let (code, signal) = (end.number("exit_code").unwrap_or(-1), end.number("signal"));
        ExecStatus { code, signal, success: code == 0 && signal.is_none() }
    }
}

/// What a command wrote and how it ended.
#[derive(Debug, Clone)]
pub struct ExecOutput {
    status: ExecStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl ExecOutput {
    /// How the command ended.
    pub fn status(&self) -> ExecStatus {
        self.status
    }

    /// The output as text; an error if it is not UTF-8.
    pub fn stdout(&self) -> std::result::Result<String, FromUtf8Error> {
        String::from_utf8(self.stdout.clone())
    }

    /// The error output as text; an error if it is not UTF-8.
    pub fn stderr(&self) -> std::result::Result<String, FromUtf8Error> {
        String::from_utf8(self.stderr.clone())
    }

    /// The output as it came.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// The error output as it came.
    pub fn stderr_bytes(&self) -> &[u8] {
        &self.stderr
    }
}

impl From<FromUtf8Error> for Error {
    fn from(error: FromUtf8Error) -> Error {
        Error::InvalidArgument(Detail { message: format!("the output is no text: {error}"), ..Detail::default() })
    }
}

/// A call that collects a command's output.
fn collected(
    body: impl FnOnce(&'static Library, *mut *mut c_char, &mut Bytes, &mut Bytes) -> *mut c_char,
) -> Result<ExecOutput> {
    let (mut text, mut out, mut err) = (Text::NONE, Bytes::NONE, Bytes::NONE);
    invoke(|library| body(library, &mut text.0, &mut out, &mut err))?;
    Ok(ExecOutput { status: ExecStatus::of(&parse(&text)?), stdout: out.get(), stderr: err.get() })
}

fn with_args<W: Into<String>>(args: impl IntoIterator<Item = W>) -> ExecBuilder {
    let mut exec = ExecBuilder::default();
    exec.options.args = Some(list(args));
    exec
}

fn script(with: impl FnOnce(ExecBuilder) -> ExecBuilder) -> ExecBuilder {
    let mut exec = ExecBuilder::default();
    exec.options.shell = Some(true);
    with(exec)
}

/// A program that ran and ended in failure is a result. These calls fail with [`Error::ExecFailed`] if the
/// command could not start, [`Error::ExecTimeout`] if it took too long, [`Error::SessionLost`] if the sandbox
/// ended before the command, and those that collect output with [`Error::LimitExceeded`] if there is too much.
impl Sandbox {
    /// Runs a program, without a shell, and collects what it writes.
    pub fn exec<W: Into<String>>(
        &self,
        command: impl Into<String>,
        args: impl IntoIterator<Item = W>,
    ) -> Call<ExecOutput> {
        self.run(Some(command.into()), with_args(args))
    }

    /// Runs a program, without a shell, and collects what it writes. `with` sets how: arguments, input, a
    /// time limit, ...
    pub fn exec_with(
        &self,
        command: impl Into<String>,
        with: impl FnOnce(ExecBuilder) -> ExecBuilder,
    ) -> Call<ExecOutput> {
        self.run(Some(command.into()), with(ExecBuilder::default()))
    }

    /// Runs a script of the sandbox's shell, and collects what it writes.
    pub fn shell(&self, text: impl Into<String>) -> Call<ExecOutput> {
        self.shell_with(text, |exec| exec)
    }

    /// Runs a script of the sandbox's shell, and collects what it writes. `with` sets how: arguments (`$1`,
    /// ...), input, a time limit, ...
    pub fn shell_with(
        &self,
        text: impl Into<String>,
        with: impl FnOnce(ExecBuilder) -> ExecBuilder,
    ) -> Call<ExecOutput> {
        self.run(Some(text.into()), script(with))
    }

    /// Runs the sandbox's own command, its entrypoint and cmd, and collects what it writes.
    /// [`Error::NoDefaultCommand`] if it has neither.
    pub fn exec_default(&self) -> Call<ExecOutput> {
        self.exec_default_with(|exec| exec)
    }

    /// Runs the sandbox's own command, its entrypoint and cmd, and collects what it writes. `with` sets how:
    /// input, a time limit, ... [`Error::NoDefaultCommand`] if it has neither.
    pub fn exec_default_with(&self, with: impl FnOnce(ExecBuilder) -> ExecBuilder) -> Call<ExecOutput> {
        self.run(None, with(ExecBuilder::default()))
    }

    /// Starts a program, without a shell, to be read from step by step.
    pub fn exec_stream<W: Into<String>>(
        &self,
        command: impl Into<String>,
        args: impl IntoIterator<Item = W>,
    ) -> Call<ExecHandle> {
        self.stream(Some(command.into()), with_args(args))
    }

    /// Starts a program, without a shell, to be read from step by step. `with` sets how: arguments, a pipe for
    /// input, a terminal, ...
    pub fn exec_stream_with(
        &self,
        command: impl Into<String>,
        with: impl FnOnce(ExecBuilder) -> ExecBuilder,
    ) -> Call<ExecHandle> {
        self.stream(Some(command.into()), with(ExecBuilder::default()))
    }

    /// Starts a script of the sandbox's shell, to be read from step by step.
    pub fn shell_stream(&self, text: impl Into<String>) -> Call<ExecHandle> {
        self.shell_stream_with(text, |exec| exec)
    }

    /// Starts a script of the sandbox's shell, to be read from step by step. `with` sets how: arguments (`$1`,
    /// ...), a pipe for input, a terminal, ...
    pub fn shell_stream_with(
        &self,
        text: impl Into<String>,
        with: impl FnOnce(ExecBuilder) -> ExecBuilder,
    ) -> Call<ExecHandle> {
        self.stream(Some(text.into()), script(with))
    }

    /// Starts the sandbox's own command, its entrypoint and cmd, to be read from step by step.
    /// [`Error::NoDefaultCommand`] if it has neither.
    pub fn exec_default_stream(&self) -> Call<ExecHandle> {
        self.exec_default_stream_with(|exec| exec)
    }

    /// Starts the sandbox's own command, its entrypoint and cmd, to be read from step by step. `with` sets how:
    /// a pipe for input, a terminal, ... [`Error::NoDefaultCommand`] if it has neither.
    pub fn exec_default_stream_with(&self, with: impl FnOnce(ExecBuilder) -> ExecBuilder) -> Call<ExecHandle> {
        self.stream(None, with(ExecBuilder::default()))
    }

    fn run(&self, command: Option<String>, exec: ExecBuilder) -> Call<ExecOutput> {
        let sandbox = self.connection();
        Call::new(move |cancel| {
            let command = Argument::optional("command", command.as_deref())?;
            let options = Argument::options(&exec.options)?;
            // SAFETY: the pointers are valid during the call.
            collected(|library, result, out, err| unsafe {
                (library.sandbox_exec)(
                    cancel,
                    sandbox.handle,
                    command.pointer(),
                    options.pointer(),
                    exec.input.as_ptr(),
                    exec.input.len(),
                    result,
                    &mut out.data,
                    &mut out.size,
                    &mut err.data,
                    &mut err.size,
                )
            })
        })
    }

    fn stream(&self, command: Option<String>, exec: ExecBuilder) -> Call<ExecHandle> {
        let sandbox = self.connection();
        Call::new(move |cancel| {
            let stdin = exec.options.stdin.unwrap_or(false);
            let command = Argument::optional("command", command.as_deref())?;
            let options = Argument::options(&exec.options)?;
            let mut handle = 0;
            // SAFETY: the pointers are valid during the call.
            invoke(|library| unsafe {
                (library.sandbox_exec_stream)(
                    cancel,
                    sandbox.handle,
                    command.pointer(),
                    options.pointer(),
                    exec.input.as_ptr(),
                    exec.input.len(),
                    &mut handle,
                )
            })?;
            let command = Arc::new(Command { handle });
            let stdin = stdin.then(|| ExecSink { command: Arc::clone(&command) });
            Ok(ExecHandle { command, events: Inbox::new(), stdin })
        })
    }
}

/// Something that a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecEvent {
    /// The command runs.
    Started {
        /// Its process id in the guest.
        pid: u32,
    },
    /// It wrote this to its standard output, or to its terminal.
    Stdout(Vec<u8>),
    /// It wrote this to its standard error.
    Stderr(Vec<u8>),
    /// It takes no more input, and goes on.
    StdinError {
        /// The errno of the write that failed.
        errno: Option<i32>,
        /// The errno's name: "EPIPE".
        errno_name: Option<String>,
        /// What went wrong, in a sentence for people.
        message: String,
    },
    /// It ended: the last event, unless it is [`ExecEvent::Failed`].
    Exited(ExecStatus),
    /// It could not start: the last event, with an [`Error::ExecFailed`].
    Failed(Error),
}

impl ExecEvent {
    fn of(event: &Value, data: Vec<u8>) -> Option<ExecEvent> {
        Some(match ExecEventName::parse(&event.text("event"))? {
            ExecEventName::Started => ExecEvent::Started { pid: event.number("pid").unwrap_or(0) },
            ExecEventName::Stdout => ExecEvent::Stdout(data),
            ExecEventName::Stderr => ExecEvent::Stderr(data),
            ExecEventName::StdinError => ExecEvent::StdinError {
                errno: event.number("errno"),
                errno_name: event.optional_text("errno_name"),
                message: event.text("message"),
            },
            ExecEventName::Exited => ExecEvent::Exited(ExecStatus::of(event)),
            ExecEventName::Failed => ExecEvent::Failed(Error::exec_failed(event)),
            ExecEventName::Done => return None,
        })
    }
}

/// A command that runs and is read from step by step. Its input and output move only while a call of this
/// crate waits for it: a program that does not read holds the command up, as a pipe does. It ends when this and its standard input are
/// dropped.
#[derive(Debug)]
pub struct ExecHandle {
    command: Arc<Command>,
    events: Arc<Inbox<Option<ExecEvent>>>,
    stdin: Option<ExecSink>,
}

impl ExecHandle {
    fn call<T: Send + 'static>(&self, body: impl FnOnce(u64, u64) -> Result<T> + Send + 'static) -> Call<T> {
        let command = Arc::clone(&self.command);
        Call::new(move |cancel| body(cancel, command.handle))
    }

    /// The next event; `None` behind the last. A call that is dropped loses nothing. Fails with
    /// [`Error::ExecTimeout`] or [`Error::SessionLost`].
    pub fn recv(&mut self) -> Call<Option<ExecEvent>> {
        let command = Arc::clone(&self.command);
        self.events.recv(move |cancel| {
            // SAFETY: the pointers are valid during the call.
            let (event, data) = invoke_bytes(|library, event, data, size| unsafe {
                (library.exec_recv)(cancel, command.handle, event, data, size)
            })?;
            Ok(ExecEvent::of(&event, data))
        })
    }

    /// Waits for the command's end and drops what it still writes. Fails with [`Error::ExecFailed`] if it could
    /// not start, and with [`Error::InvalidArgument`] if its end was read before.
    pub async fn wait(&mut self) -> Result<ExecStatus> {
        loop {
            match self.recv().await? {
                Some(ExecEvent::Exited(status)) => return Ok(status),
                Some(ExecEvent::Failed(error)) => return Err(error),
                Some(_) => {}
                None => return Err(Error::invalid_argument("the command's end was read before")),
            }
        }
    }

    /// Waits for the command's end and collects what it still writes, up to 256 MiB. Fails with
    /// [`Error::ExecFailed`] if it could not start.
    pub fn collect(&mut self) -> Call<ExecOutput> {
        let events = Arc::clone(&self.events);
        self.call(move |cancel, exec| {
            let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
            for event in events.rest() {
                match event? {
                    Some(ExecEvent::Stdout(data)) => stdout.extend(data),
                    Some(ExecEvent::Stderr(data)) => stderr.extend(data),
                    Some(ExecEvent::Exited(status)) => return Ok(ExecOutput { status, stdout, stderr }),
                    Some(ExecEvent::Failed(error)) => return Err(error),
                    Some(ExecEvent::Started { .. } | ExecEvent::StdinError { .. }) | None => {}
                }
            }
            // SAFETY: the pointers are valid during the call.
            let rest = collected(|library, result, out, err| unsafe {
                (library.exec_collect)(
                    cancel,
                    exec,
                    std::ptr::null(),
                    result,
                    &mut out.data,
                    &mut out.size,
                    &mut err.data,
                    &mut err.size,
                )
            })?;
            stdout.extend(rest.stdout);
            stderr.extend(rest.stderr);
            Ok(ExecOutput { status: rest.status, stdout, stderr })
        })
    }

    /// Sends a signal, by its number, to the command's process group.
    pub fn signal(&self, number: i32) -> Call<()> {
        // SAFETY: there are only numbers.
        self.call(move |cancel, exec| invoke(|library| unsafe { (library.exec_signal)(cancel, exec, number) }))
    }

    /// Kills the command's process group: SIGKILL.
    pub fn kill(&self) -> Call<()> {
        const SIGKILL: i32 = 9;
        self.signal(SIGKILL)
    }

    /// Changes the size of the command's terminal.
    pub fn resize(&self, rows: u16, cols: u16) -> Call<()> {
        // SAFETY: there are only numbers.
        self.call(move |cancel, exec| invoke(|library| unsafe { (library.exec_resize)(cancel, exec, rows, cols) }))
    }

    /// The command's standard input, the first time; `None` later, and if the command has no pipe.
    pub fn take_stdin(&mut self) -> Option<ExecSink> {
        self.stdin.take()
    }
}

/// The standard input of a command. A write ends when there is room for more; the command's output has to
/// be read meanwhile.
#[derive(Debug)]
pub struct ExecSink {
    command: Arc<Command>,
}

impl ExecSink {
    /// Writes all of the data; done when there is room for more.
    pub fn write(&mut self, data: impl Into<Vec<u8>>) -> Call<()> {
        let (command, data) = (Arc::clone(&self.command), data.into());
        Call::new(move |cancel| {
            // SAFETY: the data is valid during the call.
            invoke(|library| unsafe { (library.exec_stdin_write)(cancel, command.handle, data.as_ptr(), data.len()) })
        })
    }

    /// Ends the command's input.
    pub fn close(self) -> Call<()> {
        // SAFETY: there are only numbers.
        Call::new(move |cancel| invoke(|library| unsafe { (library.exec_stdin_close)(cancel, self.command.handle) }))
    }
}
