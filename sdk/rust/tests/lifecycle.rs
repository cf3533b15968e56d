mod common;

use common::{block_on, create, poll_once, Scratch};
use microsandbox::{AgentClient, Error, MountBuilder, NetworkAction, Sandbox, SandboxStatus};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

async fn status(name: &str) -> SandboxStatus {
    Sandbox::get(name).await.expect("get").status()
}

#[test]
fn life_of_an_attached_sandbox() {
    block_on(async {
        let builder = Sandbox::builder("rust-life").cpus(1).label("kind", "test").env("GREETING", "hello");
        let sandbox = create(builder.hostname("guest")).await;
        assert_eq!(sandbox.name(), "rust-life");
        assert!(sandbox.owns_lifecycle());

        let config = sandbox.config().unwrap();
        assert_eq!((config.cpus, config.memory_mib), (1, 256));
        assert_eq!((config.env["GREETING"].as_str(), config.labels["kind"].as_str()), ("hello", "test"));

        let output = sandbox.exec("sh", ["-c", "echo $GREETING from $(hostname)"]).await.unwrap();
        assert_eq!(output.stdout().unwrap(), "hello from guest\n");

        let handle = Sandbox::get("rust-life").await.unwrap();
        assert_eq!(handle.status(), SandboxStatus::Running);
        assert!(handle.started_at().unwrap().elapsed().unwrap() < Duration::from_secs(60));
        let second = handle.connect().await.unwrap();
        assert!(!second.owns_lifecycle());
        drop(second);
        assert!(sandbox.ping().await.unwrap() > Duration::ZERO);
        assert!(sandbox.touch().await.unwrap() < handle.touch().await.unwrap());
        assert_eq!(status("rust-life").await, SandboxStatus::Running);

        sandbox.close().await.unwrap();
        assert_eq!(status("rust-life").await, SandboxStatus::Stopped);
        assert!(matches!(sandbox.close().await, Err(Error::InvalidHandle(_))));
        assert!(matches!(sandbox.shell("true").await, Err(Error::InvalidHandle(_))));
        assert!(matches!(handle.connect().await, Err(Error::SandboxNotRunning(_))));
    });
}

#[test]
fn a_dropped_sandbox_stops() {
    block_on(async {
        let sandbox = Sandbox::builder("rust-dropped").memory(128).create().await.unwrap();
        let handle = Sandbox::get("rust-dropped").await.unwrap();
        drop(sandbox);
        assert_eq!(handle.wait_until_stopped().await.unwrap().status, SandboxStatus::Stopped);
        handle.remove().await.unwrap();
    });
}

#[test]
fn state_is_kept_until_remove() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-kept").detached(true)).await;
        assert!(!sandbox.owns_lifecycle());
        sandbox.shell("echo kept >/root/note && sync").await.unwrap();
        sandbox.close().await.unwrap();
        assert_eq!(status("rust-kept").await, SandboxStatus::Running);
        match Sandbox::remove("rust-kept").await {
            Err(Error::SandboxStillRunning(detail)) => assert_eq!(detail.name.as_deref(), Some("rust-kept")),
            other => panic!("{other:?}"),
        }
        let handle = Sandbox::get("rust-kept").await.unwrap();
        handle.stop().await.unwrap();
        handle.stop().await.unwrap(); // is stopped already
        assert_eq!(handle.refresh().await.unwrap().status(), SandboxStatus::Stopped);

        let started = handle.start().await.unwrap();
        assert!(started.owns_lifecycle());
        assert_eq!(started.exec("cat", ["/root/note"]).await.unwrap().stdout().unwrap(), "kept\n");
        assert!(matches!(Sandbox::start("rust-kept").await, Err(Error::SandboxStillRunning(_))));
        started.detach().await.unwrap();
        assert_eq!(status("rust-kept").await, SandboxStatus::Running);
        handle.kill().await.unwrap();
        handle.remove().await.unwrap();
        assert!(matches!(Sandbox::get("rust-kept").await, Err(Error::SandboxNotFound(_))));
    });
}

