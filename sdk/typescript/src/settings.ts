// What builders of commands, of sandboxes and of inits have in common.
import { type Pairs, makeRlimit, pairs, text, texts } from "./values.js";
import type { NativeRlimit } from "./tables.js";

/** Environment. Each method changes the builder and returns it. */
export abstract class EnvironmentSettings<Options extends { env?: Record<string, string> | undefined }> {
  /** @internal */
  protected readonly options: Options;

  /** @internal */
  constructor(options: Options) {
    this.options = options;
  }

  /** One more variable over the environment that is there without it. */
  env(key: string, value: string): this {
    (this.options.env ??= {})[key] = text(value, key);
    return this;
  }
  /** More variables over the environment that is there without them. */
  envs(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.env(key, value);
    return this;
  }

  /** @internal */
  json(): string {
    return JSON.stringify(this.options);
  }
}

/** Environment, user and limits of commands. Each method changes the builder and returns it. */
export abstract class CommandSettings<
  Options extends {
    env?: Record<string, string> | undefined;
    user?: string | undefined;
    rlimits?: NativeRlimit[] | undefined;
  },
> extends EnvironmentSettings<Options> {
  /** The user who runs it: USER[:GROUP], names or numbers. */
  user(user: string): this {
    this.options.user = user;
    return this;
  }
  /** One more limit, by its name: "nofile", "cpu", ... It is soft and hard limit. */
  rlimit(resource: string, limit: number): this {
    return this.rlimitRange(resource, limit, limit);
  }
  /** One more limit, by its name: "nofile", "cpu", ... `hard` is how far it may be raised. */
  rlimitRange(resource: string, soft: number, hard: number): this {
    (this.options.rlimits ??= []).push(makeRlimit(resource, soft, hard));
    return this;
  }
}

/** @internal Adds to arguments. */
export function addArguments(options: { args?: string[] | undefined }, values: Iterable<string>): void {
  (options.args ??= []).push(...texts(values, "args"));
}
