mod common;

use common::{block_on, create};
use microsandbox::{Error, Sandbox, Storage, Volume, VolumeMode};

#[test]
fn volume_has_to_be_there() {
    block_on(async {
        let made = Sandbox::builder("rust-novol").volume("/d", |mount| mount.named("rust-none")).create().await;
        assert!(matches!(made, Err(Error::VolumeNotFound(_))));
        assert!(matches!(Volume::get("rust-none").await, Err(Error::VolumeNotFound(_))));
        assert!(matches!(Volume::remove("rust-none").await, Err(Error::VolumeNotFound(_))));
    });
}

#[test]
fn volumes() {
    block_on(async {
        let data = Volume::builder("rust-data").quota(512).label("a", "b").create().await.unwrap();
        assert_eq!((data.kind.as_str(), data.quota_mib, data.labels["a"].as_str()), ("directory", Some(512), "b"));
        let again = Volume::builder("rust-data").create().await;
        assert!(matches!(again, Err(Error::VolumeAlreadyExists(_))));
        let disk = Volume::builder("rust-disk").disk().size(256).create().await.unwrap();
        assert_eq!((disk.capacity_bytes, disk.disk_fstype.as_deref()), (Some(256 << 20), Some("ext4")));
        let taken = Sandbox::builder("rust-vol")
            .volume("/d", |mount| mount.named_with("rust-data", |volume| volume.create()))
            .create()
            .await;
        assert!(matches!(taken, Err(Error::VolumeAlreadyExists(_))));
        let other = Sandbox::builder("rust-vol")
            .volume("/d", |mount| mount.named_with("rust-data", |volume| volume.disk().size(256)))
            .create()
            .await;
        assert!(matches!(other, Err(Error::InvalidConfig(_))));
        let sandbox = create(
            Sandbox::builder("rust-vol")
                .volume("/data", |mount| mount.named("rust-data"))
                .volume("/disk", |mount| mount.named_with("rust-disk", |volume| volume.existing()))
                .volume("/new", |mount| mount.named_with("rust-new", |volume| volume.create().directory()))
                .volume("/ensured", |mount| mount.named_with("rust-e", |volume| volume.ensure_exists()).readonly())
                .volume("/own", |mount| mount.owned_with(|volume| volume.disk().size(128)))
                .volume("/memory", |mount| mount.tmpfs().size(8)),
        )
        .await;
        let script = "echo kept >/data/file && touch /disk/x /new/x /own/x /memory/x && ! touch /ensured/x";
        assert!(sandbox.exec("sh", ["-c", script]).await.unwrap().status().success);
        assert_eq!(std::fs::read_to_string(format!("{}/file", data.path)).unwrap(), "kept\n");
        assert!(matches!(Volume::remove("rust-data").await, Err(Error::VolumeInUse(_))));
        sandbox.stop().await.unwrap();
        Sandbox::remove("rust-vol").await.unwrap();
        assert_eq!(Volume::clone_to("rust-data", "rust-copy").await.unwrap().name, "rust-copy");
        assert_eq!(Volume::list().await.unwrap()[0].name, "rust-copy");
        for name in ["rust-copy", "rust-data", "rust-disk", "rust-new", "rust-e"] {
            Volume::remove(name).await.unwrap();
        }
        assert!(Volume::prune(true).await.unwrap().is_empty());
        assert_eq!(VolumeMode::EnsureExists.as_str(), "ensure-exists");
    });
}

#[test]
fn files_of_volumes() {
    block_on(async {
        let volume = Volume::builder("rust-files").label("rust", "files").create().await.unwrap();
        let files = volume.fs();
        files.write("/a/b/file", "text").await.unwrap();
        assert_eq!(files.read_to_string("a/b/file").await.unwrap(), "text");
        files.mkdir("/c/d").await.unwrap();
        files.copy("/a/b/file", "/c/copy").await.unwrap();
        files.rename("/c/copy", "/c/moved").await.unwrap();
        let names: Vec<String> = files.list("/c").await.unwrap().into_iter().map(|entry| entry.path).collect();
        assert_eq!(names, ["/c/d", "/c/moved"]);
        assert_eq!(files.stat("/c/moved").await.unwrap().size, 4);
        assert!(!files.exists("/none").await.unwrap());
        assert!(matches!(files.remove("/c").await, Err(Error::Filesystem(_))));
        files.remove_dir("/c").await.unwrap();
        assert!(Storage::usage().await.unwrap()["volumes"].count > 0);
        let mine = || Storage::prune().kind("volumes").label("rust", "files");
        let planned = mine().dry_run().apply().await.unwrap();
        assert_eq!(
            (planned.items[0].item.name.as_str(), planned.items[0].state.as_str()),
            ("rust-files", "reclaimable")
        );
        assert_eq!(mine().apply().await.unwrap().removed, 1);
    });
}
