// Disks of sandboxes that were kept.
import { type DiskChange, diskChanges } from "./diff.js";
import { type CallOptions, blocking, cancellable } from "./native.js";
import { type CopyOptions, reporting } from "./progress.js";
import type { NativeExportOptions, NativeSnapshotOptions } from "./tables.js";
import { type Pairs, pairs, text } from "./values.js";

interface NativeSnapshot {
  digest: string;
  name: string;
  parent_digest: string | null;
  image_ref: string;
  scope: string;
  state_kind: string;
  format: string;
  fstype: string;
  size_bytes: number;
  created_at: string;
  artifact_path: string;
}

interface NativeDetail extends NativeSnapshot {
  image_manifest_digest: string;
  upper_file: string;
  integrity: { algorithm: string; root: string; logical_size: number; leaf_size: number } | null;
  source_sandbox: string | null;
  labels: Record<string, string>;
}

/** A snapshot, as it was when it was looked up. */
export class SnapshotHandle {
  /** What it is known by: "sha256:...", of its descriptor. */
  readonly digest: string;
  /** The last part of its path. */
  readonly name: string;
  /** The snapshot that it came from. */
  readonly parentDigest: string | null;
  /** The image that it was made with. */
  readonly imageRef: string;
  /** "disk". */
  readonly scope: string;
  /** "file". */
  readonly stateKind: string;
  /** Of the disk: "raw". */
  readonly format: string;
  /** On the disk: "ext4". */
  readonly fstype: string;
  /** Of the disk, holes included. */
  readonly sizeBytes: bigint;
  /** When it was made. */
  readonly createdAt: Date;
  /** Its directory. */
  readonly path: string;

  /** @internal */
  constructor(snapshot: NativeSnapshot) {
    this.digest = snapshot.digest;
    this.name = snapshot.name;
    this.parentDigest = snapshot.parent_digest;
    this.imageRef = snapshot.image_ref;
    this.scope = snapshot.scope;
    this.stateKind = snapshot.state_kind;
    this.format = snapshot.format;
    this.fstype = snapshot.fstype;
    this.sizeBytes = BigInt(snapshot.size_bytes);
    this.createdAt = new Date(snapshot.created_at);
    this.path = snapshot.artifact_path;
  }

  /** The snapshot with all that its descriptor says. */
  open(): Promise<SnapshotDetail> {
    return Snapshot.open(this.path);
  }

  /** Compares the disk with the hash that was recorded. SnapshotIntegrityError if it is another one. */
  verify(options?: CallOptions): Promise<SnapshotVerification> {
    return Snapshot.verify(this.path, options);
  }

  /** Removes it. SnapshotInUseError if another one came from it, unless `force`. */
  remove(options?: { force?: boolean }): Promise<void> {
    return Snapshot.remove(this.path, options);
  }
}

/** A snapshot with all that its descriptor says. */
export class SnapshotDetail extends SnapshotHandle {
  /** The digest of the image's manifest. */
  readonly imageManifestDigest: string;
  /** The disk, in its directory. */
  readonly upperFile: string;
  /** The hash of the disk, if one was recorded. */
  readonly integrity: Readonly<{ algorithm: string; root: string; logicalSize: bigint; leafSize: number }> | null;
  /** The sandbox that it is of. */
  readonly sourceSandbox: string | null;
  /** What it was made with. */
  readonly labels: Readonly<Record<string, string>>;

  /** @internal */
  constructor(snapshot: NativeDetail) {
    super(snapshot);
    const hash = snapshot.integrity;
    this.imageManifestDigest = snapshot.image_manifest_digest;
    this.upperFile = snapshot.upper_file;
    this.integrity = hash && {
      algorithm: hash.algorithm,
      root: hash.root,
      logicalSize: BigInt(hash.logical_size),
      leafSize: hash.leaf_size,
    };
    this.sourceSandbox = snapshot.source_sandbox;
    this.labels = snapshot.labels;
  }
}

/** What Snapshot.verify() found. */
export interface SnapshotVerification {
  /** The snapshot's. */
  readonly digest: string;
  /** Its directory. */
  readonly path: string;
  /** What is known of the disk. */
  readonly upper: { readonly kind: "notRecorded" } | { readonly kind: "verified"; readonly algorithm: string; readonly digest: string };
}

/** What is written into an archive. */
export interface ExportOptions extends CopyOptions {
  /** Only what differs from the disk of this snapshot. */
  since?: string;
  /** Also all snapshots that it came from. */
  withParents?: boolean;
  /** Also the image. */
  withImage?: boolean;
  /** Not compressed. */
  plainTar?: boolean;
  /** A file that is there is replaced. */
  force?: boolean;
}

/** How an archive is taken in. */
export interface ImportOptions extends CopyOptions {
  /** Directory for it; the one of this MSB_HOME if not given. */
  destDir?: string;
  /** Name; the one that it had if not given. */
  name?: string;
  /** A snapshot that is there is replaced. */
  force?: boolean;
}

/** A snapshot that is to be made. Each method changes the builder and returns it. */
export class SnapshotBuilder {
  readonly #name: string;
  readonly #options: NativeSnapshotOptions = {};
  #sandbox = "";

  /** @internal */
  constructor(name: string) {
    this.#name = text(name, "name");
  }

