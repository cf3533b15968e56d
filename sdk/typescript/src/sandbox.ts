import { AttachOptionsBuilder, type ConfigureAttach, attachCommand } from "./attach.js";
import { SandboxSettings } from "./builder.js";
import { InvalidHandleError } from "./errors.js";
import {
  type ConfigureExec,
  type ExecHandle,
  ExecOptionsBuilder,
  type ExecOutput,
  runCommand,
  startCommand,
} from "./exec.js";
import { SandboxFsOps } from "./fs.js";
import { SandboxSshOps } from "./ssh.js";
import { type ConnectOptions, NamedSandbox, type SandboxStatus, timeout } from "./named.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import { type CopyOptions, PullProgressSession, reporting } from "./progress.js";
import type { NativeForkOptions, NativeListOptions, PortProtocol } from "./tables.js";
import { type Pairs, milliseconds, pairs, text, texts, wholeNumber } from "./values.js";

/** How a sandbox was made, as it is kept beside the sandbox. */
export type SandboxConfig = Readonly<Record<string, unknown>>;

interface NativeHandle {
  handle: number;
  name: string;
  owns_lifecycle: boolean;
  notices: string[];
}

/** How sandboxes are forked. */
export interface ForkOptions extends CopyOptions {
  /** They go on without objects and process. */
  detached?: boolean;
  /** A source that runs may be kept from writing to its disk for as long as copying takes, where that is more than a moment. */
  copyWhileFrozen?: boolean;
}

/** What can be made of a sandbox by its name. */
abstract class ForkableSandbox extends NamedSandbox {
  /**
   * Makes and starts a sandbox that begins with the disk of this one as it is at one moment, and is like it but for the
   * ports that it publishes. SandboxAlreadyExistsError, BootStartError; SandboxStillRunningError if this one runs and
   * copying its disk takes more than a moment, unless `copyWhileFrozen`.
   */
  async fork(name: string, options?: ForkOptions): Promise<Sandbox> {
    const [made] = await this.forkMany([name], options);
    return made!;
  }

  /** fork() for several sandboxes that begin with the disk of one moment: all of them or none. */
  async forkMany(names: Iterable<string>, options: ForkOptions = {}): Promise<Sandbox[]> {
    const native: NativeForkOptions = {
      names: texts(names, "names"),
      detached: options.detached,
      copy_while_frozen: options.copyWhileFrozen,
    };
    const request = JSON.stringify(native);
    const [json] = await reporting(options, (progress) =>
      cancellable((native, cancel) => native.sandbox_fork(cancel, progress, this.name, request), options),
    );
    return (JSON.parse(json) as NativeHandle[]).map(connected);
  }
}

function parseHandle(json: string): Sandbox {
  return connected(JSON.parse(json) as NativeHandle);
}

function connected(result: NativeHandle): Sandbox {
  return new Sandbox(BigInt(result.handle), result.name, result.owns_lifecycle, result.notices);
}

/**
 * A connection to a sandbox that runs. An attached one (made without `detached`) belongs to it: the sandbox stops
 * when it is closed, and when the process ends, however that ends.
 */
export class Sandbox extends ForkableSandbox implements AsyncDisposable {
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

  /** A sandbox that is to be made: set what it is to be, then SandboxBuilder.create(). */
  static builder(name: string): SandboxBuilder {
    return new SandboxBuilder(name);
  }

  /** Looks a sandbox up by its name. SandboxNotFoundError if there is none. */
  static async get(name: string): Promise<SandboxHandle> {
    const [json] = await blocking((native) => native.sandbox_get(name));
    return new SandboxHandle(JSON.parse(json));
  }

  /** All sandboxes, newest first. */
  static list(): Promise<SandboxPage> {
    return listSandboxes(new SandboxListBuilder());
  }

  /** Some sandboxes, newest first: `configure` says which, and how many at a time. */
  static listWith(configure: (list: SandboxListBuilder) => SandboxListBuilder): Promise<SandboxPage> {
    return listSandboxes(configure(new SandboxListBuilder()));
  }

  /** Starts a stopped sandbox; it stops when what this gives is closed. SandboxNotFoundError, BootStartError. */
  static start(name: string, options?: CallOptions): Promise<Sandbox> {
    return startSandbox(name, false, options);
  }

