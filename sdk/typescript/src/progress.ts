import type { ImageHandle } from "./image.js";
import { cancellable, native } from "./native.js";
import type { Sandbox } from "./sandbox.js";

/** Reports of a layer's bytes that were not read in time are replaced by newer ones. */
export type PullProgress =
  | { readonly kind: "resolving"; readonly reference: string }
  | {
      readonly kind: "resolved";
      readonly reference: string;
      readonly layerCount: number;
      readonly totalDownloadBytes: number | null;
    }
  | {
      readonly kind: "layerDownloadProgress";
      readonly layerIndex: number;
      readonly downloadedBytes: number;
      readonly totalBytes: number | null;
    }
  /** `reused`: it was here already. */
  | { readonly kind: "layerMaterializeComplete"; readonly layerIndex: number; readonly reused: boolean }
  | { readonly kind: "stitchMergingTrees"; readonly reference: string }
  /** The image is there. One that was before has nothing but this. */
  | { readonly kind: "complete"; readonly reference: string };

type NativeProgress =
  | { event: "resolving" | "stitch_merging_trees" | "complete"; reference: string }
  | { event: "resolved"; reference: string; layer_count: number; total_download_bytes: number | null }
  | { event: "layer_download_progress"; layer_index: number; downloaded_bytes: number; total_bytes: number | null }
  | { event: "layer_materialize_complete"; layer_index: number; reused: boolean };

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
abstract class PullProgressSession<T> implements AsyncIterable<PullProgress> {
  /** Ends when the image is there, or cannot be had. Can be iterated once. */
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

/** A sandbox that is being made. */
export class PullProgressCreate extends PullProgressSession<Sandbox> {
  /** The sandbox, when it runs. */
  awaitSandbox(): Promise<Sandbox> {
    return this.outcome;
  }
}

/** An image that is being pulled. */
export class PullProgressImage extends PullProgressSession<ImageHandle> {
  awaitImage(): Promise<ImageHandle> {
    return this.outcome;
  }
}
