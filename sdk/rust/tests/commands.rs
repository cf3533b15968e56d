mod common;

use common::{block_on, create, poll_once};
use microsandbox::{Error, ExecEvent, ExecFailureKind, ExecHandle, LogOptions, LogSource, LogStreamOptions, Sandbox};
use std::time::{Duration, SystemTime};

async fn next(command: &mut ExecHandle) -> ExecEvent {
    command.recv().await.expect("recv").expect("an event")
}

/// Bytes of all values.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(size)
    .collect()
}

#[test]
fn collected() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-exec").script("greet", "#!/bin/sh\necho greetings\n")).await;

        // A failure is a result.
        let output = sandbox.shell("echo out; echo err >&2; exit 3").await.unwrap();
        assert_eq!((output.status().code, output.status().success), (3, false));
        assert_eq!((output.stdout().unwrap(), output.stderr().unwrap()), ("out\n".into(), "err\n".into()));
        let output = sandbox.shell("kill -TERM $$").await.unwrap();
        assert_eq!((output.status().code, output.status().signal), (128 + 15, Some(15)));

        // Arguments are literal.
        let output = sandbox.exec("printf", ["%s|", "a b", "$HOME", "", "*", "\"\\"]).await.unwrap();
        assert_eq!(output.stdout().unwrap(), "a b|$HOME||*|\"\\|");

        let output = sandbox.shell_with("echo $A $B; pwd; id -u; ulimit -n; greet", |exec| {
            exec.env("A", "1").envs([("B", "2")]).cwd("/tmp").user("1000").rlimit_range("nofile", 99, 100)
        });
        assert_eq!(output.await.unwrap().stdout().unwrap(), "1 2\n/tmp\n1000\n99\ngreetings\n");

        // Bytes are bytes.
        let input = noise(1 << 20);
        let output = sandbox.exec_with("cat", |exec| exec.stdin_bytes(input.clone())).await.unwrap();
        assert!(output.stdout_bytes() == input, "{} other bytes came back", output.stdout_bytes().len());
        assert!(output.stdout().is_err());
        let limited = sandbox.exec_with("cat", |exec| exec.stdin_bytes(input).max_output(1000)).await;
        assert!(matches!(limited, Err(Error::LimitExceeded(_))));

        let failed = |result: Result<_, Error>| match result {
            Err(Error::ExecFailed { kind, errno_name, .. }) => (kind, errno_name.unwrap_or_default()),
            other => panic!("{:?}", other.map(|_: microsandbox::ExecOutput| ())),
        };
        let (kind, errno) = failed(sandbox.exec_with("no-such-program", |exec| exec).await);
        assert_eq!((kind, errno.as_str()), (ExecFailureKind::NotFound, "ENOENT"));
        let (kind, _) = failed(sandbox.exec_with("true", |exec| exec.cwd("/no/such/place")).await);
        assert_eq!(kind, ExecFailureKind::BadCwd);
        let (kind, _) = failed(sandbox.exec_with("/etc/passwd", |exec| exec).await);
        assert_eq!(kind, ExecFailureKind::PermissionDenied);

        let limit = Duration::from_millis(200);
        match sandbox.exec_with("sleep", |exec| exec.arg("30").timeout(limit)).await {
            Err(Error::ExecTimeout { timeout, .. }) => assert_eq!(timeout, Some(limit)),
            other => panic!("{other:?}"),
        }
        let output = sandbox.shell_with("test -t 0 && test -t 1 && stty size", |exec| exec.tty_size(33, 99)).await;
        assert_eq!(output.unwrap().stdout().unwrap(), "33 99\r\n");

        // Many at once: they are begun before the first is awaited.
        let mut calls: Vec<_> = (0..8).map(|number| sandbox.exec("echo", [number.to_string()])).collect();
        assert!(calls.iter_mut().all(|call| poll_once(call).is_none()));
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap().stdout().unwrap(), format!("{number}\n"));
        }
    });
}