  /** Starts a stopped sandbox, which goes on without handle and process. SandboxNotFoundError, BootStartError. */
  static startDetached(name: string, options?: CallOptions): Promise<Sandbox> {
    return startSandbox(name, true, options);
  }

  /** Deletes a stopped sandbox and all it has kept; `force` kills it first. SandboxStillRunningError. */
  static async remove(name: string, options: { force?: boolean } = {}): Promise<void> {
    await blocking((native) => native.sandbox_remove(name, JSON.stringify({ force: options.force ?? false })));
  }

  /** Whether the sandbox stops when this object is closed. */
  get ownsLifecycle(): boolean {
    return this.#owns && !this.#closed;
  }

  /** @internal */
  protected get connection(): bigint | 0 {
    return this.#closed ? 0 : this.#handle;
  }

  #open(): bigint {
    if (this.#closed)
      throw new InvalidHandleError({ kind: "invalid_handle", message: `sandbox "${this.name}" is closed here` });
    return this.#handle;
  }

  /** The files of the guest, as its root sees them. */
  fs(): SandboxFsOps {
    return new SandboxFsOps(() => this.#open());
  }

  /** SSH for the sandbox. */
  ssh(): SandboxSshOps {
    return new SandboxSshOps(this, () => this.#open());
  }

  /** How the sandbox was made. */
  async config(): Promise<SandboxConfig> {
    const [json] = await blocking((native) => native.sandbox_info(this.#open()));
    return JSON.parse(json).config;
  }

  /** An attached sandbox goes on without this object and process from now on. */
  async detach(): Promise<void> {
    await blocking((native) => native.sandbox_detach(this.#open()));
    this.#owns = false;
  }

  /** Closes the connection. An attached sandbox is stopped, and waited for. */
  async close(options?: CallOptions): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await cancellable((native, cancel) => native.sandbox_close(cancel, this.#handle), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Runs a program, without a shell, and collects what it writes. One that ran and ended in failure is a result.
   * ExecFailedError if it could not start, SessionLostError if the sandbox ended before it, LimitExceededError if it
   * wrote too much.
   */
  async exec(command: string, args: Iterable<string> = [], options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), command, new ExecOptionsBuilder().args(args), options);
  }

  /** Runs a program as exec() does; `configure` sets how: arguments, input, a time limit, ... */
  async execWith(command: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), command, configure(new ExecOptionsBuilder()), options);
  }

  /** Starts a program, without a shell; what it does comes as events. */
  async execStream(command: string, args: Iterable<string> = [], options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), command, new ExecOptionsBuilder().args(args), options);
  }

  /** Starts a program as execStream() does; `configure` sets how: arguments, a pipe for input, a terminal, ... */
  async execStreamWith(command: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), command, configure(new ExecOptionsBuilder()), options);
  }

  /** Runs a script of the sandbox's shell, and collects what it writes. Fails as exec() does. */
  async shell(script: string, options?: CallOptions): Promise<ExecOutput> {
    return this.shellWith(script, (request) => request, options);
  }