#[test]
fn endings() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-end")).await;
        let waiting = sandbox.wait_until_stopped();
        let waited = std::thread::spawn(move || block_on(waiting));
        let mut running = sandbox.shell_stream("echo ready; sleep 1; echo finished").await.unwrap();
        while !matches!(running.recv().await.unwrap(), Some(microsandbox::ExecEvent::Stdout(_))) {}
        sandbox.request_drain().await.unwrap();
        assert_eq!(running.collect().await.unwrap().stdout().unwrap(), "finished\n");
        let result = waited.join().unwrap().unwrap();
        assert_eq!((result.name.as_str(), result.status), ("rust-end", SandboxStatus::Stopped));
        assert_eq!((result.source.as_str(), result.exit_code), ("process", Some(0)));
        assert!(result.observed_at <= SystemTime::now());

        for how in ["stop", "kill", "drain"] {
            let started = Sandbox::start_detached("rust-end").await.unwrap();
            match how {
                "stop" => started.request_stop().await.unwrap(),
                "kill" => started.request_kill().await.unwrap(),
                _ => started.drain().await.unwrap(),
            }
            started.wait_until_stopped().await.unwrap();
        }
        let started = Sandbox::start("rust-end").await.unwrap();
        started.stop_with_timeout(Duration::ZERO).await.unwrap();
        assert_ne!(status("rust-end").await, SandboxStatus::Running);
    });
}

#[test]
fn list() {
    block_on(async {
        for name in ["rust-list-1", "rust-list-2", "rust-list-3"] {
            let _ = Sandbox::remove_with_force(name).await;
            let labels = [("list", "yes"), ("last", &name[name.len() - 1..])];
            Sandbox::builder(name).memory(128).labels(labels).create().await.unwrap().close().await.unwrap();
        }
        let names = |page: &microsandbox::SandboxPage| -> Vec<String> {
            page.sandboxes.iter().map(|sandbox| sandbox.name().to_owned()).collect()
        };
        let all = Sandbox::list_with(|list| list.label("list", "yes")).await.unwrap();
        assert_eq!(names(&all), ["rust-list-3", "rust-list-2", "rust-list-1"]);
        assert_eq!(all.next_cursor, None);
        let first = Sandbox::list_with(|list| list.label("list", "yes").limit(2)).await.unwrap();
        assert_eq!(names(&first), ["rust-list-3", "rust-list-2"]);
        let cursor = first.next_cursor.unwrap();
        let rest = Sandbox::list_with(|list| list.label("list", "yes").limit(2).cursor(cursor)).await.unwrap();
        assert_eq!(names(&rest), ["rust-list-1"]);
        let one = Sandbox::list_with(|list| list.labels([("list", "yes"), ("last", "2")])).await.unwrap();
        assert_eq!(names(&one), ["rust-list-2"]);
        assert!(matches!(Sandbox::list_with(|list| list.limit(0)).await, Err(Error::InvalidArgument(_))));
        assert!(Sandbox::list().await.unwrap().sandboxes.len() >= 3);
        for sandbox in all.sandboxes {
            sandbox.remove().await.unwrap();
        }
    });
}

#[test]
fn replace() {
    block_on(async {
        let old = create(Sandbox::builder("rust-replaced")).await;
        match Sandbox::builder("rust-replaced").create().await {
            Err(Error::SandboxAlreadyExists(detail)) => assert_eq!(detail.name.as_deref(), Some("rust-replaced")),
            other => panic!("{other:?}"),
        }
        old.shell("echo old >/root/note").await.unwrap();
        let replacing = Sandbox::builder("rust-replaced").replace_with_timeout(Duration::ZERO);
        let replaced = create(replacing).await;
        assert!(!replaced.exec("cat", ["/root/note"]).await.unwrap().status().success);
        // The old connection neither reaches the new sandbox nor ends it.
        assert!(matches!(old.shell("true").await, Err(Error::SandboxNotRunning(_))));
        old.close().await.unwrap();
        assert_eq!(status("rust-replaced").await, SandboxStatus::Running);
    });
}

