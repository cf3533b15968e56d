//! A shell of a running sandbox on this terminal: attach NAME [COMMAND [ARGUMENT...]]

use microsandbox::{MicrosandboxResult, Sandbox};

fn run(name: &str, command: &[String]) -> MicrosandboxResult<i32> {
    let sandbox = Sandbox::get(name).wait()?.connect().wait()?;
    match command.split_first() {
        None => sandbox.attach_shell().wait(),
        Some((program, args)) => {
            sandbox.attach_with(program, |attach| attach.args(args).detach_keys("ctrl-a,d")).wait()
        }
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, command)) = args.split_first() else {
        eprintln!("usage: attach NAME [COMMAND [ARGUMENT...]]");
        std::process::exit(2);
    };
    match run(name, command) {
        Ok(code) => println!("exit code {code}"),
        Err(error) => {
            eprintln!("attach: {error}");
            std::process::exit(1);
        }
    }
}
