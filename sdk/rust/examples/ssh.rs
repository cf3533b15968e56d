//! SSH for a running sandbox. `ssh NAME` shows what a client can do; `ssh NAME serve` serves one client on standard input
//! and output, for OpenSSH's ProxyCommand.

use microsandbox::{MicrosandboxResult, Sandbox};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What a program with a runtime (tokio, ...) has already.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

async fn show(sandbox: &Sandbox) -> MicrosandboxResult<()> {
    let client = sandbox.ssh().open_client_with(|client| client.user("root"));
    let output = client.exec("echo out; echo err >&2; exit 3", false).await?;
    println!(
        "{} {:?} {:?}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let files = client.sftp()?;
    files.mkdir("/tmp/d").await?;
    files.write("/tmp/d/a", "content").await?;
    files.rename("/tmp/d/a", "/tmp/d/b").await?;
    files.symlink("b", "/tmp/d/link").await?;
    println!(
        "{} {} {}",
        files.read_link("/tmp/d/link").await?,
        files.real_path("/tmp/d/../d/link").await?,
        String::from_utf8_lossy(&files.read("/tmp/d/link").await?)
    );
    files.remove_file("/tmp/d/link").await?;
    files.remove_file("/tmp/d/b").await?;
    files.remove_dir("/tmp/d").await
}

async fn serve(sandbox: &Sandbox) -> MicrosandboxResult<()> {
    sandbox.ssh().prepare_server_with(|server| server.sftp(false)).await?.serve_stdio().await
}

async fn run(name: &str, serves: bool) -> MicrosandboxResult<()> {
    let sandbox = Sandbox::get(name).await?.connect().await?;
    if serves {
        serve(&sandbox).await
    } else {
        show(&sandbox).await
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        eprintln!("usage: ssh NAME [serve]");
        std::process::exit(2);
    };
    if let Err(error) = block_on(run(name, !rest.is_empty())) {
        eprintln!("ssh: {error}");
        std::process::exit(1);
    }
}
