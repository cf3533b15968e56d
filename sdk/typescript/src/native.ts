// The native module, and how its functions are called. See native/marshal.hpp for what becomes of arguments.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type ErrorDetails, InvalidArgumentError, makeError } from "./errors.js";

type Handle = bigint;
type Text = string | null;
type Bytes = Uint8Array | null;
/** [error, results...] */
export type Outcome<T extends unknown[] = []> = [Text, ...T];
type Later<T extends unknown[] = []> = Promise<Outcome<T>>;
/** Of a command that is collected: result, stdout, stderr. */
type Collected = Later<[string, Bytes, Bytes]>;

export interface Native {
  load(path: string): void;
  close(): void;

  version(): string;
  set_sdk_msb_path(path: string): void;
  set_sdk_home(path: string): void;
  cancel_alloc(): Handle;
  cancel_trigger(cancel: Handle): void;
  cancel_unregister(cancel: Handle): void;
  progress_alloc(): Handle;
  progress_free(progress: Handle): void;
  progress_next(cancel: Handle, progress: Handle): Later<[Text]>;
  agent_socket_path(name: string): Outcome<[string]>;

  sandbox_create(cancel: Handle, progress: Handle | 0, name: string, options: string): Later<[string]>;
  sandbox_start(cancel: Handle, name: string, options: string): Later<[string]>;
  sandbox_connect(cancel: Handle, name: string, timeoutMs: number): Later<[string]>;
  sandbox_info(sandbox: Handle): Later<[string]>;
  sandbox_detach(sandbox: Handle): Later;
  sandbox_close(cancel: Handle, sandbox: Handle): Later;
  sandbox_get(name: string): Later<[string]>;
  sandbox_list(options: string): Later<[string]>;
  sandbox_remove(name: string, options: string): Later;
  sandbox_stop(cancel: Handle, name: string, timeoutMs: number): Later;
  sandbox_kill(cancel: Handle, name: string, timeoutMs: number): Later;
  sandbox_drain(cancel: Handle, name: string): Later;
  sandbox_request_stop(name: string, timeoutMs: number): Later;
  sandbox_request_kill(name: string): Later;
  sandbox_request_drain(name: string): Later;
  sandbox_wait_until_stopped(cancel: Handle, sandbox: Handle | 0, name: string, timeoutMs: number): Later<[string]>;
  sandbox_ping(cancel: Handle, name: string): Later<[string]>;
  sandbox_touch(cancel: Handle, name: string): Later<[string]>;

  sandbox_exec(cancel: Handle, sandbox: Handle, command: Text, options: string, input: Bytes): Collected;
  sandbox_exec_stream(cancel: Handle, sandbox: Handle, command: Text, options: string, input: Bytes): Later<[Handle]>;
  exec_recv(cancel: Handle, exec: Handle): Later<[string, Bytes]>;
  exec_stdin_write(cancel: Handle, exec: Handle, data: Uint8Array): Later;
  exec_stdin_close(cancel: Handle, exec: Handle): Later;
  exec_signal(cancel: Handle, exec: Handle, signal: number): Later;
  exec_resize(cancel: Handle, exec: Handle, rows: number, cols: number): Later;
  exec_collect(cancel: Handle, exec: Handle, options: Text): Collected;
  exec_close(exec: Handle): Later;

  sandbox_logs(name: string, options: string): Later<[string, Bytes]>;
  log_stream_open(name: string, options: string): Later<[Handle]>;
  log_stream_recv(cancel: Handle, stream: Handle): Later<[Text, Bytes]>;
  log_stream_close(stream: Handle): Later;

