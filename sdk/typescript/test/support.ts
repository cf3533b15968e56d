import { Sandbox } from "microsandbox";

let count = 0;

/** Of a sandbox of this process's. */
export function uniqueName(): string {
  return `t${process.pid}-${(count += 1)}`;
}

/** Milliseconds since. */
export function elapsed(): () => number {
  const begin = performance.now();
  return () => performance.now() - begin;
}

export async function removed(name: string): Promise<void> {
  await Sandbox.remove(name, { force: true });
}