#[test]
fn default_command() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-default").entrypoint(["echo", "entry"]).cmd(["cmd"])).await;
        assert_eq!(sandbox.exec_default().await.unwrap().stdout().unwrap(), "entry cmd\n");
        let mut command = sandbox.exec_default_stream().await.unwrap();
        assert_eq!(command.collect().await.unwrap().stdout().unwrap(), "entry cmd\n");
        let nothing: [&str; 0] = [];
        let none = create(Sandbox::builder("rust-no-default").entrypoint(nothing).cmd(nothing)).await;
        assert!(matches!(none.exec_default().await, Err(Error::NoDefaultCommand(_))));
    });
}

#[test]
fn streamed() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-stream")).await;

        let mut command = sandbox.shell_stream("echo out; echo err >&2; exit 4").await.unwrap();
        assert!(matches!(next(&mut command).await, ExecEvent::Started { pid } if pid > 1));
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = loop {
            match next(&mut command).await {
                ExecEvent::Stdout(data) => out.extend(data),
                ExecEvent::Stderr(data) => err.extend(data),
                ExecEvent::Exited(status) => break status,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!((out.as_slice(), err.as_slice(), status.code), (&b"out\n"[..], &b"err\n"[..], 4));
        assert_eq!(command.recv().await.unwrap(), None);
        assert_eq!(command.recv().await.unwrap(), None);

        // Input.
        let input = noise(3 << 20);
        let mut command = sandbox.exec_stream_with("cat", |exec| exec.stdin_pipe()).await.unwrap();
        let mut stdin = command.take_stdin().unwrap();
        assert!(command.take_stdin().is_none());
        let theirs = input.clone();
        let writer = std::thread::spawn(move || {
            block_on(async {
                for part in theirs.chunks(100_000) {
                    stdin.write(part).await.unwrap();
                }
                stdin.close().await.unwrap();
            });
        });
        let output = command.collect().await.unwrap();
        writer.join().unwrap();
        assert!(output.stdout_bytes() == input, "{} other bytes came back", output.stdout_bytes().len());

        // Input that nobody reads any more.
        let script = "exec <&-; echo closed; sleep 0.3; echo end; exit 5";
        let mut command = sandbox.shell_stream_with(script, |exec| exec.stdin_pipe()).await.unwrap();
        while !matches!(next(&mut command).await, ExecEvent::Stdout(_)) {}
        let mut stdin = command.take_stdin().unwrap();
        let writer = std::thread::spawn(move || drop(block_on(stdin.write(vec![0; 1 << 20]))));
        let (mut out, mut refused) = (Vec::new(), None);
        while let Some(event) = command.recv().await.unwrap() {
            match event {
                ExecEvent::Stdout(data) => out.extend(data),
                ExecEvent::StdinError { errno_name, .. } => refused = errno_name,
                ExecEvent::Exited(status) => assert_eq!(status.code, 5),
                other => panic!("{other:?}"),
            }
        }
        writer.join().unwrap();
        assert_eq!((out.as_slice(), refused.as_deref()), (&b"end\n"[..], Some("EPIPE")));

        // Signals go to the group.
        let script = "trap 'echo caught; exit 9' USR1; echo ready; while :; do sleep 0.1; done";
        let mut command = sandbox.shell_stream(script).await.unwrap();
        while !matches!(next(&mut command).await, ExecEvent::Stdout(_)) {}
        assert!(matches!(command.signal(200).await, Err(Error::InvalidArgument(_))));
        command.signal(10).await.unwrap();
        let output = command.collect().await.unwrap();
        assert!(output.stdout().unwrap().contains("caught\n") && output.status().code == 9, "{output:?}");
        let mut command = sandbox.exec_stream("sleep", ["30"]).await.unwrap();
        command.kill().await.unwrap();
        assert_eq!(command.wait().await.unwrap().signal, Some(9));

        // What cannot start.
        let mut command = sandbox.exec_stream_with("no-such-program", |exec| exec).await.unwrap();
        let event = next(&mut command).await;
        assert!(
            matches!(event, ExecEvent::Failed(Error::ExecFailed { kind: ExecFailureKind::NotFound, .. })),
            "{event:?}"
        );
        assert_eq!(command.recv().await.unwrap(), None);
        let mut command = sandbox.exec_stream_with("no-such-program", |exec| exec).await.unwrap();
        assert!(matches!(command.wait().await, Err(Error::ExecFailed { .. })));

        // A dropped read loses nothing.
        let mut command = sandbox.shell_stream("sleep 0.5; echo late").await.unwrap();
        assert!(matches!(next(&mut command).await, ExecEvent::Started { .. }));
        for _ in 0..3 {
            let mut read = command.recv();
            assert!(poll_once(&mut read).is_none());
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(next(&mut command).await, ExecEvent::Stdout(b"late\n".to_vec()));

        // Nor one that has got something already, or is about to.
        let script = "for i in $(seq 100); do echo $i; done; exit 6";
        let numbers: String = (1..=100).map(|number| format!("{number}\n")).collect();
        for delay in [0, 1, 5] {
            let mut command = sandbox.shell_stream(script).await.unwrap();
            let (mut out, mut ended) = (Vec::new(), None);
            while ended.is_none() {
                for round in 0..3 {
                    let mut read = command.recv();
                    assert!(poll_once(&mut read).is_none());
                    std::thread::sleep(Duration::from_millis(delay * round));
                }
                match next(&mut command).await {
                    ExecEvent::Stdout(data) => out.extend(data),
                    ExecEvent::Exited(status) => ended = Some(status.code),
                    other => assert!(matches!(other, ExecEvent::Started { .. }), "{other:?}"),
                }
            }
            assert_eq!((String::from_utf8(out).unwrap().as_str(), ended), (numbers.as_str(), Some(6)));
            assert_eq!(command.recv().await.unwrap(), None);
        }
        // What is collected has it too: first the start and a part, then all up to the end.
        for reads in [2, 5] {
            let mut command = sandbox.shell_stream("echo first; sleep 0.3; echo last; exit 7").await.unwrap();
            let mut dropped: Vec<_> = (0..reads).map(|_| command.recv()).collect();
            for read in &mut dropped {
                assert!(poll_once(read).is_none());
                std::thread::sleep(Duration::from_millis(100));
            }
            std::thread::sleep(Duration::from_millis(reads * 100));
            drop(dropped);
            let output = command.collect().await.unwrap();
            assert_eq!((output.stdout().unwrap().as_str(), output.status().code), ("first\nlast\n", 7));
        }

        // A dropped command ends.
        let command = sandbox.exec_stream("sleep", ["31"]).await.unwrap();
        drop(command);
        let begin = std::time::Instant::now();
        while sandbox.shell("ps | grep -c '[s]leep 31'").await.unwrap().stdout().unwrap() != "0\n" {
            assert!(begin.elapsed() < Duration::from_secs(10), "the command still runs");
        }

        let terminal = |exec: microsandbox::ExecBuilder| exec.tty_size(24, 80).stdin_pipe();
        let mut command = sandbox.shell_stream_with("read line; echo got $line; stty size", terminal).await.unwrap();
        assert!(matches!(next(&mut command).await, ExecEvent::Started { .. }));
        command.resize(40, 120).await.unwrap();
        command.take_stdin().unwrap().write("word\r").await.unwrap();
        let output = command.collect().await.unwrap().stdout().unwrap();
        assert!(output.contains("got word\r\n40 120\r\n"), "{output:?}");

        // The sandbox ends first.
        let mut command = sandbox.exec_stream("sleep", ["30"]).await.unwrap();
        assert!(matches!(next(&mut command).await, ExecEvent::Started { .. }));
        sandbox.kill().await.unwrap();
        assert!(matches!(command.wait().await, Err(Error::SessionLost(_))));
    });
}

