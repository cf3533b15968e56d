// Storage that outlives sandboxes.
import type { VolumeSettings } from "./builder.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import type { NativeVolumeOptions, VolumeKind } from "./tables.js";
import { type Pairs, pairs, text } from "./values.js";
import { VolumeFs } from "./volume_fs.js";

interface NativeVolume {
  name: string;
  kind: "directory" | "disk";
  path: string;
  quota_mib: number | null;
  used_bytes: number | null;
  capacity_bytes: number | null;
  disk_format: string | null;
  disk_fstype: string | null;
  disk_path: string | null;
  labels: Record<string, string>;
  created_at: string;
}

/** A volume, as it was when it was looked up. */
export class VolumeHandle {
  /** What it is known by. */
  readonly name: string;
  /** What it is made of. */
  readonly kind: "directory" | "disk";
  /** Its directory on the host. */
  readonly path: string;
  /** By how many MiB guests may make the files of a directory grow. */
  readonly quotaMib: number | null;
  /** What it takes of the host's disk. */
  readonly usedBytes: bigint | null;
  /** Of a disk. */
  readonly capacityBytes: bigint | null;
  /** Of a disk: "raw". */
  readonly diskFormat: string | null;
  /** Of a disk: "ext4". */
  readonly diskFstype: string | null;
  /** Of a disk: its file. */
  readonly diskPath: string | null;
  /** What it was made with. */
  readonly labels: Readonly<Record<string, string>>;
  /** When it was made. */
  readonly createdAt: Date;

  /** @internal */
  constructor(volume: NativeVolume) {
    const bytes = (count: number | null) => (count === null ? null : BigInt(count));
    this.name = volume.name;
    this.kind = volume.kind;
    this.path = volume.path;
    this.quotaMib = volume.quota_mib;
    this.usedBytes = bytes(volume.used_bytes);
    this.capacityBytes = bytes(volume.capacity_bytes);
    this.diskFormat = volume.disk_format;
    this.diskFstype = volume.disk_fstype;
    this.diskPath = volume.disk_path;
    this.labels = volume.labels;
    this.createdAt = new Date(volume.created_at);
  }

  /** Its files, if it is a directory. */
  fs(): VolumeFs {
    return new VolumeFs(this.name);
  }

  /** Removes it with what is in it. VolumeInUseError while a sandbox that runs has it mounted. */
  remove(): Promise<void> {
    return Volume.remove(this.name);
  }
}

/** A volume that is to be made. Each method changes the builder and returns it. */
export class VolumeBuilder {
  readonly #name: string;
  readonly #options: NativeVolumeOptions = {};

  /** @internal */
  constructor(name: string) {
    this.#name = text(name, "name");
  }

  /** What it is made of. */
  kind(kind: VolumeKind): this {
    this.#options.kind = kind;
    return this;
  }
  /** A directory of the host, which several sandboxes can share: what it is if nothing is said. */
  directory(): this {
    return this.kind("dir");
  }
  /** An ext4 file system, which needs a size. */
  disk(): this {
    return this.kind("disk");
  }
  /** Of a disk, in MiB. */
  size(mib: number): this {
    this.#options.size_mib = mib;
    return this;
  }
  /** By how many MiB guests may make the files of a directory grow. */
  quota(mib: number): this {
    this.#options.quota_mib = mib;
    return this;
  }
  /** One more label. */
  label(key: string, value: string): this {
    (this.#options.labels ??= {})[key] = value;
    return this;
  }

  /** Makes it. VolumeAlreadyExistsError. */
  async create(): Promise<VolumeHandle> {
    const request = JSON.stringify(this.#options);
    const [json] = await blocking((native) => native.volume_create(this.#name, request));
    return new VolumeHandle(JSON.parse(json));
  }
}

/** Storage that outlives sandboxes, by names. */
export class Volume {
  private constructor() {}

  /** A volume that is to be made. */
  static builder(name: string): VolumeBuilder {
    return new VolumeBuilder(name);
  }

  /** Makes a volume. VolumeAlreadyExistsError. */
  static create(name: string, settings: VolumeSettings = {}): Promise<VolumeHandle> {
    const builder = new VolumeBuilder(name);
    if (settings.kind !== undefined) builder.kind(settings.kind);
    if (settings.sizeMib !== undefined) builder.size(settings.sizeMib);
    if (settings.quotaMib !== undefined) builder.quota(settings.quotaMib);
    for (const [key, value] of pairs(settings.labels ?? {})) builder.label(key, value);
    return builder.create();
  }

  /** A volume. VolumeNotFoundError. */
  static async get(name: string): Promise<VolumeHandle> {
    const [json] = await blocking((native) => native.volume_get(name));
    return new VolumeHandle(JSON.parse(json));
  }

  /** All volumes, newest first. */
  static async list(): Promise<VolumeHandle[]> {
    const [json] = await blocking((native) => native.volume_list());
    return (JSON.parse(json) as NativeVolume[]).map((volume) => new VolumeHandle(volume));
  }

  /** Removes a volume with what is in it. VolumeNotFoundError, VolumeInUseError. */
  static async remove(name: string): Promise<void> {
    await blocking((native) => native.volume_remove(name));
  }

  /** Makes a volume with what is in another one, which no sandbox may have mounted. */
  static async clone(name: string, to: string, options: { labels?: Pairs } & CallOptions = {}): Promise<VolumeHandle> {
    const request = JSON.stringify({ labels: Object.fromEntries(pairs(options.labels ?? {})) });
    const [json] = await cancellable((native, cancel) => native.volume_clone(cancel, name, to, request), options);
    return new VolumeHandle(JSON.parse(json));
  }

  /** Removes the volumes that no sandbox mounts, not even one that is stopped: their names, and the bytes that they took. */
  static async prune(options: { labels?: Pairs; dryRun?: boolean } = {}): Promise<Map<string, bigint>> {
    const labels = Object.fromEntries(pairs(options.labels ?? {}));
    const request = JSON.stringify({ labels, dry_run: options.dryRun ?? false });
    const [json] = await blocking((native) => native.volume_prune(request));
    const pruned = JSON.parse(json) as { name: string; used_bytes: number }[];
    return new Map(pruned.map((volume) => [volume.name, BigInt(volume.used_bytes)]));
  }
}
