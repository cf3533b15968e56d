import { CancelledError, InvalidHandleError } from "./errors.js";
import { type CallOptions, type Native, type Outcome, blocking, cancellable } from "./native.js";
import { Turns, bytes, milliseconds, wholeNumber } from "./values.js";

export type FsEntryKind = "file" | "directory" | "symlink" | "other";

export interface FsEntry {
  readonly path: string;
  readonly kind: FsEntryKind;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly readonly: boolean;
  readonly accessed: Date | null;
  readonly modified: Date | null;
}

export interface FsOptions extends CallOptions {
  /** USER[:GROUP] to act as; root if not given. */
  user?: string;
}

export interface FsModeOptions extends FsOptions {
  /** Of what is made. */
  mode?: number;
}

interface NativeEntry {
  path: string;
  kind: Exclude<FsEntryKind, "directory"> | "dir";
  size: number;
  mode: number;
  uid: number;
  gid: number;
  accessed_ms: number | null;
  modified_ms: number | null;
}

function fsEntry(entry: NativeEntry): FsEntry {
  return {
    path: entry.path,
    kind: entry.kind === "dir" ? "directory" : entry.kind,
    size: entry.size,
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    readonly: (entry.mode & 0o222) === 0,
    accessed: milliseconds(entry.accessed_ms),
    modified: milliseconds(entry.modified_ms),
  };
}

interface AllOptions extends FsModeOptions {
  maxBytes?: number;
  follow?: boolean;
  recursive?: boolean;
}

function nativeOptions({ user, mode, maxBytes, follow, recursive }: AllOptions): string {
  return JSON.stringify({
    user,
    mode: mode === undefined ? undefined : wholeNumber(mode, "mode"),
    max_bytes: maxBytes === undefined ? undefined : wholeNumber(maxBytes, "maxBytes"),
    follow,
    recursive,
  });
}

/** The files of a guest that runs, by absolute path. */
export class SandboxFsOps {
  readonly #sandbox: () => bigint;

  /** @internal */
  constructor(sandbox: () => bigint) {
    this.#sandbox = sandbox;
  }

  #call<T extends unknown[]>(
    options: AllOptions,
    start: (native: Native, cancel: bigint, sandbox: bigint, encoded: string) => Promise<Outcome<T>>,
  ): Promise<T> {
    return cancellable((native, cancel) => start(native, cancel, this.#sandbox(), nativeOptions(options)), options);
  }

  /** LimitExceededError for more than `maxBytes` (256 MiB if not given). */
  async read(path: string, options: FsOptions & { maxBytes?: number } = {}): Promise<Uint8Array> {
    const [data] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_read(cancel, sandbox, path, encoded),
    );
    return data ?? new Uint8Array();
  }

  /** As text; bytes that are not UTF-8 are replaced. */
  async readToString(path: string, options?: FsOptions & { maxBytes?: number }): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await this.read(path, options));
  }

  /** Makes or replaces it; its directory must exist. */
  async write(path: string, data: Uint8Array | string, options: FsModeOptions = {}): Promise<void> {
    const content = bytes(data);
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_write(cancel, sandbox, path, encoded, content),
    );
  }

  /** `follow` (true if not given): what a link leads to. */
  async stat(path: string, options: FsOptions & { follow?: boolean } = {}): Promise<FsEntry> {
    const [entry] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_stat(cancel, sandbox, path, encoded),
    );
    return fsEntry(JSON.parse(entry));
  }

  /** One level. */
  async list(path: string, options: FsOptions = {}): Promise<FsEntry[]> {
    const [entries] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_list(cancel, sandbox, path, encoded),
    );
    return (JSON.parse(entries) as NativeEntry[]).map(fsEntry);
  }

  async exists(path: string, options: FsOptions = {}): Promise<boolean> {
    const [answer] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_exists(cancel, sandbox, path, encoded),
    );
    return JSON.parse(answer).exists;
  }

  /** With missing parents. */
  async mkdir(path: string, options: FsModeOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) => native.fs_mkdir(cancel, sandbox, path, encoded));
  }

  /** A file. */
  async remove(path: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) => native.fs_remove(cancel, sandbox, path, encoded));
  }

  /** `recursive` (true if not given): with all that is in it. */
  async removeDir(path: string, options: FsOptions & { recursive?: boolean } = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_remove_dir(cancel, sandbox, path, encoded),
    );
  }

  /** A file. */
  async copy(from: string, to: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) => native.fs_copy(cancel, sandbox, from, to, encoded));
  }

  async rename(from: string, to: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_rename(cancel, sandbox, from, to, encoded),
    );
  }

  /** A file of the host, read as the user of this process. */
  async copyFromHost(host: string, guest: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_copy_from_host(cancel, sandbox, host, guest, encoded),
    );
  }

  /** A file, made or replaced on the host as the user of this process. */
  async copyToHost(guest: string, host: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_copy_to_host(cancel, sandbox, guest, host, encoded),
    );
  }

  /** Piece by piece. */
  async readStream(path: string, options: FsOptions = {}): Promise<FsReadStream> {
    const [stream] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_read_stream(cancel, sandbox, path, encoded),
    );
    return new FsReadStream(stream);
  }

  async writeStream(path: string, options: FsModeOptions = {}): Promise<FsWriteStream> {
    const [stream] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_write_stream(cancel, sandbox, path, encoded),
    );
    return new FsWriteStream(stream);
  }
}

abstract class FsStream implements AsyncDisposable {
  readonly #stream: bigint;
  /** @internal */
  protected readonly turns = new Turns();
  /** @internal */
  protected closed = false;

  /** @internal */
  constructor(stream: bigint) {
    this.#stream = stream;
  }

  /** @internal */
  protected call<T extends unknown[]>(
    start: (native: Native, cancel: bigint, stream: bigint) => Promise<Outcome<T>>,
    options?: CallOptions,
  ): Promise<T> {
    return this.turns.take(async () => {
      if (this.closed) throw new InvalidHandleError({ kind: "invalid_handle", message: "the stream is closed" });
      try {
        return await cancellable((native, cancel) => start(native, cancel, this.#stream), options);
      } catch (error) {
        if (!(error instanceof CancelledError)) await this.release();
        throw error;
      }
    });
  }

  /** @internal */
  protected async release(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await blocking((native) => native.fs_stream_close(this.#stream));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}

export class FsReadStream extends FsStream implements AsyncIterable<Uint8Array> {
  /** The next piece; null at the end. */
  async recv(options?: CallOptions): Promise<Uint8Array | null> {
    if (this.closed) return null;
    const [data] = await this.call((native, cancel, stream) => native.fs_read_stream_recv(cancel, stream), options);
    if (data === null) await this.release();
    return data;
  }

  /** The rest. */
  async collect(options?: CallOptions): Promise<Uint8Array> {
    const pieces = [];
    for (let piece = await this.recv(options); piece !== null; piece = await this.recv(options)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let piece = await this.recv(); piece !== null; piece = await this.recv()) yield piece;
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.release();
  }
}

/** What was written is complete only after close() has succeeded; without that, it is given up. */
export class FsWriteStream extends FsStream {
  async write(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    const content = bytes(data).slice();
    await this.call((native, cancel, stream) => native.fs_write_stream_write(cancel, stream, content), options);
  }

  async close(options?: CallOptions): Promise<void> {
    if (this.closed) return;
    await this.call((native, cancel, stream) => native.fs_write_stream_finish(cancel, stream), options);
    await this.release();
  }
}