#[test]
fn errors() {
    block_on(async {
        match Sandbox::get("rust-none").await {
            Err(error @ Error::SandboxNotFound(_)) => {
                assert_eq!(error.kind(), "sandbox_not_found");
                assert!(error.to_string().contains("rust-none"), "{error}");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(Sandbox::start("rust-none").await, Err(Error::SandboxNotFound(_))));
        assert!(matches!(Sandbox::remove("rust-none").await, Err(Error::SandboxNotFound(_))));
        let bad = || Sandbox::builder("rust-bad");
        assert!(matches!(bad().cpus(0).create().await, Err(Error::InvalidConfig(_))));
        assert!(matches!(bad().thp("sometimes").create().await, Err(Error::InvalidArgument(_))));
        assert!(matches!(Sandbox::builder("rust\0bad").create().await, Err(Error::InvalidArgument(_))));
        let image = bad().image("rust-no-such-image:1").pull_policy(microsandbox::PullPolicy::Never);
        assert!(matches!(image.create().await, Err(Error::ImageNotFound(_))));
        match bad().init("/no/such/init").create().await {
            Err(Error::BootStart { name, stage, message, .. }) => {
                assert_eq!(name, "rust-bad");
                assert!(!stage.is_empty() && message.contains("/no/such/init"), "{stage}: {message}");
            }
            other => panic!("{other:?}"),
        }
        let _ = Sandbox::remove_with_force("rust-bad").await;
    });
}

#[test]
fn mounts_and_network() {
    block_on(async {
        let named = || Sandbox::builder("rust-mounts");
        match named().volume("/x", |m| m.bind("/does/not/exist")).create().await {
            Err(Error::BootStart { name, stage, errno, .. }) => {
                assert_eq!((name.as_str(), stage.as_str(), errno), ("rust-mounts", "mount", Some(2)));
            }
            other => panic!("{other:?}"),
        }
        Sandbox::remove("rust-mounts").await.unwrap();
        let shared = std::env::temp_dir().join(format!("rust-mounts-{}", std::process::id()));
        std::fs::create_dir(&shared).unwrap();
        let host = shared.to_str().unwrap();
        let quota = |m: MountBuilder| m.bind(host).cache("cached").quota_mib(1).quota_inodes(9).owner(7, 8);
        let mounts =
            named().volume("/x", |m| m.bind(host)).volume("/y", |m| m.bind(host).readonly()).volume("/q", quota);
        let builder = mounts.network(|n| {
            let rules = n.profiles(["public"]).rules(["deny@link-local", "allow@pypi.org:tcp:443"]);
            rules.default_egress(NetworkAction::Deny).default_ingress(NetworkAction::Allow)
        });
        let sandbox = create(builder).await;
        let script = "echo guest >/x/file && ! touch /y/file && test -e /sys/class/net/eth0 \
            && stat -c %u:%g /q | grep -qx 7:8 && df -k /q | grep -q ' 1024 '";
        assert!(sandbox.shell(script).await.unwrap().status().success);
        assert_eq!(std::fs::read_to_string(shared.join("file")).unwrap(), "guest\n");
        std::fs::remove_dir_all(&shared).unwrap();
        let bad = Sandbox::builder("rust-bad").port(80, 0).create().await;
        assert!(matches!(bad, Err(Error::InvalidConfig(_))), "{bad:?}");
        let bad = Sandbox::builder("rust-bad").network(|n| n.rules(["alow@any"])).create().await;
        assert!(matches!(bad, Err(Error::InvalidArgument(_))), "{bad:?}");
    });
}

#[test]
fn a_dropped_call_ends() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-cancelled")).await;
        let begin = Instant::now();
        let mut call = sandbox.exec("sleep", ["30"]);
        assert!(poll_once(&mut call).is_none());
        std::thread::sleep(Duration::from_millis(300));
        drop(call);
        // The sandbox is as usable as before, and the command is gone.
        while sandbox.shell("ps | grep -c '[s]leep 30'").await.unwrap().stdout().unwrap() != "0\n" {
            assert!(begin.elapsed() < Duration::from_secs(10), "the command still runs");
        }
        // A call that was never awaited does nothing.
        drop(sandbox.shell("touch /root/began"));
        assert!(!sandbox.exec("ls", ["/root/began"]).await.unwrap().status().success);
        // What a dropped call makes is gone again.
        let mut making = Sandbox::builder("rust-never").memory(128).create();
        assert!(poll_once(&mut making).is_none());
        drop(making);
        let there = || async { Sandbox::get("rust-never").await.is_ok() };
        std::thread::sleep(Duration::from_millis(500));
        while there().await {
            assert!(begin.elapsed() < Duration::from_secs(20), "it is still there");
        }
        // Also if it was made before the call was dropped.
        for detached in [true, false] {
            let begin = Instant::now();
            let mut making = Sandbox::builder("rust-never").memory(128).detached(detached).create();
            assert!(poll_once(&mut making).is_none());
            while !matches!(Sandbox::get("rust-never").await, Ok(made) if made.status() == SandboxStatus::Running) {
                assert!(begin.elapsed() < Duration::from_secs(20), "it is not made");
            }
            std::thread::sleep(Duration::from_millis(500));
            drop(making);
            while there().await {
                assert!(begin.elapsed() < Duration::from_secs(20), "it is still there");
            }
        }
        sandbox.stop().await.unwrap();
        let begin = Instant::now();
        let mut starting = Sandbox::start_detached("rust-cancelled");
        assert!(poll_once(&mut starting).is_none());
        while status("rust-cancelled").await != SandboxStatus::Running {
            assert!(begin.elapsed() < Duration::from_secs(20), "it does not start");
        }
        std::thread::sleep(Duration::from_millis(500));
        drop(starting);
        while status("rust-cancelled").await == SandboxStatus::Running {
            assert!(begin.elapsed() < Duration::from_secs(20), "it still runs");
        }
    });
}

