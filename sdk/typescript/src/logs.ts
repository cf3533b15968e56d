import { type CallOptions, blocking, cancellable } from "./native.js";
import type { NativeLogOptions } from "./tables.js";
import { Turns, unixTime, wholeNumber } from "./values.js";

/** Where a log entry comes from. "output" is what commands with a terminal wrote; "system" what the sandbox itself did. */
export type LogSource = "stdout" | "stderr" | "output" | "system";

interface LogFilter {
  /** Only entries of this time or later: a Date, or milliseconds of Unix time. */
  since?: Date | number;
  /** Only entries before this time: a Date, or milliseconds of Unix time. */
  until?: Date | number;
  /** Only entries of these sources; all but "system" if not given. */
  sources?: readonly LogSource[] | "all";
}

/** Which log entries are read. */
export interface LogReadOptions extends LogFilter {
  /** Only the last so many entries. */
  tail?: number;
}

/** Which log entries are read one by one. */
export interface LogStreamOptions extends LogFilter {
  /** Waits for more entries until the sandbox stops. */
  follow?: boolean;
  /** Only entries behind the one with this cursor; not together with `since`. */
  fromCursor?: string;
}

function filterOptions(filter: LogFilter): NativeLogOptions {
  return {
    since_ms: filter.since === undefined ? undefined : unixTime(filter.since, "since"),
    until_ms: filter.until === undefined ? undefined : unixTime(filter.until, "until"),
    sources: filter.sources === "all" ? "all" : filter.sources && [...filter.sources],
  };
}

interface NativeEntry {
  timestamp_ms: number;
  source: LogSource;
  session_id: number | null;
  cursor: string;
}

/** Something that a command wrote, or that the sandbox did. */
export class LogEntry {
  /** When it came. */
  readonly timestamp: Date;
  /** Where it comes from. */
  readonly source: LogSource;
  /** The number of the command; null for "system". */
  readonly sessionId: number | null;
  /** Where this entry is: `fromCursor` goes on behind it. */
  readonly cursor: string;
  /** What was written, as it came. */
  readonly data: Uint8Array;

  /** @internal */
  constructor(entry: NativeEntry, data: Uint8Array) {
    this.timestamp = new Date(entry.timestamp_ms);
    this.source = entry.source;
    this.sessionId = entry.session_id;
    this.cursor = entry.cursor;
    this.data = data;
  }

  /** The data as text; bytes that are not UTF-8 are replaced. */
  text(): string {
    return new TextDecoder().decode(this.data);
  }
}

/** @internal */
export async function readLogs(name: string, options: LogReadOptions = {}): Promise<LogEntry[]> {
  const tail = options.tail === undefined ? undefined : wholeNumber(options.tail, "tail");
  const request = JSON.stringify({ ...filterOptions(options), tail });
  const [text, data] = await blocking((native) => native.sandbox_logs(name, request));
  const all = data ?? new Uint8Array();
  const entries = JSON.parse(text) as Array<NativeEntry & { offset: number; size: number }>;
  return entries.map((entry) => new LogEntry(entry, all.subarray(entry.offset, entry.offset + entry.size)));
}

/** @internal */
export async function openLogStream(name: string, options: LogStreamOptions = {}): Promise<LogStream> {
  const { follow, fromCursor } = options;
  const request = JSON.stringify({ ...filterOptions(options), follow, from_cursor: fromCursor });
  const [stream] = await blocking((native) => native.log_stream_open(name, request));
  return new LogStream(stream);
}

/** Log entries, one by one. */
export class LogStream implements AsyncIterable<LogEntry>, AsyncDisposable {
  readonly #stream: bigint;
  readonly #receiving = new Turns();
  #closed = false;

  /** @internal */
  constructor(stream: bigint) {
    this.#stream = stream;
  }

  /** The next entry; null after the last. MissedRotationError, once, if entries were lost before they were read. */
  recv(options?: CallOptions): Promise<LogEntry | null> {
    return this.#receiving.take(async () => {
      if (this.#closed) return null;
      const [entry, data] = await cancellable(
        (native, cancel) => native.log_stream_recv(cancel, this.#stream),
        options,
      );
      if (entry !== null) return new LogEntry(JSON.parse(entry), data ?? new Uint8Array());
      await this.close();
      return null;
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LogEntry, void, undefined> {
    try {
      for (let entry = await this.recv(); entry !== null; entry = await this.recv()) yield entry;
    } finally {
      await this.close();
    }
  }

  /** Ends the stream. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await blocking((native) => native.log_stream_close(this.#stream));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
