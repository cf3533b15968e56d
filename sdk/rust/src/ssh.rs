//! SSH for sandboxes.

use crate::attach::AttachBuilder;
use crate::call::{invoke, Argument, Call};
use crate::connection::ServedSsh;
use crate::error::{Detail, Error, Result};
use crate::fs::SandboxFsOps;
use crate::options::SshServerOptions;
use crate::sandbox::Sandbox;
use crate::time::milliseconds;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// SSH for a sandbox that runs: [`Sandbox::ssh`]. There is no server in the guest.
#[derive(Debug)]
pub struct SandboxSshOps<'a> {
    sandbox: &'a Sandbox,
}

impl Sandbox {
    /// SSH for the sandbox.
    pub fn ssh(&self) -> SandboxSshOps<'_> {
        SandboxSshOps { sandbox: self }
    }
}

/// How a client is opened.
#[derive(Debug, Clone)]
pub struct SshClientBuilder {
    user: String,
    sftp: bool,
}

impl SshClientBuilder {
    /// The user of the guest: a name or number, with ":group" or not. Without it: root.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = user.into();
        self
    }

    /// Whether there are files: [`SshClient::sftp`]. Without it there are.
    pub fn sftp(mut self, sftp: bool) -> Self {
        self.sftp = sftp;
        self
    }
}

/// How SSH is served.
#[derive(Debug, Clone, Default)]
pub struct SshServerBuilder {
    options: SshServerOptions,
}

impl SshServerBuilder {
    /// The file of the server's private key. Without it: the one of this MSB_HOME.
    pub fn host_key_path(mut self, path: impl AsRef<Path>) -> Self {
        self.options.host_key_path = Some(path.as_ref().to_string_lossy().into_owned());
        self
    }

    /// The file of the keys that may enter. Without it: those of `msb ssh authorize`.
    pub fn authorized_keys_path(mut self, path: impl AsRef<Path>) -> Self {
        self.options.authorized_keys_path = Some(path.as_ref().to_string_lossy().into_owned());
        self
    }

    /// The user of the guest. Without it: the name that a client logs in with.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.options.user = Some(user.into());
        self
    }

    /// Whether there are files by SFTP. Without it there are.
    pub fn sftp(mut self, sftp: bool) -> Self {
        self.options.sftp = Some(sftp);
        self
    }

    /// Ends connections on which nothing happens for so long; zero: never. Without it: 10 minutes.
    pub fn inactivity_timeout(mut self, timeout: Duration) -> Self {
        self.options.inactivity_timeout_ms = Some(milliseconds(timeout));
        self
    }
}

impl<'a> SandboxSshOps<'a> {
    /// A client as root.
    pub fn open_client(&self) -> SshClient<'a> {
        self.open_client_with(|client| client)
    }

    /// A client. `with` sets how: its user, files or none.
    pub fn open_client_with(&self, with: impl FnOnce(SshClientBuilder) -> SshClientBuilder) -> SshClient<'a> {
        SshClient { sandbox: self.sandbox, chosen: with(SshClientBuilder { user: "root".into(), sftp: true }) }
    }

    /// [`SandboxSshOps::open_client`].
    pub fn connect(&self) -> SshClient<'a> {
        self.open_client()
    }

    /// [`SandboxSshOps::open_client_with`].
    pub fn connect_with(&self, with: impl FnOnce(SshClientBuilder) -> SshClientBuilder) -> SshClient<'a> {
        self.open_client_with(with)
    }

    /// Prepares to serve. [`Error::PermissionDenied`] if no key may enter.
    pub fn prepare_server(&self) -> Call<SshServer> {
        self.prepare_server_with(|server| server)
    }

    /// Prepares to serve. `with` sets how: keys, user, files or none. [`Error::PermissionDenied`] if no key may enter.
    pub fn prepare_server_with(&self, with: impl FnOnce(SshServerBuilder) -> SshServerBuilder) -> Call<SshServer> {
        let (sandbox, server) = (self.sandbox.connection(), with(SshServerBuilder::default()));
        Call::new(move |_| {
            let options = Argument::options(&server.options)?;
            let mut handle = 0;
            // SAFETY: the pointers are valid during the call.
            invoke(|library| unsafe { (library.ssh_server_open)(sandbox.handle, options.pointer(), &mut handle) })?;
            Ok(SshServer { served: Arc::new(ServedSsh { handle }) })
        })
    }

    /// [`SandboxSshOps::prepare_server`].
    pub fn server(&self) -> Call<SshServer> {
        self.prepare_server()
    }

    /// [`SandboxSshOps::prepare_server_with`].
    pub fn server_with(&self, with: impl FnOnce(SshServerBuilder) -> SshServerBuilder) -> Call<SshServer> {
        self.prepare_server_with(with)
    }
}

