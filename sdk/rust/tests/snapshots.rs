mod common;

use common::{block_on, create};
use microsandbox::{Error, Sandbox, Snapshot, UpperVerification};

#[test]
fn snapshots() {
    block_on(async {
        let scratch = std::env::temp_dir().join(format!("msb-rust-snapshots-{}", std::process::id()));
        std::fs::create_dir(&scratch).unwrap();
        let within = |name: &str| scratch.join(name).to_str().unwrap().to_owned();
        let source = create(Sandbox::builder("rust-snap")).await;
        source.exec("sh", ["-c", "echo kept >/file; sync"]).await.unwrap();
        assert!(matches!(source.snapshot("rust-one").await, Err(Error::SnapshotSandboxRunning(_))));
        source.stop().await.unwrap();
        let nobody = Snapshot::builder("rust-one").from_sandbox("rust-nobody").create().await;
        assert!(matches!(nobody, Err(Error::SandboxNotFound(_))));
        let one = Snapshot::builder("rust-one")
            .from_sandbox("rust-snap")
            .label("a", "b")
            .record_integrity(true)
            .create()
            .await
            .unwrap();
        assert_eq!((one.handle.name.as_str(), one.labels["a"].as_str()), ("rust-one", "b"));
        assert_eq!((one.handle.size_bytes, one.source_sandbox.as_deref()), (4 << 30, Some("rust-snap")));
        assert!(matches!(source.snapshot("rust-one").await, Err(Error::SnapshotAlreadyExists(_))));
        assert_eq!(Snapshot::open(&one.handle.digest).await.unwrap(), one);
        assert!(Snapshot::list().await.unwrap().contains(&one.handle));

        let shelf =
            Snapshot::builder("two").from_sandbox("rust-snap").dest_dir(within("shelf")).create().await.unwrap();
        assert_eq!(Snapshot::list_dir(&within("shelf")).await.unwrap(), std::slice::from_ref(&shelf.handle));
        assert_eq!(Snapshot::reindex(&within("shelf")).await.unwrap(), 1);
        assert_eq!(shelf.handle.verify().await.unwrap().upper, UpperVerification::NotRecorded);
        let recorded = one.integrity.clone().unwrap();
        assert_eq!(
            one.handle.verify().await.unwrap().upper,
            UpperVerification::Verified { algorithm: recorded.algorithm, digest: recorded.root }
        );

        let fork = create(Sandbox::builder("rust-fork").from_snapshot("rust-one")).await;
        assert_eq!(fork.exec("cat", ["/file"]).await.unwrap().stdout().unwrap(), "kept\n");
        fork.exec("sh", ["-c", "echo changed >/file; sync"]).await.unwrap();
        fork.stop().await.unwrap();
        let child = fork.snapshot("rust-child").await.unwrap();
        assert_eq!(child.handle.parent_digest.as_ref(), Some(&one.handle.digest));
        assert!(matches!(one.handle.remove(false).await, Err(Error::SnapshotInUse(_))));
        let none = Sandbox::builder("rust-none").from_snapshot("rust-none").create().await;
        assert!(matches!(none, Err(Error::SnapshotNotFound(_))));

        let told = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let count = std::sync::Arc::clone(&told);
        let changes = Snapshot::diff("rust-one", "rust-child").await.unwrap();
        assert!(changes.iter().any(|one| one.path == "/file" && one.change == "changed" && one.size_after == Some(8)));
        assert_eq!(fork.diff().await.unwrap(), changes);
        let more = fork.fork_many(["rust-a", "rust-b"]).on_progress(|_, _| ()).create().await.unwrap();
        assert_eq!(more[1].exec("cat", ["/file"]).await.unwrap().stdout().unwrap(), "changed\n");
        assert!(matches!(more[0].diff().await, Err(Error::SandboxStillRunning(_))));
        assert!(matches!(fork.fork("rust-a").create().await, Err(Error::SandboxAlreadyExists(_))));
        let live = Snapshot::builder("rust-live").from_sandbox("rust-a").copy_while_frozen(true);
        live.create().await.unwrap().handle.remove(true).await.unwrap();
        for one in more {
            Sandbox::remove_with_force(one.name()).await.unwrap();
        }

        let export = Snapshot::export("rust-child", within("child.tar.zst")).since("rust-one");
        let export = export.on_progress(move |done, _| count.store(done, std::sync::atomic::Ordering::Relaxed));
        let archive = export.write().await.unwrap();
        assert!(told.load(std::sync::atomic::Ordering::Relaxed) > 0);
        let again = Snapshot::import(&archive).name("rust-again").read().await.unwrap();
        assert_eq!(again.handle.digest, child.handle.digest);
        for name in ["rust-child", "rust-again"] {
            Snapshot::remove(name, false).await.unwrap();
        }
        for path in [&one.handle.path, &shelf.handle.path] {
            Snapshot::remove(path, true).await.unwrap();
        }
        assert!(matches!(Snapshot::get("rust-one").await, Err(Error::SnapshotNotFound(_))));
        std::fs::remove_dir_all(&scratch).unwrap();
    });
}
