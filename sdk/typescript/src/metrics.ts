import { type CallOptions, blocking, cancellable } from "./native.js";
import type { NativeMetricsStreamOptions } from "./tables.js";
import { Turns, wholeNumber } from "./values.js";

/** Microseconds that tasks of a guest have waited for a resource so far. */
export interface Stall {
  /** In which some of them waited. */
  readonly someUs: number;
  /** In which all of them did. */
  readonly fullUs: number;
}

/** A sample of what a sandbox uses. What is not known is null. */
export interface SandboxMetrics {
  /** Since the sample before; 100 is one CPU. */
  readonly cpuPercent: number;
  readonly vcpuTimeNs: number;
  readonly memoryBytes: number;
  readonly memoryAvailableBytes: number | null;
  readonly memoryHostResidentBytes: number | null;
  readonly memoryLimitBytes: number;
  readonly diskReadBytes: number;
  readonly diskWriteBytes: number;
  readonly netRxBytes: number;
  readonly netTxBytes: number;
  readonly upperUsedBytes: number | null;
  readonly upperFreeBytes: number | null;
  readonly upperHostAllocatedBytes: number | null;
  readonly uptimeMs: number;
  readonly timestamp: Date;
  /** "stalled" if the sample is old. */
  readonly state: "running" | "stalled";
  readonly cpus: number;
  /** And threads, without those of the guest's kernel. */
  readonly processes: number | null;
  readonly sessions: number | null;
  readonly restarts: number;
  readonly cpuStall: Stall | null;
  readonly memoryStall: Stall | null;
  readonly ioStall: Stall | null;
}

interface NativeStall {
  some_us: number;
  full_us: number;
}

/** As the library says it: numbers below 2^53. */
interface NativeMetrics {
  state: "running" | "stalled";
  cpus: number;
  timestamp_ms: number;
  cpu_percent: number;
  vcpu_time_ns: number;
  memory_bytes: number;
  memory_available_bytes: number | null;
  memory_host_resident_bytes: number | null;
  memory_limit_bytes: number;
  disk_read_bytes: number;
  disk_write_bytes: number;
  net_rx_bytes: number;
  net_tx_bytes: number;
  upper_used_bytes: number | null;
  upper_free_bytes: number | null;
  upper_host_allocated_bytes: number | null;
  uptime_ms: number;
  processes: number | null;
  sessions: number | null;
  restarts: number;
  cpu_stall: NativeStall | null;
  memory_stall: NativeStall | null;
  io_stall: NativeStall | null;
}

function stall(native: NativeStall | null): Stall | null {
  return native && { someUs: native.some_us, fullUs: native.full_us };
}

function metrics(native: NativeMetrics): SandboxMetrics {
  return {
    cpuPercent: native.cpu_percent,
    vcpuTimeNs: native.vcpu_time_ns,
    memoryBytes: native.memory_bytes,
    memoryAvailableBytes: native.memory_available_bytes,
    memoryHostResidentBytes: native.memory_host_resident_bytes,
    memoryLimitBytes: native.memory_limit_bytes,
    diskReadBytes: native.disk_read_bytes,
    diskWriteBytes: native.disk_write_bytes,
    netRxBytes: native.net_rx_bytes,
    netTxBytes: native.net_tx_bytes,
    upperUsedBytes: native.upper_used_bytes,
    upperFreeBytes: native.upper_free_bytes,
    upperHostAllocatedBytes: native.upper_host_allocated_bytes,
    uptimeMs: native.uptime_ms,
    timestamp: new Date(native.timestamp_ms),
    state: native.state,
    cpus: native.cpus,
    processes: native.processes,
    sessions: native.sessions,
    restarts: native.restarts,
    cpuStall: stall(native.cpu_stall),
    memoryStall: stall(native.memory_stall),
    ioStall: stall(native.io_stall),
  };
}

/** @internal */
export async function readMetrics(name: string): Promise<SandboxMetrics> {
  const [text] = await blocking((native) => native.sandbox_metrics(name));
  return metrics(JSON.parse(text) as NativeMetrics);
}

/** The last sample of every sandbox that runs, by name. */
export async function allSandboxMetrics(): Promise<Record<string, SandboxMetrics>> {
  const [text] = await blocking((native) => native.all_sandbox_metrics());
  const { sandboxes } = JSON.parse(text) as { sandboxes: Record<string, NativeMetrics> };
  return Object.fromEntries(Object.entries(sandboxes).map(([name, native]) => [name, metrics(native)]));
}

/** @internal */
export async function openMetricsStream(name: string, intervalMs = 1000): Promise<MetricsStream> {
  const options: NativeMetricsStreamOptions = { interval_ms: wholeNumber(intervalMs, "intervalMs") };
  const [stream] = await blocking((native) => native.metrics_stream_open(name, JSON.stringify(options)));
  return new MetricsStream(stream);
}

/** Samples, one by one, until the sandbox's run is over. */
export class MetricsStream implements AsyncIterable<SandboxMetrics>, AsyncDisposable {
  readonly #stream: bigint;
  readonly #receiving = new Turns();
  #closed = false;

  /** @internal */
  constructor(stream: bigint) {
    this.#stream = stream;
  }

  /** The next sample; null when the run is over. */
  recv(options?: CallOptions): Promise<SandboxMetrics | null> {
    return this.#receiving.take(async () => {
      if (this.#closed) return null;
      const [sample] = await cancellable(
        (native, cancel) => native.metrics_stream_recv(cancel, this.#stream),
        options,
      );
      if (sample !== null) return metrics(JSON.parse(sample) as NativeMetrics);
      await this.close();
      return null;
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SandboxMetrics, void, undefined> {
    try {
      for (let sample = await this.recv(); sample !== null; sample = await this.recv()) yield sample;
    } finally {
      await this.close();
    }
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await blocking((native) => native.metrics_stream_close(this.#stream));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
