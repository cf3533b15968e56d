// Arguments that TypeScript's types do not check, or not for callers in JavaScript.
import { InvalidArgumentError } from "./errors.js";

/** A resource limit of commands. */
export interface Rlimit {
  /** The name of setrlimit(2) in lower case: "nofile", "cpu", ... */
  readonly resource: string;
  /** The limit that holds at first. */
  readonly soft: number;
  /** How far it may be raised. */
  readonly hard: number;
}

export function makeRlimit(resource: string, soft: number, hard: number): Rlimit {
  return { resource: text(resource, "resource"), soft: wholeNumber(soft, resource), hard: wholeNumber(hard, resource) };
}

/** Text by name: an object, or pairs. */
export type Pairs = Readonly<Record<string, string>> | Iterable<readonly [string, string]>;

export function refuse(message: string): never {
  throw new InvalidArgumentError({ kind: "invalid_argument", message });
}

export function wholeNumber(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) refuse(`${what} is not a whole number of at least 0: ${value}`);
  return value;
}

/** A duration; part of a unit counts as one, so that a short time is not none. */
export function duration(value: number, what: string): number {
  if (!Number.isFinite(value) || value < 0) refuse(`${what} is not a duration: ${value}`);
  return wholeNumber(Math.ceil(value), what);
}

export function texts(values: Iterable<string>, what: string): string[] {
  // A string is iterable too, by its characters.
  if (typeof values === "string") refuse(`${what} is one text, not a list of them`);
  return Array.from(values, (value) => text(value, what));
}

export function text(value: string, what: string): string {
  if (typeof value !== "string") refuse(`${what} is not text: ${String(value)}`);
  return value;
}

export function pairs(values: Pairs): Array<readonly [string, string]> {
  return Symbol.iterator in values
    ? Array.from(values as Iterable<readonly [string, string]>)
    : Object.entries(values as Readonly<Record<string, string>>);
}

export function bytes(data: Uint8Array | string): Uint8Array {
  if (typeof data === "string") return new TextEncoder().encode(data);
  if (!(data instanceof Uint8Array)) refuse("data is neither text nor a Uint8Array");
  // Buffer has its own type in some engines' Node-API.
  return data;
}

export function unixTime(value: Date | number, what: string): number {
  const time = value instanceof Date ? value.getTime() : value;
  if (!Number.isFinite(time)) refuse(`${what} is not a time: ${value}`);
  return Math.trunc(time);
}

export function milliseconds(value: number | null): Date | null {
  return value === null ? null : new Date(value);
}

/** One after another, in the order in which they were asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
