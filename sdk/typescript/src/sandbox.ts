import { SandboxBuilder } from "./builder.js";
import {
  type ConfigureExec,
  type ExecHandle,
  ExecOptionsBuilder,
  type ExecOutput,
  runCommand,
  startCommand,
} from "./exec.js";
import { InvalidHandleError } from "./errors.js";
import { SandboxFsOps } from "./fs.js";
import { type LogEntry, type LogReadOptions, type LogStream, type LogStreamOptions, openLogStream, readLogs } from "./logs.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import { type Pairs, duration, milliseconds, pairs, wholeNumber } from "./values.js";

export type SandboxStatus = "created" | "starting" | "running" | "draining" | "stopped" | "crashed";

/** As it is kept beside the sandbox. */
export type SandboxConfig = Readonly<Record<string, unknown>>;

export interface SandboxStopResult {
  readonly name: string;
  readonly status: SandboxStatus;
  readonly exitCode: number | null;
  readonly signal: number | null;
  readonly observedAt: Date;
  /** "process": from the end of a process of this program's; "state": from what is written down. */
  readonly source: "process" | "state";
}

export interface ConnectOptions extends CallOptions {
  /** 10 s if not given. */
  timeoutMs?: number;
}

export interface WaitOptions extends CallOptions {
  /** Then TimedOutError; without limit if not given. */
  timeoutMs?: number;
}

const unset = -1;

function timeout(options: { timeoutMs?: number } | undefined): number {
  return options?.timeoutMs === undefined ? unset : duration(options.timeoutMs, "timeoutMs");
}

interface NativeHandle {
  handle: number;
  name: string;
  owns_lifecycle: boolean;
  notices: string[];
}

/** @internal */
export function parseHandle(json: string): Sandbox {
  const result = JSON.parse(json) as NativeHandle;
  return new Sandbox(BigInt(result.handle), result.name, result.owns_lifecycle, result.notices);
}

/** What can be done with a sandbox by its name, whoever made it. */
abstract class NamedSandbox {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Of the connection, 0 without one. */
  protected abstract readonly connection: bigint | 0;

  /** Asks the guest to end, waits 10 s for that, and then kills it. Succeeds if it is stopped in the end. */
  async stop(options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.sandbox_stop(cancel, this.name, unset), options);
  }

  /** With another time between request and kill; 0 kills at once. */
  async stopWithTimeout(timeoutMs: number, options?: CallOptions): Promise<void> {
    const grace = duration(timeoutMs, "timeoutMs");
    await cancellable((native, cancel) => native.sandbox_stop(cancel, this.name, grace), options);
  }

  /** At once; TimedOutError if its end is not seen within 5 s. */
  async kill(options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.sandbox_kill(cancel, this.name, unset), options);
  }

  /** With another limit. */
  async killWithTimeout(timeoutMs: number, options?: CallOptions): Promise<void> {
    const limit = duration(timeoutMs, "timeoutMs");
    await cancellable((native, cancel) => native.sandbox_kill(cancel, this.name, limit), options);
  }

  /** Commands that run may finish, new ones are refused; waits for the end. */
  async drain(options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.sandbox_drain(cancel, this.name), options);
  }

  /** The same without waiting, as the two below. */
  async requestStop(): Promise<void> {
    await blocking((native) => native.sandbox_request_stop(this.name, unset));
  }

  async requestKill(): Promise<void> {
    await blocking((native) => native.sandbox_request_kill(this.name));
  }

  async requestDrain(): Promise<void> {
    await blocking((native) => native.sandbox_request_drain(this.name));
  }

  /** Waits for the end and never causes it. */
  async waitUntilStopped(options?: WaitOptions): Promise<SandboxStopResult> {
    const limit = timeout(options);
    const [json] = await cancellable(
      (native, cancel) => native.sandbox_wait_until_stopped(cancel, this.connection, this.name, limit),
      options,
    );
    const { name, status, exit_code, signal, observed_at_ms, source } = JSON.parse(json);
    return { name, status, exitCode: exit_code, signal, observedAt: new Date(observed_at_ms), source };
  }

  /** Whether the agent answers. Does not count as activity. */
  async ping(options?: CallOptions): Promise<{ name: string; latencyMs: number }> {
    const [json] = await cancellable((native, cancel) => native.sandbox_ping(cancel, this.name), options);
    const { name, latency_ms } = JSON.parse(json);
    return { name, latencyMs: latency_ms };
  }

  /** Starts the idle time anew. */
  async touch(options?: CallOptions): Promise<{ name: string; activitySeq: number }> {
    const [json] = await cancellable((native, cancel) => native.sandbox_touch(cancel, this.name), options);
    const { name, activity_seq } = JSON.parse(json);
    return { name, activitySeq: activity_seq };
  }

  /** What commands wrote, oldest first; also of a sandbox that is stopped. */
  logs(options?: LogReadOptions): Promise<LogEntry[]> {
    return readLogs(this.name, options);
  }

  logStream(options?: LogStreamOptions): Promise<LogStream> {
    return openLogStream(this.name, options);
  }
}

