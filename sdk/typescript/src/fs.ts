import { CancelledError, InvalidHandleError } from "./errors.js";
import { type CallOptions, type Native, blocking, cancellable } from "./native.js";
import type { NativeFsOptions, Outcome } from "./tables.js";
import { Turns, bytes, milliseconds, wholeNumber } from "./values.js";

/** What a path leads to. */
export type FsEntryKind = "file" | "directory" | "symlink" | "other";

/** A file, a directory, or whatever else a path leads to. */
export interface FsEntry {
  /** Its absolute path. */
  readonly path: string;
  /** What it is. */
  readonly kind: FsEntryKind;
  /** Its size in bytes. */
  readonly size: number;
  /** Its permissions. */
  readonly mode: number;
  /** The number of its owner. */
  readonly uid: number;
  /** The number of its group. */
  readonly gid: number;
  /** Whether nobody has the permission to write. */
  readonly readonly: boolean;
  /** When it was last read, if that is known. */
  readonly accessed: Date | null;
  /** When its content was last changed, if that is known. */
  readonly modified: Date | null;
}

/** How a file operation is done. */
export interface FsOptions extends CallOptions {
  /** USER[:GROUP] to act as; root if not given. */
  user?: string;
}

/** How something is made. */
export interface FsModeOptions extends FsOptions {
  /** Its permissions; 0o644 of a file if not given. */
  mode?: number;
}

/** @internal */
export interface NativeEntry {
  path: string;
  kind: Exclude<FsEntryKind, "directory"> | "dir";
  size: number;
  mode: number;
  uid: number;
  gid: number;
  accessed_ms: number | null;
  modified_ms: number | null;
}

/** @internal */
export function fsEntry(entry: NativeEntry): FsEntry {
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
  const native: NativeFsOptions = {
    user,
    mode: mode === undefined ? undefined : wholeNumber(mode, "mode"),
    max_bytes: maxBytes === undefined ? undefined : wholeNumber(maxBytes, "maxBytes"),
    follow,
    recursive,
  };
  return JSON.stringify(native);
}

/**
 * The files of a sandbox that runs, by absolute path. Calls fail with PathNotFoundError, SandboxFsOpsError with an errno,
 * or SessionLostError if the sandbox ended.
 */
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

  /** The content of a file. LimitExceededError if it has more than `maxBytes` (256 MiB if not given). */
  async read(path: string, options: FsOptions & { maxBytes?: number } = {}): Promise<Uint8Array> {
    const [data] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_read(cancel, sandbox, path, encoded),
    );
    return data ?? new Uint8Array();
  }

  /** The content of a file as text; bytes that are not UTF-8 are replaced. */
  async readToString(path: string, options?: FsOptions & { maxBytes?: number }): Promise<string> {
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await this.read(path, options));
  }

  /** Makes or replaces a file. Its directory must exist. */
  async write(path: string, data: Uint8Array | string, options: FsModeOptions = {}): Promise<void> {
    const content = bytes(data);
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_write(cancel, sandbox, path, encoded, content),
    );
  }

  /** What a path leads to; with `follow: false`, of a symbolic link the link itself. */
  async stat(path: string, options: FsOptions & { follow?: boolean } = {}): Promise<FsEntry> {
    const [entry] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_stat(cancel, sandbox, path, encoded),
    );
    return fsEntry(JSON.parse(entry));
  }

  /** What a directory has in it, one level. */
  async list(path: string, options: FsOptions = {}): Promise<FsEntry[]> {
    const [entries] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_list(cancel, sandbox, path, encoded),
    );
    return (JSON.parse(entries) as NativeEntry[]).map(fsEntry);
  }

  /** Whether a path leads to something. */
  async exists(path: string, options: FsOptions = {}): Promise<boolean> {
    const [answer] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_exists(cancel, sandbox, path, encoded),
    );
    return JSON.parse(answer).exists;
  }

  /** Makes a directory, with the parents that are missing. */
  async mkdir(path: string, options: FsModeOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) => native.fs_mkdir(cancel, sandbox, path, encoded));
  }

  /** Deletes a file. */
  async remove(path: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) => native.fs_remove(cancel, sandbox, path, encoded));
  }

  /** Deletes a directory with all that is in it; with `recursive: false` only an empty one. */
  async removeDir(path: string, options: FsOptions & { recursive?: boolean } = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_remove_dir(cancel, sandbox, path, encoded),
    );
  }

  /** Makes a symbolic link at `path`; what it leads to need not be there. */
  async symlink(target: string, path: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_symlink(cancel, sandbox, target, path, encoded),
    );
  }

  /** What a symbolic link has in it. */
  async readLink(path: string, options: FsOptions = {}): Promise<string> {
    const [found] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_read_link(cancel, sandbox, path, encoded),
    );
    return (JSON.parse(found) as { target: string }).target;
  }

  /** A path without links, "." and "..". */
  async realPath(path: string, options: FsOptions = {}): Promise<string> {
    const [found] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_real_path(cancel, sandbox, path, encoded),
    );
    return (JSON.parse(found) as { path: string }).path;
  }

  /** Copies a file within the guest. */
  async copy(from: string, to: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) => native.fs_copy(cancel, sandbox, from, to, encoded));
  }

  /** Gives a file or directory another path. */
  async rename(from: string, to: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_rename(cancel, sandbox, from, to, encoded),
    );
  }

  /** Copies a file of the host, read as the user of this process, into the guest. */
  async copyFromHost(host: string, guest: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_copy_from_host(cancel, sandbox, host, guest, encoded),
    );
  }

  /** Copies a file of the guest to the host, made or replaced as the user of this process. */
  async copyToHost(guest: string, host: string, options: FsOptions = {}): Promise<void> {
    await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_copy_to_host(cancel, sandbox, guest, host, encoded),
    );
  }

  /** Opens a file to be read piece by piece. */
  async readStream(path: string, options: FsOptions = {}): Promise<FsReadStream> {
    const [stream] = await this.#call(options, (native, cancel, sandbox, encoded) =>
      native.fs_read_stream(cancel, sandbox, path, encoded),
    );
    return new FsReadStream(stream);
  }

  /** Makes or replaces a file, to be written piece by piece. It is complete when FsWriteStream.close() has succeeded. */
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

/** The content of a file, piece by piece. */
export class FsReadStream extends FsStream implements AsyncIterable<Uint8Array> {
  /** The next piece; null at the end of the file. A call that is aborted loses nothing. */
  async recv(options?: CallOptions): Promise<Uint8Array | null> {
    if (this.closed) return null;
    const [data] = await this.call((native, cancel, stream) => native.fs_read_stream_recv(cancel, stream), options);
    if (data === null) await this.release();
    return data;
  }

  /** What has not been read of the file. */
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

  /** Ends the stream. */
  async close(): Promise<void> {
    await this.release();
  }
}

/** What was written is complete only after close() has succeeded; without that, it is given up. */
export class FsWriteStream extends FsStream {
  /** Writes all of it. How much of it a call that is aborted has written is not known. */
  async write(data: Uint8Array | string, options?: CallOptions): Promise<void> {
    const content = bytes(data).slice();
    await this.call((native, cancel, stream) => native.fs_write_stream_write(cancel, stream, content), options);
  }

  /** Completes the file. A call that was aborted can be made again. */
  async close(options?: CallOptions): Promise<void> {
    if (this.closed) return;
    await this.call((native, cancel, stream) => native.fs_write_stream_finish(cancel, stream), options);
    await this.release();
  }
}