/// What a command wrote and how it ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SshOutput {
    /// 128 + n for a command that signal n ended.
    pub status: i32,
    /// The output as it came.
    pub stdout: Vec<u8>,
    /// The error output as it came.
    pub stderr: Vec<u8>,
}

/// What an SSH client of the sandbox can do, over the connection that there is: between two ends of this crate SSH itself
/// would protect nothing.
#[derive(Debug)]
pub struct SshClient<'a> {
    sandbox: &'a Sandbox,
    chosen: SshClientBuilder,
}

impl SshClient<'_> {
    /// Runs a command line of the sandbox's shell and collects what it writes; with `tty` all of it is output. It fails
    /// as [`Sandbox::exec`] does.
    pub async fn exec(&self, command: impl Into<String>, tty: bool) -> Result<SshOutput> {
        let user = self.chosen.user.clone();
        let output = self.sandbox.shell_with(command, |exec| exec.user(user).tty(tty)).await?;
        Ok(SshOutput {
            status: output.status().code,
            stdout: output.stdout_bytes().to_vec(),
            stderr: output.stderr_bytes().to_vec(),
        })
    }

    /// Gives a shell the terminal of this process: [`Sandbox::attach_shell_with`].
    pub fn attach(&self, with: impl FnOnce(AttachBuilder) -> AttachBuilder) -> Call<i32> {
        self.sandbox.attach_shell_with(|attach| with(attach.user(&self.chosen.user)))
    }

    /// The sandbox's files, as the client's user. [`Error::Unsupported`] if the client was opened without.
    pub fn sftp(&self) -> Result<SftpClient> {
        if !self.chosen.sftp {
            let message = "the client was opened without SFTP".into();
            return Err(Error::Unsupported(Detail { message, ..Detail::default() }));
        }
        Ok(SftpClient { files: self.sandbox.fs().with_user(&self.chosen.user) })
    }

    /// Ends the client; the sandbox goes on.
    pub fn close(self) {}
}

/// Files by absolute path, with the names that SFTP has for what is done with them.
#[derive(Debug, Clone)]
pub struct SftpClient {
    files: SandboxFsOps,
}

impl SftpClient {
    /// The content of a file.
    pub fn read(&self, path: &str) -> Call<Vec<u8>> {
        self.files.read(path)
    }

    /// Makes or replaces a file.
    pub fn write(&self, path: &str, data: impl Into<Vec<u8>>) -> Call<()> {
        self.files.write(path, data)
    }

    /// Makes a directory.
    pub fn mkdir(&self, path: &str) -> Call<()> {
        self.files.mkdir(path)
    }

    /// Deletes a file.
    pub fn remove_file(&self, path: &str) -> Call<()> {
        self.files.remove(path)
    }

    /// Deletes a directory that is empty.
    pub fn remove_dir(&self, path: &str) -> Call<()> {
        self.files.remove_empty_dir(path)
    }

    /// Gives a file or directory another name.
    pub fn rename(&self, from: &str, to: &str) -> Call<()> {
        self.files.rename(from, to)
    }

    /// A path without links, "." and "..".
    pub fn real_path(&self, path: &str) -> Call<String> {
        self.files.real_path(path)
    }

    /// What a symbolic link has in it.
    pub fn read_link(&self, path: &str) -> Call<String> {
        self.files.read_link(path)
    }

    /// Makes a symbolic link at a path.
    pub fn symlink(&self, target: &str, path: &str) -> Call<()> {
        self.files.symlink(target, path)
    }

    /// Ends the client.
    pub fn close(self) {}
}

/// Serves clients of SSH, each with a jailed process of its own. Connections end when it is closed or dropped.
#[derive(Debug)]
pub struct SshServer {
    served: Arc<ServedSsh>,
}

impl SshServer {
    /// Serves one client on a stream (a socket, or one end of a pair), and ends when the client has gone.
    pub fn serve_connection(&self, stream: impl AsFd + Send + 'static) -> Call<()> {
        let served = Arc::clone(&self.served);
        Call::new(move |cancel| {
            let descriptor = stream.as_fd().as_raw_fd();
            // SAFETY: the stream is open during the call.
            invoke(|library| unsafe { (library.ssh_server_serve)(cancel, served.handle, descriptor, descriptor) })
        })
    }

    /// Serves one client on standard input and output, as a ProxyCommand wants it.
    pub fn serve_stdio(&self) -> Call<()> {
        let served = Arc::clone(&self.served);
        // SAFETY: any numbers are fine.
        Call::new(move |cancel| invoke(|library| unsafe { (library.ssh_server_serve)(cancel, served.handle, 0, 1) }))
    }

    /// Ends the connections that are served.
    pub fn close(self) {
        self.served.close();
    }
}
