mod common;

use common::{block_on, create};
use microsandbox::{all_sandbox_metrics, Error, Sandbox};
use std::time::Duration;

#[test]
fn metrics() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-metrics").metrics_sample_interval_ms(200)).await;
        let mut stream = sandbox.metrics_stream(Duration::from_millis(1)).await.unwrap();
        let first = stream.recv().await.unwrap().unwrap();
        let second = stream.recv().await.unwrap().unwrap();
        assert!(first.memory_bytes > 0 && first.memory_available_bytes.is_some() && first.state == "running");
        assert!(second.timestamp > first.timestamp && second.vcpu_time_ns >= first.vcpu_time_ns);
        assert!(all_sandbox_metrics().await.unwrap()["rust-metrics"].uptime >= first.uptime);
        assert!(sandbox.metrics().await.unwrap().timestamp >= second.timestamp);
        sandbox.stop().await.unwrap();
        while stream.recv().await.unwrap().is_some() {}
        assert!(matches!(sandbox.metrics().await, Err(Error::MetricsUnavailable(_))));

        let off = create(Sandbox::builder("rust-metrics-off").disable_metrics_sample()).await;
        assert!(matches!(off.metrics().await, Err(Error::MetricsDisabled(_))));
    });
}
