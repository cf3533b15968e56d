// Files of directory volumes, without a sandbox.
import { PathNotFoundError } from "./errors.js";
import { type FsEntry, type NativeEntry, fsEntry } from "./fs.js";
import { blocking } from "./native.js";
import { bytes } from "./values.js";

/**
 * The files of a directory volume: `VolumeHandle.fs()`. Paths are from its root, and links that sandboxes have made lead
 * within it. Calls fail with VolumeNotFoundError, PathNotFoundError or SandboxFsOpsError; with UnsupportedError of a disk.
 */
export class VolumeFs {
  readonly #name: string;

  /** @internal */
  constructor(name: string) {
    this.#name = name;
  }

  /** The content of a file, up to 256 MiB. */
  async read(path: string): Promise<Uint8Array> {
    const [data] = await blocking((native) => native.volume_fs_read(this.#name, path));
    return data ?? new Uint8Array();
  }
  /** The content of a file as text; bytes that are not UTF-8 are replaced. */
  async readToString(path: string): Promise<string> {
    return new TextDecoder().decode(await this.read(path));
  }
  /** Makes or replaces a file, with the directories that are missing; who opens it sees the old or the new content. */
  async write(path: string, data: Uint8Array | string): Promise<void> {
    const content = bytes(data).slice();
    await blocking((native) => native.volume_fs_write(this.#name, path, content));
  }
  /** What a path leads to; of a symbolic link the link itself. */
  async stat(path: string): Promise<FsEntry> {
    const [json] = await blocking((native) => native.volume_fs_stat(this.#name, path));
    return fsEntry(JSON.parse(json));
  }
  /** Whether there is something at a path. */
  async exists(path: string): Promise<boolean> {
    try {
      await this.stat(path);
      return true;
    } catch (error) {
      if (error instanceof PathNotFoundError) return false;
      throw error;
    }
  }
  /** What a directory has in it, one level, by name. */
  async list(path = "/"): Promise<FsEntry[]> {
    const [json] = await blocking((native) => native.volume_fs_list(this.#name, path));
    return (JSON.parse(json) as NativeEntry[]).map(fsEntry);
  }
  /** Makes a directory, with the parents that are missing. */
  async mkdir(path: string): Promise<void> {
    await blocking((native) => native.volume_fs_mkdir(this.#name, path));
  }
  /** Removes a file, or a directory that is empty. */
  async remove(path: string): Promise<void> {
    await blocking((native) => native.volume_fs_remove(this.#name, path, "{}"));
  }
  /** Removes a directory with what is in it, but not the volume's root. */
  async removeDir(path: string): Promise<void> {
    await blocking((native) => native.volume_fs_remove(this.#name, path, JSON.stringify({ recursive: true })));
  }
  /** Copies a single file within the volume. */
  async copy(from: string, to: string): Promise<void> {
    await blocking((native) => native.volume_fs_copy(this.#name, from, to));
  }
  /** Gives a file or directory another path. */
  async rename(from: string, to: string): Promise<void> {
    await blocking((native) => native.volume_fs_rename(this.#name, from, to));
  }
}