#[test]
fn without_an_executor() {
    block_on(async {});
    let sandbox = Scratch(Sandbox::builder("rust-wait").memory(128).create().wait().unwrap());
    assert_eq!(sandbox.shell("echo $((6 * 7))").wait().unwrap().stdout().unwrap(), "42\n");
}

#[test]
fn pull_progress() {
    block_on(async {
        let builder = Sandbox::builder("rust-progress").memory(128);
        let (mut progress, creating) = builder.create_with_pull_progress().unwrap();
        let made = std::thread::spawn(move || block_on(creating));
        let mut events = Vec::new();
        loop {
            // A dropped read loses nothing.
            let mut dropped = progress.recv();
            assert!(poll_once(&mut dropped).is_none());
            std::thread::sleep(Duration::from_millis(20));
            drop(dropped);
            match progress.recv().await.unwrap() {
                Some(event) => events.push(event),
                None => break,
            }
        }
        let _sandbox = Scratch(made.join().unwrap().unwrap());
        assert!(matches!(events.last(), Some(microsandbox::PullEvent::Complete { .. })), "{events:?}");
    });
}

/// Not a test: what `sandboxes_of_a_process_that_ends` runs as a process of its own.
#[test]
#[ignore = "run by another test as a process of its own"]
fn child_that_ends() {
    block_on(async {
        let attached = Sandbox::builder("rust-child-attached").memory(128).create().await.unwrap();
        Sandbox::builder("rust-child-detached").memory(128).detached(true).create().await.unwrap();
        std::mem::forget(attached);
        std::process::exit(7);
    });
}

#[test]
fn sandboxes_of_a_process_that_ends() {
    block_on(async {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", "child_that_ends", "--ignored"]).output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        let attached = Sandbox::get("rust-child-attached").await.unwrap();
        attached.wait_until_stopped().await.unwrap();
        assert_eq!(status("rust-child-detached").await, SandboxStatus::Running);
        Sandbox::remove_with_force("rust-child-detached").await.unwrap();
        attached.remove().await.unwrap();
    });
}

#[test]
fn agent_socket_path() {
    block_on(async {
        let path = AgentClient::socket_path("rust-never-made").unwrap();
        assert!(path.starts_with('/') && path.len() < 108, "{path}");
        assert_ne!(path, AgentClient::socket_path("rust-never-made-either").unwrap());
    });
}

/// Not a test: what `libraries_that_do_not_fit` runs as a process of its own.
#[test]
#[ignore = "run by another test as a process of its own"]
fn child_that_loads() {
    let error = microsandbox::version().unwrap_err();
    println!("{} {error}", matches!(error, Error::LibraryNotLoaded(_)));
}

#[test]
fn libraries_that_do_not_fit() {
    let load = |library: &std::path::Path| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child_that_loads", "--ignored", "--nocapture"]);
        let output = child.env("MICROSANDBOX_LIBRARY", library).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let output = load("/does/not/exist.so".as_ref());
    assert!(output.contains("true library_not_loaded: ") && output.contains("/does/not/exist.so"), "{output}");

    let directory = std::env::temp_dir().join(format!("msb-rust-load-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let (source, library) = (directory.join("lacking.c"), directory.join("lacking.so"));
    for (text, problem) in [
        ("unsigned msb_abi_version(void) { return 1; } void msb_version(void) {}", "no function msb_free_string"),
        ("unsigned msb_abi_version(void) { return 7; }", "version 7, not 1"),
        ("int nothing;", "no function msb_abi_version"),
    ] {
        std::fs::write(&source, text).unwrap();
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
        assert!(compiled.unwrap().success());
        let output = load(&library);
        assert!(output.contains("true library_not_loaded: ") && output.contains(problem), "{output}");
    }
    std::fs::remove_dir_all(directory).unwrap();
}
