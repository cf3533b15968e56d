import type { NativePatch } from "./tables.js";
import { bytes, text, wholeNumber } from "./values.js";

/** How something new is to be. */
export interface PatchOptions {
  /** Permissions; if not given 0644, of directories 0755, and of copies their own. */
  mode?: number;
  /** What is there already is replaced; otherwise that is PatchFailedError. */
  replace?: boolean;
}

/** A change to the files of a new sandbox as an object. */
export type Patch =
  | ({ kind: "text"; path: string; content: string } & PatchOptions)
  | ({ kind: "file"; path: string; content: Uint8Array } & PatchOptions)
  | { kind: "append"; path: string; content: string }
  | { kind: "mkdir"; path: string; mode?: number }
  | { kind: "remove"; path: string }
  | { kind: "symlink"; target: string; link: string; replace?: boolean }
  | ({ kind: "copyFile"; src: string; dst: string } & PatchOptions)
  | { kind: "copyDir"; src: string; dst: string; replace?: boolean };

const kinds: Partial<Record<string, string>> = { copyFile: "copy_file", copyDir: "copy_dir" };

function nativePatch(patch: Patch): NativePatch {
  const { kind, ...rest } = patch;
  const native: NativePatch = { ...rest, kind: kinds[kind] ?? kind, content: undefined };
  if (native.mode !== undefined) wholeNumber(native.mode, "mode");
  if (patch.kind === "file") native.content_base64 = Buffer.from(bytes(patch.content)).toString("base64");
  else if ("content" in patch) native.content = text(patch.content, "content");
  return native;
}

/**
 * Changes to the image's files, in their order. Paths of the guest are absolute. Each method changes the builder and
 * returns it.
 */
export class PatchBuilder {
  /** @internal */
  readonly settings: NativePatch[] = [];

  /** A file with this content. */
  text(path: string, content: string, options: PatchOptions = {}): this {
    return this.add({ kind: "text", path, content, ...options });
  }
  /** A file with these bytes. */
  file(path: string, content: Uint8Array, options: PatchOptions = {}): this {
    return this.add({ kind: "file", path, content, ...options });
  }
  /** Content at the end of a file that there is. */
  append(path: string, content: string): this {
    return this.add({ kind: "append", path, content });
  }
  /** A directory, with those above it. One that there is stays as it is. */
  mkdir(path: string, options: { mode?: number } = {}): this {
    return this.add({ kind: "mkdir", path, ...options });
  }
  /** Takes away what is there, if anything is. */
  remove(path: string): this {
    return this.add({ kind: "remove", path });
  }
  /** A symbolic link that leads to `target`. */
  symlink(target: string, link: string, options: { replace?: boolean } = {}): this {
    return this.add({ kind: "symlink", target, link, ...options });
  }
  /** A file of the host; a relative `src` is below the working directory. */
  copyFile(src: string, dst: string, options: PatchOptions = {}): this {
    return this.add({ kind: "copyFile", src, dst, ...options });
  }
  /** A directory of the host with everything below; a relative `src` is below the working directory. */
  copyDir(src: string, dst: string, options: { replace?: boolean } = {}): this {
    return this.add({ kind: "copyDir", src, dst, ...options });
  }
  /** Changes as objects. */
  add(...patches: Patch[]): this {
    this.settings.push(...patches.map(nativePatch));
    return this;
  }
}