/**
 * A connection to a sandbox that runs. An attached one (made without `detached`) belongs to it: the sandbox stops
 * when it is closed, and when the process ends, however that ends.
 */
export class Sandbox extends NamedSandbox implements AsyncDisposable {
  /** For people: what isolates this sandbox, the first time it is less than the best. */
  readonly notices: readonly string[];
  readonly #handle: bigint;
  #owns: boolean;
  #closed = false;

  /** @internal */
  constructor(handle: bigint, name: string, owns: boolean, notices: readonly string[]) {
    super(name);
    this.#handle = handle;
    this.#owns = owns;
    this.notices = notices;
  }

  static builder(name: string): SandboxBuilder {
    return new SandboxBuilder(name);
  }

  static async get(name: string): Promise<SandboxHandle> {
    const [json] = await blocking((native) => native.sandbox_get(name));
    return new SandboxHandle(JSON.parse(json));
  }

  /** All sandboxes, newest first. */
  static list(): Promise<SandboxPage> {
    return listSandboxes(new SandboxListBuilder());
  }

  static listWith(configure: (list: SandboxListBuilder) => SandboxListBuilder): Promise<SandboxPage> {
    return listSandboxes(configure(new SandboxListBuilder()));
  }

  /** Starts a stopped one, attached. */
  static start(name: string, options?: CallOptions): Promise<Sandbox> {
    return startSandbox(name, false, options);
  }

  static startDetached(name: string, options?: CallOptions): Promise<Sandbox> {
    return startSandbox(name, true, options);
  }

  /** Removes a stopped one with all its state; `force` kills one that runs. */
  static async remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    await blocking((native) => native.sandbox_remove(name, JSON.stringify({ force: options.force ?? false })));
  }

  get ownsLifecycle(): boolean {
    return this.#owns && !this.#closed;
  }

  protected get connection(): bigint | 0 {
    return this.#closed ? 0 : this.#handle;
  }

  #open(): bigint {
    if (this.#closed)
      throw new InvalidHandleError({ kind: "invalid_handle", message: `sandbox "${this.name}" is closed here` });
    return this.#handle;
  }

  /** The guest's files. */
  fs(): SandboxFsOps {
    return new SandboxFsOps(() => this.#open());
  }

  async config(): Promise<SandboxConfig> {
    const [json] = await blocking((native) => native.sandbox_info(this.#open()));
    return JSON.parse(json).config;
  }

  /** An attached sandbox goes on without this object and process from now on. */
  async detach(): Promise<void> {
    await blocking((native) => native.sandbox_detach(this.#open()));
    this.#owns = false;
  }

  /** Ends its commands that still run. An attached sandbox is stopped, and waited for. */
  async close(options?: CallOptions): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await cancellable((native, cancel) => native.sandbox_close(cancel, this.#handle), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Runs a command and collects what it writes. No shell, no entrypoint. */
  async exec(command: string, args: Iterable<string> = [], options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), command, new ExecOptionsBuilder().args(args), options);
  }

  async execWith(command: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), command, configure(new ExecOptionsBuilder()), options);
  }

  /** Starts a command; its output comes as events. */
  async execStream(command: string, args: Iterable<string> = [], options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), command, new ExecOptionsBuilder().args(args), options);
  }

  async execStreamWith(command: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), command, configure(new ExecOptionsBuilder()), options);
  }

  /** A script for the sandbox's shell. */
  async shell(script: string, options?: CallOptions): Promise<ExecOutput> {
    return this.shellWith(script, (request) => request, options);
  }

  async shellWith(script: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), script, configure(new ExecOptionsBuilder()).shell(), options);
  }

  async shellStream(script: string, options?: CallOptions): Promise<ExecHandle> {
    return this.shellStreamWith(script, (request) => request, options);
  }

  async shellStreamWith(script: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), script, configure(new ExecOptionsBuilder()).shell(), options);
  }

  /** The sandbox's own command: its entrypoint and cmd. */
  async execDefault(options?: CallOptions): Promise<ExecOutput> {
    return this.execDefaultWith((request) => request, options);
  }

  async execDefaultWith(configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), null, configure(new ExecOptionsBuilder()), options);
  }

  async execDefaultStream(options?: CallOptions): Promise<ExecHandle> {
    return this.execDefaultStreamWith((request) => request, options);
  }

  async execDefaultStreamWith(configure: ConfigureExec, options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), null, configure(new ExecOptionsBuilder()), options);
  }
}

