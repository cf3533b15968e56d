import { CancelledError, ExecFailedError, InvalidHandleError, type ErrorDetails } from "./errors.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import { type Pairs, Turns, bytes, duration, pairs, text, texts, wholeNumber } from "./values.js";

export interface Rlimit {
  readonly resource: string;
  readonly soft: number;
  readonly hard: number;
}

export function makeRlimit(resource: string, soft: number, hard: number): Rlimit {
  return { resource: text(resource, "resource"), soft: wholeNumber(soft, resource), hard: wholeNumber(hard, resource) };
}

/** As the C ABI has them. */
interface NativeExecOptions {
  args?: string[];
  shell?: boolean;
  env?: Record<string, string>;
  cwd?: string;
  user?: string;
  timeout_ms?: number;
  tty?: boolean;
  rows?: number;
  cols?: number;
  stdin?: boolean;
  rlimits?: Rlimit[];
  max_output_bytes?: number;
}

/** What is particular to one command; changes itself and returns itself. */
export class ExecOptionsBuilder {
  readonly #options: NativeExecOptions = {};
  #input: Uint8Array | null = null;

  arg(value: string): this {
    return this.args([value]);
  }
  args(values: Iterable<string>): this {
    (this.#options.args ??= []).push(...texts(values, "args"));
    return this;
  }
  cwd(path: string): this {
    this.#options.cwd = path;
    return this;
  }
  user(user: string): this {
    this.#options.user = user;
    return this;
  }
  /** Over the sandbox's own. */
  env(key: string, value: string): this {
    (this.#options.env ??= {})[key] = text(value, key);
    return this;
  }
  envs(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.env(key, value);
    return this;
  }
  /** It is killed with all it started when this many milliseconds are over: ExecTimeoutError. */
  timeout(ms: number): this {
    this.#options.timeout_ms = duration(ms, "timeout");
    return this;
  }
  /** The default: an empty input. */
  stdinNull(): this {
    delete this.#options.stdin;
    this.#input = null;
    return this;
  }
  /** An open input, for ExecHandle.takeStdin(); only for streams. */
  stdinPipe(): this {
    this.#options.stdin = true;
    this.#input = null;
    return this;
  }
  stdinBytes(data: Uint8Array | string): this {
    delete this.#options.stdin;
    this.#input = bytes(data);
    return this;
  }
  /** A terminal: everything it writes is stdout. */
  tty(enabled: boolean, size?: { rows: number; cols: number }): this {
    this.#options.tty = enabled;
    if (size) Object.assign(this.#options, { rows: size.rows, cols: size.cols });
    return this;
  }
  rlimit(resource: string, limit: number): this {
    return this.rlimitRange(resource, limit, limit);
  }
  rlimitRange(resource: string, soft: number, hard: number): this {
    (this.#options.rlimits ??= []).push(makeRlimit(resource, soft, hard));
    return this;
  }
  /** Of collected output: more is LimitExceededError; 256 MiB if not given. */
  maxOutputBytes(size: number): this {
    this.#options.max_output_bytes = wholeNumber(size, "maxOutputBytes");
    return this;
  }

  /** @internal */
  shell(): this {
    this.#options.shell = true;
    return this;
  }
  /** @internal */
  get input(): Uint8Array | null {
    return this.#input;
  }
  /** @internal */
  get piped(): boolean {
    return this.#options.stdin === true;
  }
  /** @internal */
  json(): string {
    return JSON.stringify(this.#options);
  }
}

export type ConfigureExec = (options: ExecOptionsBuilder) => ExecOptionsBuilder;

export interface ExitStatus {
  /** As a shell has it: 128 and the signal's number if it died of one. */
  readonly code: number;
  readonly success: boolean;
  readonly signal: number | null;
}

function exitStatus(result: { exit_code: number; signal: number | null }): ExitStatus {
  return { code: result.exit_code, success: result.exit_code === 0, signal: result.signal };
}

/** Of a command that has ended. */
export class ExecOutput {
  readonly status: ExitStatus;
  readonly #stdout: Uint8Array;
  readonly #stderr: Uint8Array;

  /** @internal */
  constructor(result: string, stdout: Uint8Array | null, stderr: Uint8Array | null) {
    this.status = exitStatus(JSON.parse(result));
    this.#stdout = stdout ?? new Uint8Array();
    this.#stderr = stderr ?? new Uint8Array();
  }

  get code(): number {
    return this.status.code;
  }
  get success(): boolean {
    return this.status.success;
  }
  /** As text; bytes that are not UTF-8 are replaced. */
  stdout(): string {
    return new TextDecoder().decode(this.#stdout);
  }
  stderr(): string {
    return new TextDecoder().decode(this.#stderr);
  }
  stdoutBytes(): Uint8Array {
    return this.#stdout;
  }
  stderrBytes(): Uint8Array {
    return this.#stderr;
  }
}

export type ExecEvent =
  | { readonly kind: "started"; readonly pid: number }
  | { readonly kind: "stdout"; readonly data: Uint8Array }
  | { readonly kind: "stderr"; readonly data: Uint8Array }
  /** It does not take more input, and goes on. */
  | {
      readonly kind: "stdin_error";
      readonly errno: number | null;
      readonly errnoName: string | null;
      readonly message: string;
    }
  /** The last one, unless it did not start: */
  | { readonly kind: "exited"; readonly code: number; readonly signal: number | null }
  | { readonly kind: "failed"; readonly error: ExecFailedError };

interface NativeEvent extends Omit<ErrorDetails, "kind"> {
  event: ExecEvent["kind"] | "done";
  pid: number;
  exit_code: number;
  signal: number | null;
}

function execEvent(event: NativeEvent, data: Uint8Array | null): ExecEvent | null {
  switch (event.event) {
    case "started":
      return { kind: "started", pid: event.pid };
    case "stdout":
    case "stderr":
      return { kind: event.event, data: data ?? new Uint8Array() };
    case "stdin_error":
      return {
        kind: "stdin_error",
        errno: event.errno ?? null,
        errnoName: event.errno_name ?? null,
        message: event.message,
      };
    case "exited":
      return { kind: "exited", code: event.exit_code, signal: event.signal };
    case "failed":
      return { kind: "failed", error: new ExecFailedError({ ...event, kind: "exec_failed" }) };
    case "done":
      return null;
  }
}

/** A command that runs. What it writes is held up, as by a pipe, while nobody receives it. */
export class ExecHandle implements AsyncIterable<ExecEvent>, AsyncDisposable {
  readonly #exec: bigint;
  readonly #receiving = new Turns();
  #stdin: ExecSink | null;
  #end: Extract<ExecEvent, { kind: "exited" | "failed" }> | null = null;
  #closed = false;

  /** @internal */
  constructor(exec: bigint, piped: boolean) {
    this.#exec = exec;
    this.#stdin = piped ? new ExecSink(() => this.#open()) : null;
  }

  #open(): bigint {
    if (this.#closed)
      throw new InvalidHandleError({ kind: "invalid_handle", message: "the command's handle is closed" });
    return this.#exec;
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await blocking((native) => native.exec_close(this.#exec));
  }

  /** After any failure but that of being aborted, nothing more comes. */
  async #closedByFailure<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (!(error instanceof CancelledError)) await this.#close();
      throw error;
    }
  }

  /** The next event; null after the last. */
  recv(options?: CallOptions): Promise<ExecEvent | null> {
    return this.#receiving.take(async () => {
      if (this.#closed) return null;
      const [text, data] = await this.#closedByFailure(
        cancellable((native, cancel) => native.exec_recv(cancel, this.#exec), options),
      );
      const event = execEvent(JSON.parse(text), data);
      if (event === null) await this.#close();
      else if (event.kind === "exited" || event.kind === "failed") this.#end = event;
      return event;
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExecEvent, void, undefined> {
    for (let event = await this.recv(); event !== null; event = await this.recv()) yield event;
  }

  /** Receives the rest of the events, and keeps nothing of them. */
  async wait(options?: CallOptions): Promise<ExitStatus> {
    while ((await this.recv(options)) !== null);
    if (this.#end === null) this.#open();
    if (this.#end?.kind === "exited") return exitStatus({ exit_code: this.#end.code, signal: this.#end.signal });
    throw this.#end!.error;
  }

  /** The rest of the output, and the end. */
  collect(options?: CallOptions): Promise<ExecOutput> {
    return this.#receiving.take(async () => {
      const collected = await this.#closedByFailure(
        cancellable((native, cancel) => native.exec_collect(cancel, this.#open(), null), options),
      );
      const output = new ExecOutput(...collected);
      await this.#close();
      return output;
    });
  }

  /** Its input, if it was started with a pipe; null from the second time on. */
  takeStdin(): ExecSink | null {
    const sink = this.#stdin;
    this.#stdin = null;
    return sink;
  }

  /** To all that the command started. */
  async signal(signal: number, options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.exec_signal(cancel, this.#open(), signal), options);
  }

  async kill(options?: CallOptions): Promise<void> {
    await this.signal(9, options);
  }

  /** Of its terminal. */
  async resize(rows: number, cols: number, options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.exec_resize(cancel, this.#open(), rows, cols), options);
  }

  /** Ends a command that still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}

/** The input of a command. */
export class ExecSink implements AsyncDisposable {
  readonly #exec: () => bigint;
  readonly #writing = new Turns();
  #closed = false;

  /** @internal */
  constructor(exec: () => bigint) {
    this.#exec = exec;
  }

  /** Returns when there is room for more: the output has to be received meanwhile. */
  async write(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    const content = bytes(data).slice();
    await this.#writing.take(() =>
      cancellable((native, cancel) => native.exec_stdin_write(cancel, this.#exec(), content), options),
    );
  }

  /** After what was written. A command that has ended needs no end of input. */
  async close(options?: CallOptions): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#writing
      .take(() => cancellable((native, cancel) => native.exec_stdin_close(cancel, this.#exec()), options))
      .catch((error: unknown) => {
        if (!(error instanceof InvalidHandleError)) throw error;
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** @internal Collected; `command` null is the sandbox's own. */
export async function runCommand(
  sandbox: bigint,
  command: string | null,
  request: ExecOptionsBuilder,
  options?: CallOptions,
): Promise<ExecOutput> {
  const collected = await cancellable(
    (native, cancel) => native.sandbox_exec(cancel, sandbox, command, request.json(), request.input),
    options,
  );
  return new ExecOutput(...collected);
}

/** @internal */
export async function startCommand(
  sandbox: bigint,
  command: string | null,
  request: ExecOptionsBuilder,
  options?: CallOptions,
): Promise<ExecHandle> {
  const settings = request.json();
  const [exec] = await cancellable(
    (native, cancel) => native.sandbox_exec_stream(cancel, sandbox, command, settings, request.input),
    options,
  );
  return new ExecHandle(exec, request.piped);
}
