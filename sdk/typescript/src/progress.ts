import { type CallOptions, cancellable, native } from "./native.js";
import type { PullEventName } from "./tables.js";

/** How far a copy is told. */
export interface CopyOptions extends CallOptions {
  /** Is told how many bytes of a disk or an archive are done, and how many there are in all; 0: that is not known. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** @internal Makes a call that reports to the queue of a number, and passes the reports on. */
export async function reporting<T>(options: CopyOptions, call: (progress: bigint | 0) => Promise<T>): Promise<T> {
  const tell = options.onProgress;
  if (tell === undefined) return call(0);
  const library = native();
  const progress = library.progress_alloc();
  const read = async (): Promise<void> => {
    for (;;) {
      const [event] = await cancellable((native, cancel) => native.progress_next(cancel, progress));
      if (event === null) return;
      const { done_bytes, total_bytes } = JSON.parse(event);
      tell(done_bytes, total_bytes);
    }
  };
  const reading = read();
  reading.catch(() => {}); // it is awaited below, unless the call fails
  try {
    const made = await call(progress);
    await reading;
    return made;
  } finally {
    library.progress_free(progress);
  }
}

/** A step of a pull. */
export type PullProgress =
  /** The registry is asked what the reference means. */
  | { readonly kind: "resolving"; readonly reference: string }
  /** The image's manifest is here. */
  | {
      readonly kind: "resolved";
      readonly reference: string;
      readonly layerCount: number;
      readonly totalDownloadBytes: number | null;
    }
  /** Bytes of a layer came. A report that nobody has read yet is replaced by the next one of its layer. */
  | {
      readonly kind: "layerDownloadProgress";
      readonly layerIndex: number;
      readonly downloadedBytes: number;
      readonly totalBytes: number | null;
    }
  /** A layer is ready; `reused`: it was in the cache already. */
  | { readonly kind: "layerMaterializeComplete"; readonly layerIndex: number; readonly reused: boolean }
  /** The layers are put together. */
  | { readonly kind: "stitchMergingTrees"; readonly reference: string }
  /** The image is there. One that was in the cache has nothing before this. */
  | { readonly kind: "complete"; readonly reference: string };

interface NativeProgress {
  event: PullEventName;
  reference: string;
  layer_count: number;
  total_download_bytes: number | null;
  layer_index: number;
  downloaded_bytes: number;
  total_bytes: number | null;
  reused: boolean;
}

function pullProgress(event: NativeProgress): PullProgress {
  switch (event.event) {
    case "resolving":
    case "complete":
      return { kind: event.event, reference: event.reference };
    case "stitch_merging_trees":
      return { kind: "stitchMergingTrees", reference: event.reference };
    case "resolved":
      return {
        kind: "resolved",
        reference: event.reference,
        layerCount: event.layer_count,
        totalDownloadBytes: event.total_download_bytes,
      };
    case "layer_download_progress":
      return {
        kind: "layerDownloadProgress",
        layerIndex: event.layer_index,
        downloadedBytes: event.downloaded_bytes,
        totalBytes: event.total_bytes,
      };
    case "layer_materialize_complete":
      return { kind: "layerMaterializeComplete", layerIndex: event.layer_index, reused: event.reused };
  }
}

/** Something whose image is being fetched. */
export abstract class PullProgressSession<T> implements AsyncIterable<PullProgress> {
  /** The steps, until the image is there or cannot be had. Can be iterated once. */
  readonly progress: AsyncGenerator<PullProgress, void, undefined>;
  /** @internal */
  protected readonly outcome: Promise<T>;
  #reading = false;
  #released = false;

  /** @internal */
  constructor(begin: (progress: bigint) => Promise<T>) {
    const progress = native().progress_alloc();
    this.outcome = begin(progress);
    this.progress = this.#receive(progress);
    // What nobody has begun to read by then is given up.
    const end = () => this.#release(progress);
    this.outcome.then(end, end);
  }

  #release(progress: bigint): void {
    if (this.#reading || this.#released) return;
    this.#released = true;
    native().progress_free(progress);
  }

  async *#receive(progress: bigint): AsyncGenerator<PullProgress, void, undefined> {
    if (this.#released) return;
    this.#reading = true;
    try {
      for (;;) {
        const [event] = await cancellable((native, cancel) => native.progress_next(cancel, progress));
        if (event === null) return;
        yield pullProgress(JSON.parse(event));
      }
    } finally {
      this.#reading = false;
      this.#release(progress);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<PullProgress, void, undefined> {
    return this.progress;
  }
}
