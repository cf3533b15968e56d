// The native module, and how its functions are called. See native/marshal.hpp for what becomes of arguments.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { type ErrorDetails, InvalidArgumentError, makeError } from "./errors.js";
import type { Handle, Later, NativeFunctions, Outcome } from "./tables.js";

/** The module: the library's functions, and its own. */
export interface Native extends NativeFunctions {
  load(path: string): void;
  close(): void;
}

/** What every call that can take long accepts. */
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

/** The version of the library: "0.1.0". LibraryNotLoadedError if there is none. */
export function version(): string {
  return native().version();
}
