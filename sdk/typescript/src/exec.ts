import { CancelledError, ExecFailedError, InvalidHandleError, type ErrorDetails } from "./errors.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import { CommandSettings, addArguments } from "./settings.js";
import type { ExecEventName, NativeExecOptions } from "./tables.js";
import { Turns, bytes, duration, wholeNumber } from "./values.js";

/** How a command is run. Each method changes the builder and returns it. */
export class ExecOptionsBuilder extends CommandSettings<NativeExecOptions> {
  #input: Uint8Array | null = null;

  constructor() {
    super({});
  }

  /** One more argument. */
  arg(value: string): this {
    return this.args([value]);
  }
  /** More arguments. */
  args(values: Iterable<string>): this {
    addArguments(this.options, values);
    return this;
  }
  /** The command's working directory. */
  cwd(path: string): this {
    this.options.cwd = path;
    return this;
  }
  /** Kills the command, with all it started, after this many milliseconds: ExecTimeoutError. */
  timeout(ms: number): this {
    this.options.timeout_ms = duration(ms, "timeout");
    return this;
  }
  /** Gives the command an empty input, which is the default. */
  stdinNull(): this {
    delete this.options.stdin;
    this.#input = null;
    return this;
  }
  /** Lets a command that is streamed be written to: ExecHandle.takeStdin(). */
  stdinPipe(): this {
    this.options.stdin = true;
    this.#input = null;
    return this;
  }
  /** Gives the command this input, of any size. */
  stdinBytes(data: Uint8Array | string): this {
    delete this.options.stdin;
    this.#input = bytes(data);
    return this;
  }
  /** Gives the command a terminal, 24 by 80 if not said otherwise; everything it writes is stdout. */
  tty(enabled: boolean, size?: { rows: number; cols: number }): this {
    this.options.tty = enabled;
    if (size) Object.assign(this.options, { rows: size.rows, cols: size.cols });
    return this;
  }
  /** LimitExceededError if a command whose output is collected writes more; 256 MiB if not given. */
  maxOutputBytes(size: number): this {
    this.options.max_output_bytes = wholeNumber(size, "maxOutputBytes");
    return this;
  }

  /** @internal */
  shell(): this {
    this.options.shell = true;
    return this;
  }
  /** @internal */
  get input(): Uint8Array | null {
    return this.#input;
  }
  /** @internal */
  get piped(): boolean {
    return this.options.stdin === true;
  }
}

/** Sets how a command is run. */
export type ConfigureExec = (options: ExecOptionsBuilder) => ExecOptionsBuilder;

/** How a command ended. */
export interface ExitStatus {
  /** The exit code as a shell has it: 128 and the signal's number if a signal ended the command. */
  readonly code: number;
  /** Whether the code is 0. */
  readonly success: boolean;
  /** The signal that ended the command, if one did. */
  readonly signal: number | null;
}

function exitStatus(result: { exit_code: number; signal: number | null }): ExitStatus {
  return { code: result.exit_code, success: result.exit_code === 0, signal: result.signal };
}

/** What a command wrote and how it ended. */
export class ExecOutput {
  /** How it ended. */
  readonly status: ExitStatus;
  readonly #stdout: Uint8Array;
  readonly #stderr: Uint8Array;

  /** @internal */
  constructor(result: string, stdout: Uint8Array | null, stderr: Uint8Array | null) {
    this.status = exitStatus(JSON.parse(result));
    this.#stdout = stdout ?? new Uint8Array();
    this.#stderr = stderr ?? new Uint8Array();
  }

  /** The exit code as a shell has it: 128 and the signal's number if a signal ended the command. */
  get code(): number {
    return this.status.code;
  }
  /** Whether the code is 0. */
  get success(): boolean {
    return this.status.success;
  }
  /** The output as text; bytes that are not UTF-8 are replaced. */
  stdout(): string {
    return new TextDecoder().decode(this.#stdout);
  }
  /** The error output as text; bytes that are not UTF-8 are replaced. */
  stderr(): string {
    return new TextDecoder().decode(this.#stderr);
  }
  /** The output as it came. */
  stdoutBytes(): Uint8Array {
    return this.#stdout;
  }
  /** The error output as it came. */
  stderrBytes(): Uint8Array {
    return this.#stderr;
  }
}

/** Something that a command did. */
export type ExecEvent =
  /** It runs; its process id in the guest. */
  | { readonly kind: "started"; readonly pid: number }
  /** It wrote to its standard output, or to its terminal. */
  | { readonly kind: "stdout"; readonly data: Uint8Array }
  /** It wrote to its standard error. */
  | { readonly kind: "stderr"; readonly data: Uint8Array }
  /** It takes no more input, and goes on. */
  | {
      readonly kind: "stdin_error";
      readonly errno: number | null;
      readonly errnoName: string | null;
      readonly message: string;
    }
  /** It ended: the last event, unless it failed. */
  | { readonly kind: "exited"; readonly code: number; readonly signal: number | null }
  /** It could not start: the last event. */
  | { readonly kind: "failed"; readonly error: ExecFailedError };

interface NativeEvent extends Omit<ErrorDetails, "kind"> {
  event: ExecEventName;
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

/**
 * A command that runs. Its input and output move only while a call of this package waits for it: a program that does not
 * receive its events holds the command up, as a pipe does.
 */
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

  /** The next event; null after the last. A call that is aborted loses nothing. ExecTimeoutError, SessionLostError. */
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

  /** Waits for the command's end and drops what it still writes. ExecFailedError if it could not start. */
  async wait(options?: CallOptions): Promise<ExitStatus> {
    while ((await this.recv(options)) !== null);
    if (this.#end === null) this.#open();
    if (this.#end?.kind === "exited") return exitStatus({ exit_code: this.#end.code, signal: this.#end.signal });
    throw this.#end!.error;
  }

  /** Waits for the command's end and collects what it still writes, up to 256 MiB. */
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

  /** The command's input, the first time; null later, and if the command has no pipe. */
  takeStdin(): ExecSink | null {
    const sink = this.#stdin;
    this.#stdin = null;
    return sink;
  }

  /** Sends a signal, by its number, to the command's process group. */
  async signal(signal: number, options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.exec_signal(cancel, this.#open(), signal), options);
  }

  /** Kills the command's process group. */
  async kill(options?: CallOptions): Promise<void> {
    await this.signal(9, options);
  }

  /** Changes the size of the command's terminal. */
  async resize(rows: number, cols: number, options?: CallOptions): Promise<void> {
    await cancellable((native, cancel) => native.exec_resize(cancel, this.#open(), rows, cols), options);
  }

  /** Ends the command if it still runs. */
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

  /** Writes all of it. Done when there is room for more: the output has to be received meanwhile. */
  async write(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    const content = bytes(data).slice();
    await this.#writing.take(() =>
      cancellable((native, cancel) => native.exec_stdin_write(cancel, this.#exec(), content), options),
    );
  }

  /** Ends the input, behind what was written. Nothing happens if the command has ended. */
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

/** @internal Runs a command and collects its output; `command` null is the sandbox's own. */
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

/** @internal Starts a command; `command` null is the sandbox's own. */
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
