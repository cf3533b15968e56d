// What takes room on the host's disk, and removing what nothing needs.
import { type CallOptions, cancellable } from "./native.js";
import type { NativeStoragePruneOptions } from "./tables.js";
import { type Pairs, pairs, wholeNumber } from "./values.js";

/** What takes room. */
export type StorageType = "images" | "layers" | "sandboxes" | "snapshots" | "volumes" | "logs" | "caches";

/** Something that takes room. */
export interface StorageItem {
  readonly name: string;
  readonly path: string;
  /** What reading all of it gives. */
  readonly logicalBytes: bigint;
  /** What it takes of the host's disk; 0 of images, whose bytes are those of layers. */
  readonly allocatedBytes: bigint;
  /** By something that runs, or is kept. */
  readonly inUse: boolean;
  /** `Storage.prune()` may remove it. */
  readonly reclaimable: boolean;
  /** Why it is in use: "sandbox 'web'". */
  readonly reasons: string[];
}

/** What there is of a type. */
export interface StorageUsage {
  readonly count: number;
  readonly inUse: number;
  readonly logicalBytes: bigint;
  /** Null of images. */
  readonly allocatedBytes: bigint | null;
  readonly reclaimableBytes: bigint;
  readonly items: StorageItem[];
}

/** What may be removed. */
export interface PruneOptions extends CallOptions {
  /** If not given, what can be had again: images, layers and caches. */
  types?: Exclude<StorageType, "logs">[];
  /** Only what has all of these. */
  labels?: Pairs;
  /** Only what was made, or ran last, so many milliseconds ago. */
  olderThanMs?: number;
  /** Nothing is removed. */
  dryRun?: boolean;
}

/** What became of something that `Storage.prune()` may remove. */
export interface PrunedItem extends StorageItem {
  readonly type: StorageType;
  /** A dry run finds what is reclaimable; what is in use is so by now. */
  readonly state: "removed" | "reclaimable" | "in_use" | "error";
  readonly error: string | null;
}

/** What `Storage.prune()` did. */
export interface PruneReport {
  readonly dryRun: boolean;
  readonly items: PrunedItem[];
  readonly removed: number;
  readonly bytesReclaimed: bigint;
}

interface NativeItem {
  name: string;
  path: string;
  logical_bytes: number;
  allocated_bytes: number;
  in_use: boolean;
  reclaimable: boolean;
  reasons: string[];
}
interface NativeUsage {
  count: number;
  in_use: number;
  logical_bytes: number;
  allocated_bytes: number | null;
  reclaimable_bytes: number;
  items: NativeItem[];
}

function storageItem(item: NativeItem): StorageItem {
  return {
    name: item.name,
    path: item.path,
    logicalBytes: BigInt(item.logical_bytes),
    allocatedBytes: BigInt(item.allocated_bytes),
    inUse: item.in_use,
    reclaimable: item.reclaimable,
    reasons: item.reasons,
  };
}

/** What this MSB_HOME takes of the host's disk. */
export class Storage {
  private constructor() {}

  /** By type. */
  static async usage(options?: CallOptions): Promise<Record<StorageType, StorageUsage>> {
    const [json] = await cancellable((native, cancel) => native.storage_usage(cancel), options);
    const { notes, ...types } = JSON.parse(json) as { notes: string[] } & Record<StorageType, NativeUsage>;
    const usage = (part: NativeUsage): StorageUsage => ({
      count: part.count,
      inUse: part.in_use,
      logicalBytes: BigInt(part.logical_bytes),
      allocatedBytes: part.allocated_bytes === null ? null : BigInt(part.allocated_bytes),
      reclaimableBytes: BigInt(part.reclaimable_bytes),
      items: part.items.map(storageItem),
    });
    const entries = Object.entries(types).map(([name, part]) => [name, usage(part)]);
    return Object.fromEntries(entries);
  }

  /** Removes what nothing needs. Whether that is so is asked again for each, right before it is removed. */
  static async prune(options: PruneOptions = {}): Promise<PruneReport> {
    const request: NativeStoragePruneOptions = {
      types: options.types,
      labels: Object.fromEntries(pairs(options.labels ?? {})),
      older_than_ms: options.olderThanMs === undefined ? undefined : wholeNumber(options.olderThanMs, "olderThanMs"),
      dry_run: options.dryRun,
    };
    const [json] = await cancellable((native, cancel) => native.storage_prune(cancel, JSON.stringify(request)), options);
    const report = JSON.parse(json);
    return {
      dryRun: report.dry_run,
      items: report.items.map((item: NativeItem & Pick<PrunedItem, "type" | "state" | "error">) => ({
        ...storageItem(item),
        type: item.type,
        state: item.state,
        error: item.error,
      })),
      removed: report.removed,
      bytesReclaimed: BigInt(report.bytes_reclaimed),
    };
  }
}
