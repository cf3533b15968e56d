import { type CallOptions, blocking, cancellable } from "./native.js";
import { PullProgressSession } from "./progress.js";
import type { NativePullOptions, PullPolicy } from "./tables.js";
import { texts } from "./values.js";

/** How an image is fetched. */
export interface PullOptions extends CallOptions {
  /** When it is fetched; "if-missing" if not given. */
  pullPolicy?: PullPolicy;
  /** Plain HTTP to the registry, without encryption. */
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
  /** Its name: "docker.io/library/debian:12". */
  readonly reference: string;
  /** The digest of its manifest: "sha256:...". */
  readonly manifestDigest: string;
  /** The processor it is for, as OCI names it: "amd64". */
  readonly architecture: string;
  /** The operating system it is for: "linux". */
  readonly os: string;
  /** How many layers it has. */
  readonly layerCount: number;
  /** Its size in bytes as it is transported, compressed. */
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

  /** The image with what it says of its commands and what it consists of. */
  inspect(): Promise<ImageDetail> {
    return Image.inspect(this.reference);
  }

  /** Deletes the image. ImageInUseError if a sandbox was made from it, unless `force`. */
  remove(options?: { force?: boolean }): Promise<void> {
    return Image.remove(this.reference, options);
  }
}

/** An image with what it says of its commands and what it consists of. */
export interface ImageDetail {
  /** The image. */
  readonly handle: ImageHandle;
  /** What it says of its commands, as `msb image inspect` shows it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Its layers, the lowest first, as `msb image inspect` shows them. */
  readonly layers: ReadonlyArray<Readonly<Record<string, unknown>>>;
}

/** The image cache. */
export class Image {
  private constructor() {}

  /** All images in the cache, newest first. */
  static async list(): Promise<ImageHandle[]> {
    const [json] = await blocking((native) => native.image_list());
    return (JSON.parse(json) as NativeImage[]).map((image) => new ImageHandle(image));
  }

  /** An image. ImageNotFoundError if it is not in the cache. */
  static async get(reference: string): Promise<ImageHandle> {
    return (await Image.inspect(reference)).handle;
  }

  /** An image with what it says of its commands and what it consists of. ImageNotFoundError if it is not in the cache. */
  static async inspect(reference: string): Promise<ImageDetail> {
    const [json] = await blocking((native) => native.image_inspect(reference));
    const image = JSON.parse(json);
    return { handle: new ImageHandle(image), config: image.config, layers: image.layers };
  }

  /** Fetches an image from its registry. ImageNotFoundError, ImagePullFailedError. */
  static pull(reference: string, options?: PullOptions): Promise<ImageHandle> {
    return pullImage(0, reference, options);
  }

  /** Fetches an image from its registry as pull() does, and reports how that goes on. */
  static async pullWithProgress(reference: string, options?: PullOptions): Promise<PullProgressImage> {
    return new PullProgressImage((progress) => pullImage(progress, reference, options));
  }

  /** Takes images from a docker-archive or OCI-layout tar on the host; `tags` are more names of its first image. */
  static async load(path: string, options: CallOptions & { tags?: Iterable<string> } = {}): Promise<ImageHandle[]> {
    const request = JSON.stringify({ tags: texts(options.tags ?? [], "tags") });
    const [json] = await cancellable((native, cancel) => native.image_load(cancel, 0, path, request), options);
    return (JSON.parse(json) as NativeImage[]).map((image) => new ImageHandle(image));
  }

  /** Deletes an image. ImageInUseError if a sandbox was made from it, unless `force`. */
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
  const native: NativePullOptions = { pull_policy: pullPolicy, insecure, ca_certs: caCertsPath };
  const request = JSON.stringify(native);
  const [json] = await cancellable(
    (native, cancel) => native.image_pull(cancel, progress, reference, request),
    options,
  );
  return new ImageHandle(JSON.parse(json));
}

/** An image that is being pulled. */
export class PullProgressImage extends PullProgressSession<ImageHandle> {
  /** The image, when it is there. */
  awaitImage(): Promise<ImageHandle> {
    return this.outcome;
  }
}