async function startSandbox(name: string, detached: boolean, options?: CallOptions): Promise<Sandbox> {
  const [json] = await cancellable(
    (native, cancel) => native.sandbox_start(cancel, name, JSON.stringify({ detached })),
    options,
  );
  return parseHandle(json);
}

interface NativeView {
  name: string;
  status: SandboxStatus;
  reason: string | null;
  detail: string | null;
  exit_code: number | null;
  engine: string | null;
  isolation: string | null;
  image: string;
  created_at_ms: number | null;
  started_at_ms: number | null;
  stopped_at_ms: number | null;
  updated_at_ms: number | null;
  config: SandboxConfig;
}

/** A sandbox that was looked up: how it was then, and what can be done with it. */
export class SandboxHandle extends NamedSandbox {
  #view: NativeView;

  /** @internal */
  constructor(view: NativeView) {
    super(view.name);
    this.#view = view;
  }

  protected readonly connection = 0;

  get status(): SandboxStatus {
    return this.#view.status;
  }
  /** Why it is so. */
  get statusReason(): string | null {
    return this.#view.reason;
  }
  get statusDetail(): string | null {
    return this.#view.detail;
  }
  get exitCode(): number | null {
    return this.#view.exit_code;
  }
  get engine(): string | null {
    return this.#view.engine;
  }
  get isolation(): string | null {
    return this.#view.isolation;
  }
  get image(): string {
    return this.#view.image;
  }
  get createdAt(): Date | null {
    return milliseconds(this.#view.created_at_ms);
  }
  get startedAt(): Date | null {
    return milliseconds(this.#view.started_at_ms);
  }
  get stoppedAt(): Date | null {
    return milliseconds(this.#view.stopped_at_ms);
  }
  get updatedAt(): Date | null {
    return milliseconds(this.#view.updated_at_ms);
  }
  config(): SandboxConfig {
    return this.#view.config;
  }

  /** Looks it up again. */
  async refresh(): Promise<this> {
    const [json] = await blocking((native) => native.sandbox_get(this.name));
    this.#view = JSON.parse(json);
    return this;
  }

  /** To one that runs, or is coming up. The connection does not own it. */
  async connect(options?: ConnectOptions): Promise<Sandbox> {
    const limit = timeout(options);
    const [json] = await cancellable((native, cancel) => native.sandbox_connect(cancel, this.name, limit), options);
    return parseHandle(json);
  }

  start(options?: CallOptions): Promise<Sandbox> {
    return Sandbox.start(this.name, options);
  }

  startDetached(options?: CallOptions): Promise<Sandbox> {
    return Sandbox.startDetached(this.name, options);
  }

  remove(options?: { force?: boolean }): Promise<void> {
    return Sandbox.remove(this.name, options);
  }
}

/** Changes itself and returns itself. */
export class SandboxListBuilder {
  readonly #options: { labels?: Record<string, string>; limit?: number; cursor?: string } = {};

  /** All labels that are given must match. */
  label(key: string, value: string): this {
    (this.#options.labels ??= {})[key] = value;
    return this;
  }
  labels(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.label(key, value);
    return this;
  }
  /** Of one page: 1 to 100; everything if not given. */
  limit(limit: number): this {
    this.#options.limit = wholeNumber(limit, "limit");
    return this;
  }
  /** SandboxPage.nextCursor of the page before. */
  cursor(cursor: string): this {
    this.#options.cursor = cursor;
    return this;
  }

  /** @internal */
  json(): string {
    return JSON.stringify(this.#options);
  }
}

export class SandboxPage implements Iterable<SandboxHandle> {
  readonly sandboxes: readonly SandboxHandle[];
  readonly nextCursor: string | null;
  /** What is wrong with those that cannot be shown. */
  readonly damaged: readonly string[];

  /** @internal */
  constructor(page: { sandboxes: NativeView[]; next_cursor: string | null; damaged: string[] }) {
    this.sandboxes = page.sandboxes.map((view) => new SandboxHandle(view));
    this.nextCursor = page.next_cursor;
    this.damaged = page.damaged;
  }

  [Symbol.iterator](): Iterator<SandboxHandle> {
    return this.sandboxes[Symbol.iterator]();
  }
}

async function listSandboxes(list: SandboxListBuilder): Promise<SandboxPage> {
  const [json] = await blocking((native) => native.sandbox_list(list.json()));
  return new SandboxPage(JSON.parse(json));
}
