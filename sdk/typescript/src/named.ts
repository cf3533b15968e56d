// What can be done with a sandbox that has a name, connected to it or not.
import { type LogEntry, type LogReadOptions, type LogStream, type LogStreamOptions, openLogStream, readLogs } from "./logs.js";
import { type MetricsStream, type SandboxMetrics, openMetricsStream, readMetrics } from "./metrics.js";
import { type DiskChange, diskChanges } from "./diff.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import {
  type Modified,
  type ModifyOptions,
  type NetworkEntry,
  type NetworkLogOptions,
  type NetworkVerdict,
  checkNetwork,
  learnNetwork,
  modifySandbox,
  readNetworkLog,
} from "./network.js";
import type { CopyOptions } from "./progress.js";
import { Snapshot, type SnapshotDetail } from "./snapshot.js";
import { duration } from "./values.js";

/** What a sandbox is doing. */
export type SandboxStatus = "created" | "starting" | "running" | "draining" | "stopped" | "crashed";

/** How a sandbox ended. */
export interface SandboxStopResult {
  /** The sandbox's name. */
  readonly name: string;
  /** "stopped" or "crashed". */
  readonly status: SandboxStatus;
  /** What the sandbox's own command ended with, if it had one. */
  readonly exitCode: number | null;
  /** The signal that ended the sandbox's process; known if this process started it. */
  readonly signal: number | null;
  /** When the end was seen. */
  readonly observedAt: Date;
  /** How the end is known. "process": this process saw it; "state": it is written down. */
  readonly source: "process" | "state";
}

/** How a sandbox is connected to. */
export interface ConnectOptions extends CallOptions {
  /** How many milliseconds a sandbox that is coming up is waited for; 10000 if not given. */
  timeoutMs?: number;
}

/** How the end of a sandbox is waited for. */
export interface WaitOptions extends CallOptions {
  /** TimedOutError after this many milliseconds; without limit if not given. */
  timeoutMs?: number;
}

/** @internal A time that was not given. */
export const unset = -1;

/** @internal */
export function timeout(options: { timeoutMs?: number } | undefined): number {
  return options?.timeoutMs === undefined ? unset : duration(options.timeoutMs, "timeoutMs");
}

/** What can be done with a sandbox by its name, whoever made it. */
export abstract class NamedSandbox {
  /** The sandbox's name. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** @internal The library's handle of the connection, 0 without one. */
  protected abstract readonly connection: bigint | 0;

  /** What the sandbox, which must not run, has changed: against the snapshot that it began with, or else its image. */
  async diff(options?: CallOptions): Promise<DiskChange[]> {
    const [json] = await cancellable((native, cancel) => native.sandbox_diff(cancel, this.name), options);
    return diskChanges(json);
  }

  /** Snapshots the sandbox under a name or a path. */
  snapshot(name: string, options?: CopyOptions): Promise<SnapshotDetail> {
    return Snapshot.builder(name).fromSandbox(this.name).create(options);
  }