#[test]
fn logs() {
    block_on(async {
        let begin = SystemTime::now() - Duration::from_secs(1);
        let sandbox = create(Sandbox::builder("rust-logs")).await;
        sandbox.shell("echo one; echo two >&2").await.unwrap();
        sandbox.shell("printf 'three\\377\\n'").await.unwrap();
        let entries = sandbox.logs(LogOptions::default()).await.unwrap();
        assert_eq!(entries.len(), 3);
        assert!(entries.iter().all(|entry| entry.session_id.is_some() && entry.timestamp >= begin));
        assert_eq!(entries[2].data, b"three\xff\n");
        assert_eq!(entries[2].text(), "three\u{fffd}\n");
        let texts = |options: LogOptions| {
            let reading = sandbox.logs(options);
            async move { reading.await.unwrap().iter().map(|entry| entry.text().into_owned()).collect::<String>() }
        };
        let sources = |sources: &[LogSource]| LogOptions { sources: sources.to_vec(), ..LogOptions::default() };
        assert_eq!(texts(sources(&[LogSource::Stderr])).await, "two\n");
        assert!(texts(sources(&[LogSource::System])).await.contains("--- sandbox started ---"));
        assert_eq!(texts(LogOptions { tail: Some(1), ..LogOptions::default() }).await, "three\u{fffd}\n");
        assert_eq!(texts(LogOptions { until: Some(begin), ..LogOptions::default() }).await, "");
        assert_eq!(texts(LogOptions { since: Some(begin), ..LogOptions::default() }).await.len(), 17);
        let behind = LogOptions { from_cursor: Some(entries[1].cursor.clone()), ..LogOptions::default() };
        assert_eq!(texts(behind).await, "three\u{fffd}\n");

        // A dropped read loses nothing.
        let mut stream = sandbox.log_stream(LogStreamOptions::default()).await.unwrap();
        let mut read_twice = || {
            let mut read = stream.recv();
            assert!(poll_once(&mut read).is_none());
            std::thread::sleep(Duration::from_millis(20));
            drop(read);
            stream.recv()
        };
        for entry in &entries {
            assert_eq!(read_twice().await.unwrap().unwrap().cursor, entry.cursor);
        }
        assert!(read_twice().await.unwrap().is_none());

        let following = LogStreamOptions { follow: true, ..LogStreamOptions::default() };
        let mut stream = sandbox.log_stream(following).await.unwrap();
        let follower = std::thread::spawn(move || {
            block_on(async {
                let mut all = String::new();
                while let Some(entry) = stream.recv().await.unwrap() {
                    all += &format!("{:?} {}", entry.source, entry.text());
                }
                all
            })
        });
        sandbox.exec("echo", ["four"]).await.unwrap();
        sandbox.stop().await.unwrap();
        let followed = follower.join().unwrap();
        for part in ["Stdout one\n", "Stderr two\n", "Stdout four\n"] {
            assert!(followed.contains(part), "{followed:?}");
        }

        // Stopped, by name.
        let handle = Sandbox::get("rust-logs").await.unwrap();
        let last = handle.logs(LogOptions { tail: Some(1), ..LogOptions::default() }).await.unwrap();
        assert_eq!(last[0].text(), "four\n");
        let nonsense = LogOptions { from_cursor: Some("nonsense".into()), ..LogOptions::default() };
        assert!(matches!(handle.logs(nonsense).await, Err(Error::InvalidCursor(_))));
    });
}