  /** The sandbox; one that runs is frozen meanwhile. */
  fromSandbox(name: string): this {
    this.#sandbox = text(name, "sandbox");
    return this;
  }
  /** Directory for it; the one of this MSB_HOME if not given. */
  destDir(directory: string): this {
    this.#options.dest_dir = directory;
    return this;
  }
  /** One more label. */
  label(key: string, value: string): this {
    (this.#options.labels ??= {})[key] = value;
    return this;
  }
  /** More labels. */
  labels(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.label(key, value);
    return this;
  }
  /** A snapshot that is there is replaced. */
  force(): this {
    this.#options.force = true;
    return this;
  }
  /** A hash of the disk is recorded, for Snapshot.verify(). */
  recordIntegrity(): this {
    this.#options.integrity = true;
    return this;
  }

  /** A sandbox that runs may be kept from writing to its disk for as long as copying takes, where that is more than a moment. */
  copyWhileFrozen(): this {
    this.#options.copy_while_frozen = true;
    return this;
  }

  /** Makes it. SnapshotSandboxRunningError, SnapshotAlreadyExistsError. */
  async create(options: CopyOptions = {}): Promise<SnapshotDetail> {
    const request = JSON.stringify(this.#options);
    const [json] = await reporting(options, (progress) =>
      cancellable(
        (native, cancel) => native.snapshot_create(cancel, progress, this.#sandbox, this.#name, request),
        options,
      ),
    );
    return new SnapshotDetail(JSON.parse(json));
  }
}

function handles(json: string): SnapshotHandle[] {
  return (JSON.parse(json) as NativeSnapshot[]).map((snapshot) => new SnapshotHandle(snapshot));
}

/** Disks of sandboxes that were kept. Where one is named, a name, a path or a digest will do. */
export class Snapshot {
  private constructor() {}

  /** A snapshot that is to be made; the name may be a path. */
  static builder(name: string): SnapshotBuilder {
    return new SnapshotBuilder(name);
  }

  /** A snapshot with all that its descriptor says; of its disk only the size is looked at. SnapshotNotFoundError. */
  static async open(snapshot: string): Promise<SnapshotDetail> {
    const [json] = await blocking((native) => native.snapshot_open(snapshot));
    return new SnapshotDetail(JSON.parse(json));
  }

  /** A snapshot. SnapshotNotFoundError. */
  static get(snapshot: string): Promise<SnapshotHandle> {
    return Snapshot.open(snapshot);
  }

  /** All snapshots that are known here, newest first. */
  static async list(): Promise<SnapshotHandle[]> {
    const [json] = await blocking((native) => native.snapshot_list());
    return handles(json);
  }

  /** The snapshots in a directory, whatever is known of it. */
  static async listDir(directory: string): Promise<SnapshotHandle[]> {
    const [json] = await blocking((native) => native.snapshot_list_dir(directory));
    return handles(json);
  }

  /** Compares the disk with the hash that was recorded. SnapshotIntegrityError if it is another one. */
  static async verify(snapshot: string, options?: CallOptions): Promise<SnapshotVerification> {
    const [json] = await cancellable((native, cancel) => native.snapshot_verify(cancel, snapshot), options);
    const { digest, path, upper } = JSON.parse(json);
    return { digest, path, upper: upper.kind === "verified" ? upper : { kind: "notRecorded" } };
  }

  /** What differs between the disks of two snapshots. */
  static async diff(before: string, after: string, options?: CallOptions): Promise<DiskChange[]> {
    const [json] = await cancellable((native, cancel) => native.snapshot_diff(cancel, before, after), options);
    return diskChanges(json);
  }

  /** Removes a snapshot. SnapshotInUseError if another one came from it, unless `force`. */
  static async remove(snapshot: string, options: { force?: boolean } = {}): Promise<void> {
    const request = JSON.stringify({ force: options.force ?? false });
    await blocking((native) => native.snapshot_remove(snapshot, request));
  }

  /** Looks again which snapshots a directory has (the one of this MSB_HOME if not given); the result is their number. */
  static async reindex(directory?: string): Promise<number> {
    const [json] = await blocking((native) => native.snapshot_reindex(directory ?? null));
    return JSON.parse(json).indexed;
  }

  /** Writes a snapshot into one file; the result is its path. */
  static async export(snapshot: string, file: string, options: ExportOptions = {}): Promise<string> {
    const { since, withParents, withImage, plainTar, force } = options;
    const chosen: NativeExportOptions = {
      since,
      with_parents: withParents,
      with_image: withImage,
      plain_tar: plainTar,
      force,
    };
    const request = JSON.stringify(chosen);
    const [json] = await reporting(options, (progress) =>
      cancellable((native, cancel) => native.snapshot_export(cancel, progress, snapshot, file, request), options),
    );
    return JSON.parse(json).path;
  }

  /** Takes in a file that export() wrote. SnapshotAlreadyExistsError. */
  static async import(file: string, options: ImportOptions = {}): Promise<SnapshotDetail> {
    const { destDir, name, force } = options;
    const chosen: NativeSnapshotOptions = { dest_dir: destDir, name, force };
    const request = JSON.stringify(chosen);
    const [json] = await reporting(options, (progress) =>
      cancellable((native, cancel) => native.snapshot_import(cancel, progress, file, request), options),
    );
    return new SnapshotDetail(JSON.parse(json));
  }
}
