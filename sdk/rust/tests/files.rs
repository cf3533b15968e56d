mod common;

use common::{block_on, create, poll_once};
use microsandbox::{Error, FsEntryKind, Image, PullPolicy, Sandbox};

#[test]
fn files() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-files")).await;
        let files = sandbox.fs();
        files.mkdir("/data/deep").await.unwrap();
        let data: Vec<u8> = (0..2u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        files.write_with_mode("/data/noise", data.clone(), 0o600).await.unwrap();
        assert!(files.read("/data/noise").await.unwrap() == data);
        files.write("/data/empty", "").await.unwrap();
        assert_eq!(files.read_to_string("/data/empty").await.unwrap(), "");

        let entry = files.stat("/data/noise").await.unwrap();
        assert_eq!((entry.kind, entry.size, entry.mode & 0o777), (FsEntryKind::File, 2 << 20, 0o600));
        assert_eq!(files.stat("/data").await.unwrap().kind, FsEntryKind::Directory);
        sandbox.exec("ln", ["-s", "nowhere", "/data/link"]).await.unwrap();
        assert!(matches!(files.stat("/data/link").await, Err(Error::PathNotFound(_))));
        assert_eq!(files.stat_with_follow("/data/link", false).await.unwrap().kind, FsEntryKind::Symlink);
        assert_eq!(files.list("/data").await.unwrap().len(), 4);

        files.copy("/data/noise", "/data/copy").await.unwrap();
        files.rename("/data/copy", "/data/deep/moved").await.unwrap();
        assert!(!files.exists("/data/copy").await.unwrap());
        assert!(files.exists("/data/deep/moved").await.unwrap());
        assert!(matches!(files.remove_empty_dir("/data/deep").await, Err(Error::Filesystem(_))));
        files.remove("/data/noise").await.unwrap();
        files.remove_dir("/data").await.unwrap();
        assert!(matches!(files.read("/data/noise").await, Err(Error::PathNotFound(_))));
        let refused = sandbox.fs().with_user("1000").write("/etc/passwd", "x").await;
        assert!(matches!(refused, Err(Error::Filesystem(_))));

        let here = std::env::temp_dir().join(format!("msb-rust-files-{}", std::process::id()));
        std::fs::write(&here, &data).unwrap();
        files.copy_from_host(&here, "/root/there").await.unwrap();
        std::fs::remove_file(&here).unwrap();
        files.copy_to_host("/root/there", &here).await.unwrap();
        assert!(std::fs::read(&here).unwrap() == data);
        std::fs::remove_file(&here).unwrap();

        let mut writer = files.write_stream("/root/streamed").await.unwrap();
        for part in data.chunks(100_000) {
            writer.write(part).await.unwrap();
        }
        writer.close().await.unwrap();
        let mut reader = files.read_stream("/root/streamed").await.unwrap();
        assert!(reader.collect().await.unwrap() == data);
        assert_eq!(reader.recv().await.unwrap(), None);

        // A dropped read loses nothing.
        let mut reader = files.read_stream("/root/streamed").await.unwrap();
        let mut read = Vec::new();
        for delay in [0, 1, 20].into_iter().cycle() {
            let mut dropped = reader.recv();
            assert!(poll_once(&mut dropped).is_none());
            std::thread::sleep(std::time::Duration::from_millis(delay));
            drop(dropped);
            match reader.recv().await.unwrap() {
                Some(piece) => read.extend(piece),
                None => break,
            }
        }
        assert!(read == data, "{} of {} bytes came", read.len(), data.len());

        // Also at the end of the file, at any moment of it.
        files.write("/root/short", "x").await.unwrap();
        for delay in (0..60).map(|n| std::time::Duration::from_micros(50 * n)) {
            let mut reader = files.read_stream("/root/short").await.unwrap();
            assert_eq!(reader.recv().await.unwrap().unwrap(), b"x");
            let mut dropped = reader.recv();
            assert!(poll_once(&mut dropped).is_none());
            std::thread::sleep(delay);
            drop(dropped);
            assert_eq!(reader.recv().await.unwrap(), None, "dropped after {delay:?}");
            assert_eq!(reader.recv().await.unwrap(), None);
        }
    });
}

/// The image of MSB_TEST_IMAGE is a tar of a small image.
#[test]
fn images() {
    let path = match std::env::var("MSB_TEST_IMAGE") {
        Ok(path) => path,
        Err(_) => return println!("skipped: no MSB_TEST_IMAGE"),
    };
    block_on(async {
        assert!(!Image::load(path, ["rust-image:1"]).await.unwrap().is_empty());
        let image = Image::get("rust-image:1").await.unwrap();
        assert_eq!(image.os, "linux");
        let detail = Image::inspect("rust-image:1").await.unwrap();
        assert_eq!((detail.layers.len() as u32, detail.config.cmd[0].as_str()), (image.layer_count, "/bin/sh"));
        assert!(Image::list().await.unwrap().iter().any(|other| other.reference == image.reference));
        let pulled = Image::pull("rust-image:1", PullPolicy::IfMissing).await.unwrap();
        assert_eq!(pulled.digest, image.digest);

        let sandbox = create(Sandbox::builder("rust-image").image("rust-image:1")).await;
        assert!(matches!(Image::remove("rust-image:1", false).await, Err(Error::ImageInUse(_))));
        drop(sandbox);
        Image::remove("rust-image:1", false).await.unwrap();
        assert!(matches!(Image::get("rust-image:1").await, Err(Error::ImageNotFound(_))));
        Image::prune().await.unwrap();
    });
}
