mod common;

use common::{block_on, create};
use microsandbox::{Error, Sandbox};

#[test]
fn patches() {
    block_on(async {
        let host = std::env::temp_dir().join(format!("msb-rust-patches-{}", std::process::id()));
        std::fs::create_dir(&host).unwrap();
        std::fs::write(host.join("one"), "one").unwrap();
        let path = |name: &str| host.join(name).to_str().unwrap().to_owned();
        let builder = Sandbox::builder("rust-patched").patch(|p| {
            p.text("/etc/greeting", "hello\n", Some(0o600), false)
                .append("/etc/greeting", "more\n")
                .file("/opt/raw", [0, 1, 255], None, false)
                .mkdir("/data/deep", None)
                .remove("/etc/never")
                .symlink("../opt", "/data/link", false)
        });
        let sandbox =
            create(builder.patch(|p| {
                p.copy_file(path("one"), "/opt/one", Some(0o640), false).copy_dir(path(""), "/opt/dir", false)
            }))
            .await;
        let script = "stat -c %a /etc/greeting; cat /etc/greeting; od -An -tx1 /opt/raw | tr -d ' '
            ls -d /data/deep; readlink /data/link; stat -c %a /opt/one; cat /opt/dir/one";
        let output = sandbox.shell(script).await.unwrap();
        assert_eq!(output.stdout().unwrap(), "600\nhello\nmore\n0001ff\n/data/deep\n../opt\n640\none");
        let taken = Sandbox::builder("rust-unpatched").patch(|p| p.text("/bin/sh", "", None, false));
        assert!(matches!(taken.create().await, Err(Error::PatchFailed(_))));
        let relative = Sandbox::builder("rust-unpatched").patch(|p| p.mkdir("relative", None));
        assert!(matches!(relative.create().await, Err(Error::InvalidConfig(_))));
        assert!(matches!(Sandbox::get("rust-unpatched").await, Err(Error::SandboxNotFound(_))));
        std::fs::remove_dir_all(&host).unwrap();
    });
}
