import { type CallOptions, cancellable } from "./native.js";
import { CommandSettings, addArguments } from "./settings.js";
import type { NativeAttachOptions } from "./tables.js";

/** How a command with the terminal of this process is run. Each method changes the builder and returns it. */
export class AttachOptionsBuilder extends CommandSettings<NativeAttachOptions> {
  constructor() {
    super({});
  }

  /** One more argument. */
  arg(value: string): this {
    return this.args([value]);
  }
  /** More arguments. */
  args(values: Iterable<string>): this {
    addArguments(this.options, values);
    return this;
  }
  /** The command's working directory. */
  cwd(path: string): this {
    this.options.cwd = path;
    return this;
  }
  /** Keys that leave the command without ending it, as "ctrl-p,ctrl-q", or "none"; "ctrl-]" if not given. */
  detachKeys(keys: string): this {
    this.options.detach_keys = keys;
    return this;
  }

  /** @internal */
  shell(): this {
    this.options.shell = true;
    return this;
  }
}

/** Sets how a command with the terminal of this process is run. */
export type ConfigureAttach = (options: AttachOptionsBuilder) => AttachOptionsBuilder;

/** @internal `command` null is the sandbox's own, or with shell() its shell. */
export async function attachCommand(
  sandbox: bigint,
  command: string | null,
  request: AttachOptionsBuilder,
  options?: CallOptions,
): Promise<number> {
  const settings = request.json();
  const [end] = await cancellable(
    (native, cancel) => native.sandbox_attach(cancel, sandbox, command, settings),
    options,
  );
  return (JSON.parse(end) as { exit_code: number }).exit_code;
}
