/** A path that differs between two disks. */
export interface DiskChange {
  /** In the guest. */
  readonly path: string;
  /** How it differs. */
  readonly change: "added" | "changed" | "removed";
  /** What it is. */
  readonly type: "file" | "directory" | "link" | "other";
  /** Of files, where it is known. */
  readonly sizeBefore: number | null;
  /** Of files, where it is known. */
  readonly sizeAfter: number | null;
}

interface NativeChange {
  path: string;
  change: DiskChange["change"];
  type: DiskChange["type"];
  size_before: number | null;
  size_after: number | null;
}

/** @internal */
export function diskChanges(json: string): DiskChange[] {
  return (JSON.parse(json) as NativeChange[]).map(({ path, change, type, size_before, size_after }) => ({
    path,
    change,
    type,
    sizeBefore: size_before,
    sizeAfter: size_after,
  }));
}