  /** Asks the guest to end, waits 10 s for that, and then kills it. Succeeds if it is stopped in the end. */
  async stop(options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.sandbox_stop(cancel, this.name, unset), options);
  }

  /** Asks the guest to end, waits `timeoutMs` for that, and then kills it, with 0 at once. Succeeds if it is stopped in the end. */
  async stopWithTimeout(timeoutMs: number, options?: CallOptions): Promise<void> {
    const grace = duration(timeoutMs, "timeoutMs");
    await cancellable((native, cancel) => native.sandbox_stop(cancel, this.name, grace), options);
  }

  /** Ends the sandbox at once; TimedOutError if its end is not seen within 5 s. */
  async kill(options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.sandbox_kill(cancel, this.name, unset), options);
  }

  /** Ends the sandbox at once; TimedOutError if its end is not seen within `timeoutMs`. */
  async killWithTimeout(timeoutMs: number, options?: CallOptions): Promise<void> {
    const limit = duration(timeoutMs, "timeoutMs");
    await cancellable((native, cancel) => native.sandbox_kill(cancel, this.name, limit), options);
  }

  /** Commands that run may finish, new ones are refused; waits for the sandbox's end. */
  async drain(options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.sandbox_drain(cancel, this.name), options);
  }

  /** Asks the guest to end, without waiting; after 10 s it is killed. */
  async requestStop(): Promise<void> {
    await blocking((native) => native.sandbox_request_stop(this.name, unset));
  }

  /** Ends the sandbox at once, without waiting for that. */
  async requestKill(): Promise<void> {
    await blocking((native) => native.sandbox_request_kill(this.name));
  }

  /** Lets commands that run finish and refuses new ones, without waiting for the end. */
  async requestDrain(): Promise<void> {
    await blocking((native) => native.sandbox_request_drain(this.name));
  }

  /** Waits for the sandbox's end and never causes it. */
  async waitUntilStopped(options?: WaitOptions): Promise<SandboxStopResult> {
    const limit = timeout(options);
    const [json] = await cancellable(
      (native, cancel) => native.sandbox_wait_until_stopped(cancel, this.connection, this.name, limit),
      options,
    );
    const { name, status, exit_code, signal, observed_at_ms, source } = JSON.parse(json);
    return { name, status, exitCode: exit_code, signal, observedAt: new Date(observed_at_ms), source };
  }

  /** Asks the sandbox's agent for an answer: how long that took. Does not count as activity. */
  async ping(options?: CallOptions): Promise<{ name: string; latencyMs: number }> {
    const [json] = await cancellable((native, cancel) => native.sandbox_ping(cancel, this.name), options);
    const { name, latency_ms } = JSON.parse(json);
    return { name, latencyMs: latency_ms };
  }

  /** Starts the sandbox's idle time anew: the number of the activity. */
  async touch(options?: CallOptions): Promise<{ name: string; activitySeq: number }> {
    const [json] = await cancellable((native, cancel) => native.sandbox_touch(cancel, this.name), options);
    const { name, activity_seq } = JSON.parse(json);
    return { name, activitySeq: activity_seq };
  }

  /**
   * Changes the sandbox, also while it runs: flows that may not be any more end. The network is changed first, then
   * secrets, all of them or none, then the disk; after an error what is named behind it has not changed.
   */
  modify(change: ModifyOptions): Promise<Modified> {
    return modifySandbox(this.name, change);
  }

  /** Whether the sandbox may reach "HOST[:PORT[/tcp|udp]]", and why. Nothing is sent. */
  networkCheck(destination: string): Promise<NetworkVerdict> {
    return checkNetwork(this.name, destination);
  }

  /** What the sandbox's network did, oldest first. */
  networkLog(options?: NetworkLogOptions): Promise<NetworkEntry[]> {
    return readNetworkLog(this.name, options);
  }

  /** A policy, as a YAML document, that allows what was recorded and nothing else. */
  networkLearn(): Promise<string> {
    return learnNetwork(this.name);
  }

  /** What commands wrote, oldest first; also of a sandbox that is stopped. */
  logs(options?: LogReadOptions): Promise<LogEntry[]> {
    return readLogs(this.name, options);
  }

  /** What commands wrote, to be read entry by entry; also of a sandbox that is stopped. */
  logStream(options?: LogStreamOptions): Promise<LogStream> {
    return openLogStream(this.name, options);
  }

  /** What the sandbox uses, as it was sampled last. MetricsUnavailableError before the first sample, MetricsDisabledError if none are taken. */
  metrics(): Promise<SandboxMetrics> {
    return readMetrics(this.name);
  }

  /** The same, sample by sample, with at least so many milliseconds between, until the run is over. */
  metricsStream(intervalMs?: number): Promise<MetricsStream> {
    return openMetricsStream(this.name, intervalMs);
  }
}
