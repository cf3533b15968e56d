package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// Stall is the time that tasks of a guest have waited for a resource so far: some of them, and all.
type Stall struct {
	Some, Full time.Duration
}

// UnmarshalJSON reads what the library says.
func (s *Stall) UnmarshalJSON(text []byte) error {
	var parsed struct {
		Some int64 `json:"some_us"`
		Full int64 `json:"full_us"`
	}
	err := json.Unmarshal(text, &parsed)
	s.Some, s.Full = time.Duration(parsed.Some)*time.Microsecond, time.Duration(parsed.Full)*time.Microsecond
	return err
}

// Metrics is a sample of what a sandbox uses. What is not known is nil.
type Metrics struct {
	Name                    string
	State                   string  // "running", or "stalled" if the sample is old
	CPUs                    int     `json:"cpus"`
	CPUPercent              float64 `json:"cpu_percent"` // since the sample before; 100 is one CPU
	VCPUTimeNs              uint64  `json:"vcpu_time_ns"`
	MemoryBytes             uint64  `json:"memory_bytes"`
	MemoryAvailableBytes    *uint64 `json:"memory_available_bytes"`
	MemoryHostResidentBytes *uint64 `json:"memory_host_resident_bytes"`
	MemoryLimitBytes        uint64  `json:"memory_limit_bytes"`
	DiskReadBytes           uint64  `json:"disk_read_bytes"`
	DiskWriteBytes          uint64  `json:"disk_write_bytes"`
	NetRxBytes              uint64  `json:"net_rx_bytes"`
	NetTxBytes              uint64  `json:"net_tx_bytes"`
	UpperUsedBytes          *uint64 `json:"upper_used_bytes"`
	UpperFreeBytes          *uint64 `json:"upper_free_bytes"`
	UpperHostAllocatedBytes *uint64 `json:"upper_host_allocated_bytes"`
	Processes               *uint64 // and threads, without those of the guest's kernel
	Sessions                *uint64
	Restarts                uint64
	CPUStall                *Stall        `json:"cpu_stall"`
	MemoryStall             *Stall        `json:"memory_stall"`
	IOStall                 *Stall        `json:"io_stall"`
	Uptime                  time.Duration `json:"-"`
	Timestamp               time.Time     `json:"-"`
}

func takeMetrics(text *C.char) (*Metrics, error) {
	var raw json.RawMessage
	if err := decode(takeText(text), &raw); err != nil {
		return nil, err
	}
	return parseMetrics(raw)
}

func parseMetrics(text []byte) (*Metrics, error) {
	metrics := &Metrics{}
	var times struct {
		UptimeMs    int64 `json:"uptime_ms"`
		TimestampMs int64 `json:"timestamp_ms"`
	}
	if err := json.Unmarshal(text, metrics); err != nil {
		return nil, err
	}
	err := json.Unmarshal(text, &times)
	metrics.Uptime = time.Duration(times.UptimeMs) * time.Millisecond
	metrics.Timestamp = time.UnixMilli(times.TimestampMs)
	return metrics, err
}

// Metrics is what the sandbox uses, as it was sampled last. It is the error [ErrMetricsUnavailable] before the
// first sample, and [ErrMetricsDisabled] if none are taken.
func (n *named) Metrics(ctx context.Context) (*Metrics, error) {
	var text *C.char
	err := onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_sandbox_metrics(name, &text)
	})
	if err != nil {
		return nil, err
	}
	return takeMetrics(text)
}

// AllSandboxMetrics is the last sample of every sandbox that runs, by name.
func AllSandboxMetrics(ctx context.Context) (map[string]*Metrics, error) {
	var text *C.char
	if err := call(ctx, func() *C.char { return C.call_all_sandbox_metrics(&text) }); err != nil {
		return nil, err
	}
	var parsed struct{ Sandboxes map[string]json.RawMessage }
	if err := decode(takeText(text), &parsed); err != nil {
		return nil, err
	}
	all := make(map[string]*Metrics, len(parsed.Sandboxes))
	for name, raw := range parsed.Sandboxes {
		metrics, err := parseMetrics(raw)
		if err != nil {
			return nil, err
		}
		all[name] = metrics
	}
	return all, nil
}

// MetricsStream is samples, one by one, until the sandbox's run is over.
type MetricsStream struct{ handle C.uint64_t }

// MetricsStream opens the sandbox's metrics to be read sample by sample, with at least interval between.
func (n *named) MetricsStream(ctx context.Context, interval time.Duration) (*MetricsStream, error) {
	ms := uint64(interval.Milliseconds())
	var encoded cText
	if err := encoded.setOptions(metricsStreamOptions{IntervalMs: &ms}); err != nil {
		return nil, err
	}
	defer encoded.free()
	stream := &MetricsStream{}
	err := onName(ctx, n.name, func(_ C.uint64_t, name *C.char) *C.char {
		return C.call_metrics_stream_open(name, encoded.pointer, &stream.handle)
	})
	if err != nil {
		return nil, err
	}
	return stream, nil
}

// Recv is the next sample; nil when the run is over.
func (s *MetricsStream) Recv(ctx context.Context) (*Metrics, error) {
	var text *C.char
	err := cancellable(ctx, func(cancel C.uint64_t) *C.char {
		return C.call_metrics_stream_recv(cancel, s.handle, &text)
	})
	if err != nil || text == nil {
		return nil, err
	}
	return takeMetrics(text)
}

// Close ends the stream.
func (s *MetricsStream) Close() error {
	return call(context.Background(), func() *C.char {
		C.call_metrics_stream_close(s.handle)
		return nil
	})
}