/// The image of MSB_TEST_INIT_IMAGE has an init as /sbin/init, and /sbin/noting-init, which notes its
/// arguments and environment first.
#[test]
fn init() {
    let image = match std::env::var("MSB_TEST_INIT_IMAGE") {
        Ok(image) => image,
        Err(_) => return println!("skipped: no MSB_TEST_INIT_IMAGE"),
    };
    block_on(async {
        let builder = |name: &str| Sandbox::builder(name).image(&image);
        let noting = builder("rust-init-with").init_with("/sbin/noting-init", |init| {
            init.arg("a").args(["b c"]).env("INIT_NOTE", "x y").envs([("MORE", "1")])
        });
        let all = [
            (builder("rust-init-auto").init("auto"), "auto"),
            (builder("rust-init").init("/sbin/init"), "/sbin/init"),
            (noting, "/sbin/noting-init"),
        ];
        for (builder, cmd) in all {
            let sandbox = create(builder).await;
            assert_eq!(sandbox.exec("cat", ["/proc/1/comm"]).await.unwrap().stdout().unwrap(), "init\n");
            assert_eq!(sandbox.config().unwrap().init.unwrap().cmd, cmd);
            if cmd == "/sbin/noting-init" {
                let noted = sandbox.exec("cat", ["/etc/init.args", "/etc/init.env"]).await.unwrap().stdout().unwrap();
                assert!(noted.starts_with("/sbin/noting-init a b c\n"), "{noted}");
                assert!(noted.contains("INIT_NOTE=x y\n") && noted.contains("MORE=1\n"), "{noted}");
            }
            sandbox.stop().await.unwrap();
        }
        let relative = builder("rust-init-bad").init("sbin/init").create().await;
        assert!(matches!(relative, Err(Error::InvalidConfig(_))));
    });
}
