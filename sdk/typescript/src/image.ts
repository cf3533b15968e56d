import { type CallOptions, blocking, cancellable } from "./native.js";
import { PullProgressImage } from "./progress.js";
import { texts } from "./values.js";
import type { PullPolicy } from "./builder.js";

export interface PullOptions extends CallOptions {
  pullPolicy?: PullPolicy;
  /** Plain HTTP. */
  insecure?: boolean;
  /** A PEM file of authorities that are trusted besides the system's. */
  caCertsPath?: string;
}

interface NativeImage {
  reference: string;
  digest: string;
  architecture: string;
  os: string;
  layer_count: number;
  size_bytes: number;
  created_at: string;
}

/** An image in the cache. */
export class ImageHandle {
  readonly reference: string;
  readonly manifestDigest: string;
  readonly architecture: string;
  readonly os: string;
  readonly layerCount: number;
  /** As transported. */
  readonly sizeBytes: number;
  /** When it came into the cache. */
  readonly createdAt: Date;

  /** @internal */
  constructor(image: NativeImage) {
    this.reference = image.reference;
    this.manifestDigest = image.digest;
    this.architecture = image.architecture;
    this.os = image.os;
    this.layerCount = image.layer_count;
    this.sizeBytes = image.size_bytes;
    this.createdAt = new Date(image.created_at);
  }

  inspect(): Promise<ImageDetail> {
    return Image.inspect(this.reference);
  }

  remove(options?: { force?: boolean }): Promise<void> {
    return Image.remove(this.reference, options);
  }
}

export interface ImageDetail {
  readonly handle: ImageHandle;
  /** As `msb image inspect` shows them. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly layers: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** The image cache. */
export class Image {
  private constructor() {}

  /** Newest first. */
  static async list(): Promise<ImageHandle[]> {
    const [json] = await blocking((native) => native.image_list());
    return (JSON.parse(json) as NativeImage[]).map((image) => new ImageHandle(image));
  }

  /** ImageNotFoundError if it is not in the cache. */
  static async get(reference: string): Promise<ImageHandle> {
    return (await Image.inspect(reference)).handle;
  }

  static async inspect(reference: string): Promise<ImageDetail> {
    const [json] = await blocking((native) => native.image_inspect(reference));
    const image = JSON.parse(json);
    return { handle: new ImageHandle(image), config: image.config, layers: image.layers };
  }

  static pull(reference: string, options?: PullOptions): Promise<ImageHandle> {
    return pullImage(0, reference, options);
  }

  /** The same, and tells how far it is. */
  static async pullWithProgress(reference: string, options?: PullOptions): Promise<PullProgressImage> {
    return new PullProgressImage((progress) => pullImage(progress, reference, options));
  }

  /** From a docker-archive or OCI-layout tar on the host; `tags` are more names of its first image. */
  static async load(path: string, options: CallOptions & { tags?: Iterable<string> } = {}): Promise<ImageHandle[]> {
    const request = JSON.stringify({ tags: texts(options.tags ?? [], "tags") });
    const [json] = await cancellable((native, cancel) => native.image_load(cancel, 0, path, request), options);
    return (JSON.parse(json) as NativeImage[]).map((image) => new ImageHandle(image));
  }

  /** ImageInUseError if a sandbox was made from it, unless `force`. */
  static async remove(reference: string, options: { force?: boolean } = {}): Promise<void> {
    const request = JSON.stringify({ force: options.force ?? false });
    await blocking((native) => native.image_remove(reference, request));
  }

  /** Deletes what neither a reference nor a sandbox needs. */
  static async prune(): Promise<{ bytesReclaimed: number }> {
    const [json] = await blocking((native) => native.image_prune());
    return { bytesReclaimed: JSON.parse(json).bytes_reclaimed };
  }
}

async function pullImage(progress: bigint | 0, reference: string, options: PullOptions = {}): Promise<ImageHandle> {
  const { pullPolicy, insecure, caCertsPath } = options;
  const request = JSON.stringify({ pull_policy: pullPolicy, insecure, ca_certs: caCertsPath });
  const [json] = await cancellable(
    (native, cancel) => native.image_pull(cancel, progress, reference, request),
    options,
  );
  return new ImageHandle(JSON.parse(json));
}
