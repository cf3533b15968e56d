package microsandbox_test

import (
	"testing"
	"time"

	m "microsandbox.internal/microsandbox"
)

func TestMetrics(t *testing.T) {
	ctx := testContext(t)
	sandbox := create(t, "go-metrics", m.WithMetricsSampleInterval(200*time.Millisecond))
	stream, err := sandbox.MetricsStream(ctx, time.Millisecond)
	ok(t, err)
	defer stream.Close()
	first, err := stream.Recv(ctx)
	ok(t, err)
	second, err := stream.Recv(ctx)
	ok(t, err)
	if first.MemoryBytes == 0 || first.MemoryAvailableBytes == nil || first.State != "running" ||
		!second.Timestamp.After(first.Timestamp) || second.VCPUTimeNs < first.VCPUTimeNs {
		t.Fatalf("%+v %+v", first, second)
	}
	all, err := m.AllSandboxMetrics(ctx)
	ok(t, err)
	if all["go-metrics"] == nil || all["go-metrics"].Uptime < first.Uptime {
		t.Fatalf("%+v", all)
	}
	last, err := sandbox.Metrics(ctx)
	ok(t, err)
	if last.Timestamp.Before(second.Timestamp) {
		t.Fatalf("%+v", last)
	}
	ok(t, sandbox.Stop(ctx))
	for last != nil {
		last, err = stream.Recv(ctx)
		ok(t, err)
	}
	_, err = sandbox.Metrics(ctx)
	wantKind(t, err, m.ErrMetricsUnavailable)
	off := create(t, "go-metrics-off", m.WithMetricsSampleInterval(0))
	_, err = off.Metrics(ctx)
	wantKind(t, err, m.ErrMetricsDisabled)
}