  fs_read(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[Bytes]>;
  fs_write(cancel: Handle, sandbox: Handle, path: string, options: string, data: Uint8Array): Later;
  fs_stat(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_list(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_exists(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[string]>;
  fs_mkdir(cancel: Handle, sandbox: Handle, path: string, options: string): Later;
  fs_remove(cancel: Handle, sandbox: Handle, path: string, options: string): Later;
  fs_remove_dir(cancel: Handle, sandbox: Handle, path: string, options: string): Later;
  fs_copy(cancel: Handle, sandbox: Handle, from: string, to: string, options: string): Later;
  fs_rename(cancel: Handle, sandbox: Handle, from: string, to: string, options: string): Later;
  fs_copy_from_host(cancel: Handle, sandbox: Handle, host: string, guest: string, options: string): Later;
  fs_copy_to_host(cancel: Handle, sandbox: Handle, guest: string, host: string, options: string): Later;
  fs_read_stream(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[Handle]>;
  fs_read_stream_recv(cancel: Handle, stream: Handle): Later<[Bytes]>;
  fs_write_stream(cancel: Handle, sandbox: Handle, path: string, options: string): Later<[Handle]>;
  fs_write_stream_write(cancel: Handle, stream: Handle, data: Uint8Array): Later;
  fs_write_stream_finish(cancel: Handle, stream: Handle): Later;
  fs_stream_close(stream: Handle): Later;

  image_list(): Later<[string]>;
  image_inspect(reference: string): Later<[string]>;
  image_pull(cancel: Handle, progress: Handle | 0, reference: string, options: string): Later<[string]>;
  image_load(cancel: Handle, progress: Handle | 0, path: string, options: string): Later<[string]>;
  image_remove(reference: string, options: string): Later;
  image_prune(): Later<[string]>;
}

/** Of every call that can take long. */
export interface CallOptions {
  /** Ends the call early, with CancelledError. */
  signal?: AbortSignal | undefined;
}

const inPackage = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const modulePath = inPackage("native/microsandbox.node");
const libraryPath = inPackage("bundle/lib/libmicrosandbox.so");
const bundledMsb = inPackage("bundle/bin/msb");

let loaded: Native | undefined;
let pushedMsb = "";
let pushedHome = "";

function load(): Native {
  for (const path of [modulePath, libraryPath])
    if (!existsSync(path))
      throw makeError({
        kind: "library_not_loaded",
        message: `the package is not complete: there is no ${path}`,
        hint: "install the package again; in a source tree, assemble it with scripts/bundle.sh",
      });
  try {
    const native = createRequire(import.meta.url)(modulePath) as Native;
    native.load(libraryPath);
    // Threads in the library when the process ends: their calls are cancelled and waited for.
    process.once("exit", () => native.close());
    return native;
  } catch (cause) {
    throw makeError({ kind: "library_not_loaded", message: (cause as Error).message }, { cause });
  }
}

/** The native module, loaded by the first call that needs it. */
export function native(): Native {
  loaded ??= load();
  // The library's environment is the one the process was started with: changes of process.env do not reach it
  // in Bun and in workers. What is set does.
  const msb = process.env["MSB_PATH"] || bundledMsb;
  if (msb !== pushedMsb) loaded.set_sdk_msb_path((pushedMsb = msb));
  const home = process.env["MSB_HOME"] ?? "";
  if (home !== pushedHome) loaded.set_sdk_home((pushedHome = home));
  return loaded;
}

/** Starts the call; what the native module refuses is an argument of a wrong type. */
function attempt<R>(start: () => R): R {
  try {
    return start();
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new InvalidArgumentError({ kind: "invalid_argument", message: cause.message }, { cause });
  }
}

function settled<T extends unknown[]>([error, ...results]: Outcome<T>, signal?: AbortSignal): T {
  if (error === null) return results as unknown as T;
  const details = JSON.parse(error) as ErrorDetails;
  throw makeError(details, details.kind === "cancelled" && signal?.aborted ? { cause: signal.reason } : undefined);
}

export function immediate<T extends unknown[]>(start: (native: Native) => Outcome<T>): T {
  return settled(attempt(() => start(native())));
}

export async function blocking<T extends unknown[]>(start: (native: Native) => Later<T>): Promise<T> {
  return settled(await attempt(() => start(native())));
}

const watchedSignals = new WeakMap<AbortSignal, Set<Handle>>();

/** The calls that the signal ends. One listener for all, however many there are. */
function watched(signal: AbortSignal): Set<Handle> {
  let calls = watchedSignals.get(signal);
  if (calls === undefined) {
    const cancels = (calls = new Set<Handle>());
    watchedSignals.set(signal, cancels);
    signal.addEventListener("abort", () => cancels.forEach((cancel) => native().cancel_trigger(cancel)), { once: true });
  }
  return calls;
}

export async function cancellable<T extends unknown[]>(
  start: (native: Native, cancel: Handle) => Later<T>,
  options?: CallOptions,
): Promise<T> {
  const library = native();
  const signal = options?.signal;
  if (signal?.aborted)
    throw makeError({ kind: "cancelled", message: "the call was aborted before it began" }, { cause: signal.reason });
  const cancel = library.cancel_alloc();
  let pending;
  try {
    pending = attempt(() => start(library, cancel));
  } catch (error) {
    library.cancel_unregister(cancel);
    throw error;
  }
  const watching = signal && watched(signal);
  watching?.add(cancel);
  try {
    return settled(await pending, signal);
  } finally {
    watching?.delete(cancel);
  }
}

/** Of the library. */
export function version(): string {
  return native().version();
}