  /** Runs a script as shell() does; `configure` sets how: arguments ($1, ...), input, a time limit, ... */
  async shellWith(script: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), script, configure(new ExecOptionsBuilder()).shell(), options);
  }

  /** Starts a script of the sandbox's shell; what it does comes as events. */
  async shellStream(script: string, options?: CallOptions): Promise<ExecHandle> {
    return this.shellStreamWith(script, (request) => request, options);
  }

  /** Starts a script as shellStream() does; `configure` sets how: arguments, a pipe for input, a terminal, ... */
  async shellStreamWith(script: string, configure: ConfigureExec, options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), script, configure(new ExecOptionsBuilder()).shell(), options);
  }

  /** Runs the sandbox's own command, its entrypoint and cmd. NoDefaultCommandError if it has neither. */
  async execDefault(options?: CallOptions): Promise<ExecOutput> {
    return this.execDefaultWith((request) => request, options);
  }

  /** Runs the sandbox's own command as execDefault() does; `configure` sets how: input, a time limit, ... */
  async execDefaultWith(configure: ConfigureExec, options?: CallOptions): Promise<ExecOutput> {
    return runCommand(this.#open(), null, configure(new ExecOptionsBuilder()), options);
  }

  /** Starts the sandbox's own command, its entrypoint and cmd; what it does comes as events. */
  async execDefaultStream(options?: CallOptions): Promise<ExecHandle> {
    return this.execDefaultStreamWith((request) => request, options);
  }

  /** Starts the sandbox's own command; `configure` sets how: a pipe for input, a terminal, ... */
  async execDefaultStreamWith(configure: ConfigureExec, options?: CallOptions): Promise<ExecHandle> {
    return startCommand(this.#open(), null, configure(new ExecOptionsBuilder()), options);
  }

  /**
   * Runs a program, without a shell, with the terminal, stdin and stdout of this process, which is in raw mode
   * meanwhile: nothing else may read stdin. The exit code as a shell has it, or -1 if the detach keys were pressed: the
   * command goes on then, and `msb attach` comes back to it. InvalidArgumentError where stdin is no terminal.
   */
  async attach(command: string, args: Iterable<string> = [], options?: CallOptions): Promise<number> {
    return attachCommand(this.#open(), command, new AttachOptionsBuilder().args(args), options);
  }

  /** Runs a program as attach() does; `configure` sets how: arguments, its user, detach keys, ... */
  async attachWith(command: string, configure: ConfigureAttach, options?: CallOptions): Promise<number> {
    return attachCommand(this.#open(), command, configure(new AttachOptionsBuilder()), options);
  }

  /** Runs the sandbox's shell as attach() does a program. */
  async attachShell(options?: CallOptions): Promise<number> {
    return this.attachShellWith((request) => request, options);
  }

  /** Runs the sandbox's shell as attach() does a program; `configure` sets how: its user, detach keys, ... */
  async attachShellWith(configure: ConfigureAttach, options?: CallOptions): Promise<number> {
    return attachCommand(this.#open(), null, configure(new AttachOptionsBuilder()).shell(), options);
  }

  /** Runs the sandbox's own command as attach() does a program. NoDefaultCommandError if it has none. */
  async attachDefault(options?: CallOptions): Promise<number> {
    return this.attachDefaultWith((request) => request, options);
  }

  /** Runs the sandbox's own command as attach() does a program; `configure` sets how: its user, detach keys, ... */
  async attachDefaultWith(configure: ConfigureAttach, options?: CallOptions): Promise<number> {
    return attachCommand(this.#open(), null, configure(new AttachOptionsBuilder()), options);
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
  ports: { bind: string; host_port: number; guest_port: number; protocol: PortProtocol }[];
  created_at_ms: number | null;
  started_at_ms: number | null;
  stopped_at_ms: number | null;
  updated_at_ms: number | null;
  config: SandboxConfig;
}

/** A port of the host that leads to one of the guest's. */
export interface PublishedPort {
  readonly bind: string;
  readonly hostPort: number;
  readonly guestPort: number;
  readonly protocol: PortProtocol;
}

/** A sandbox that was looked up: how it was then, and what can be done with it. */
export class SandboxHandle extends ForkableSandbox {
  #view: NativeView;

  /** @internal */
  constructor(view: NativeView) {
    super(view.name);
    this.#view = view;
  }

  /** @internal */
  protected readonly connection = 0;

  /** What the sandbox was doing. */
  get status(): SandboxStatus {
    return this.#view.status;
  }
  /** Why it has its status, in a word. */
  get statusReason(): string | null {
    return this.#view.reason;
  }
  /** Why it has its status, in a sentence for people. */
  get statusDetail(): string | null {
    return this.#view.detail;
  }
  /** What the sandbox's own command ended with, if it had one. */
  get exitCode(): number | null {
    return this.#view.exit_code;
  }
  /** What runs the guest, or ran it last: "uml". */
  get engine(): string | null {
    return this.#view.engine;
  }
  /** The boundary between guest and host in its present or last run: "user-mode" or "hardware". */
  get isolation(): string | null {
    return this.#view.isolation;
  }
  /** The published ports, with those of the host as they were, while it ran, when it was looked up. */
  get ports(): PublishedPort[] {
    return this.#view.ports.map(({ bind, host_port, guest_port, protocol }) => ({
      bind,
      hostPort: host_port,
      guestPort: guest_port,
      protocol,
    }));
  }
  /** The reference of its image. */
  get image(): string {
    return this.#view.image;
  }
  /** When the sandbox was made. */
  get createdAt(): Date | null {
    return milliseconds(this.#view.created_at_ms);
  }
  /** When it was started last, if it ever was. */
  get startedAt(): Date | null {
    return milliseconds(this.#view.started_at_ms);
  }
  /** When it stopped last, if it ever did. */
  get stoppedAt(): Date | null {
    return milliseconds(this.#view.stopped_at_ms);
  }
  /** When its status changed last. */
  get updatedAt(): Date | null {
    return milliseconds(this.#view.updated_at_ms);
  }
  /** How the sandbox was made. */
  config(): SandboxConfig {
    return this.#view.config;
  }

  /** Looks the sandbox up again. SandboxNotFoundError if it is gone. */
  async refresh(): Promise<this> {
    const [json] = await blocking((native) => native.sandbox_get(this.name));
    this.#view = JSON.parse(json);
    return this;
  }

  /** Connects to the sandbox if it runs or is coming up, without owning its life. SandboxNotRunningError. */
  async connect(options?: ConnectOptions): Promise<Sandbox> {
    const limit = timeout(options);
    const [json] = await cancellable((native, cancel) => native.sandbox_connect(cancel, this.name, limit), options);
    return parseHandle(json);
  }

  /** Starts the stopped sandbox; it stops when what this gives is closed. */
  start(options?: CallOptions): Promise<Sandbox> {
    return Sandbox.start(this.name, options);
  }

  /** Starts the stopped sandbox, which goes on without handle and process. */
  startDetached(options?: CallOptions): Promise<Sandbox> {
    return Sandbox.startDetached(this.name, options);
  }

  /** Deletes the stopped sandbox and all it has kept; `force` kills it first. */
  remove(options?: { force?: boolean }): Promise<void> {
    return Sandbox.remove(this.name, options);
  }
}

/** Which sandboxes. Each method changes the builder and returns it. */
export class SandboxListBuilder {
  readonly #options: NativeListOptions = {};

  /** One more label that they all have. */
  label(key: string, value: string): this {
    (this.#options.labels ??= {})[key] = value;
    return this;
  }
  /** More labels that they all have. */
  labels(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.label(key, value);
    return this;
  }
  /** The size of a page, 1 to 100; everything if not given. */
  limit(limit: number): this {
    this.#options.limit = wholeNumber(limit, "limit");
    return this;
  }
  /** Goes on behind a page: its SandboxPage.nextCursor. */
  cursor(cursor: string): this {
    this.#options.cursor = cursor;
    return this;
  }

  /** @internal */
  json(): string {
    return JSON.stringify(this.#options);
  }
}

/** A part of the list of sandboxes, newest first. */
export class SandboxPage implements Iterable<SandboxHandle> {
  /** The sandboxes. */
  readonly sandboxes: readonly SandboxHandle[];
  /** What SandboxListBuilder.cursor() takes for the next page; null if there is none. */
  readonly nextCursor: string | null;
  /** What is wrong with sandboxes that cannot be shown. */
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

/** A sandbox that is to be made: Sandbox.builder(). */
export class SandboxBuilder extends SandboxSettings {
  readonly #name: string;

  /** @internal */
  constructor(name: string) {
    super();
    this.#name = name;
  }

  /**
   * Makes the sandbox and starts it. SandboxAlreadyExistsError, InvalidConfigError, ImageNotFoundError,
   * ImagePullFailedError, BootStartError, ...
   */
  create(options?: CallOptions): Promise<Sandbox> {
    return this.#create(0, options);
  }

  /** Makes the sandbox as create() does, and reports how the pull of its image goes on. */
  async createWithPullProgress(options?: CallOptions): Promise<PullProgressCreate> {
    return new PullProgressCreate((progress) => this.#create(progress, options));
  }

  async #create(progress: bigint | 0, options?: CallOptions): Promise<Sandbox> {
    const request = this.json();
    const [json] = await cancellable(
      (native, cancel) => native.sandbox_create(cancel, progress, text(this.#name, "name"), request),
      options,
    );
    return parseHandle(json);
  }
}

/** A sandbox that is being made. */
export class PullProgressCreate extends PullProgressSession<Sandbox> {
  /** The sandbox, when it runs. */
  awaitSandbox(): Promise<Sandbox> {
    return this.outcome;
  }
}
