import { type Rlimit, makeRlimit } from "./exec.js";
import { type CallOptions, cancellable } from "./native.js";
import { PullProgressCreate } from "./progress.js";
import { type Sandbox, parseHandle } from "./sandbox.js";
import { type Pairs, duration, pairs, text, texts, wholeNumber } from "./values.js";

export type PullPolicy = "if-missing" | "always" | "never";
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

interface NativeMount {
  bind?: string;
  readonly?: boolean;
  noexec?: boolean;
  nosuid?: boolean;
  nodev?: boolean;
  follow_root_symlinks?: boolean;
  stat_virtualization?: string;
  host_permissions?: string;
}

interface NativePort {
  bind?: string;
  host_port: number;
  guest_port: number;
  protocol: "tcp" | "udp";
}

/** As the C ABI has them. */
interface NativeCreateOptions {
  image?: string;
  cpus?: number;
  max_cpus?: number;
  memory_mib?: number;
  max_memory_mib?: number;
  root_disk_mib?: number;
  thp?: string;
  env?: Record<string, string>;
  labels?: Record<string, string>;
  scripts?: Record<string, string>;
  workdir?: string;
  user?: string;
  hostname?: string;
  shell?: string;
  entrypoint?: string[];
  cmd?: string[];
  init?: { cmd: string; args: string[]; env: Record<string, string> };
  security?: string;
  volumes?: Record<string, NativeMount>;
  ports?: NativePort[];
  network?: false | { profiles: string[]; max_connections?: number };
  rlimits?: Rlimit[];
  engine?: string;
  require_isolation?: string;
  pull_policy?: string;
  insecure?: boolean;
  ca_certs?: string;
  max_duration_secs?: number;
  idle_timeout_secs?: number;
  log_level?: string;
  detached?: boolean;
  ephemeral?: boolean;
  replace?: boolean;
  replace_with_timeout_ms?: number;
}

/** Arguments and environment of an init; changes itself and returns itself. */
export class InitOptionsBuilder {
  /** @internal */
  readonly settings: { args: string[]; env: Record<string, string> } = { args: [], env: {} };

  arg(value: string): this {
    return this.args([value]);
  }
  args(values: Iterable<string>): this {
    this.settings.args.push(...texts(values, "args"));
    return this;
  }
  env(key: string, value: string): this {
    this.settings.env[key] = text(value, key);
    return this;
  }
  envs(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.env(key, value);
    return this;
  }
}

/** How to reach the registry; changes itself and returns itself. */
export class RegistryBuilder {
  /** @internal */
  readonly settings: { insecure?: boolean; ca_certs?: string } = {};

  /** Plain HTTP. */
  insecure(enabled = true): this {
    this.settings.insecure = enabled;
    return this;
  }
  /** A PEM file of authorities that are trusted besides the system's. */
  caCertsPath(path: string): this {
    this.settings.ca_certs = path;
    return this;
  }
}

/** What a path of the guest leads to; changes itself and returns itself. */
export class MountBuilder {
  /** @internal */
  readonly settings: NativeMount = {};

  /** A directory or file of the host. */
  bind(hostPath: string): this {
    this.settings.bind = text(hostPath, "bind");
    return this;
  }
  readonly(enabled = true): this {
    this.settings.readonly = enabled;
    return this;
  }
  noexec(enabled = true): this {
    this.settings.noexec = enabled;
    return this;
  }
  nosuid(enabled = true): this {
    this.settings.nosuid = enabled;
    return this;
  }
  nodev(enabled = true): this {
    this.settings.nodev = enabled;
    return this;
  }
  /** The host's path may lead through symbolic links. */
  followRootSymlinks(enabled = true): this {
    this.settings.follow_root_symlinks = enabled;
    return this;
  }
  /** "strict": owner and mode are the guest's own, kept beside each file. "off": they are the host's. */
  statVirtualization(mode: "strict" | "off"): this {
    this.settings.stat_virtualization = mode;
    return this;
  }
  /** "mirror": the host's mode follows the guest's. */
  hostPermissions(mode: "private" | "mirror"): this {
    this.settings.host_permissions = mode;
    return this;
  }
}

export type NetworkProfile = "public" | "private" | "host" | "all";

/** What the guest may reach; changes itself and returns itself. */
export class NetworkBuilder {
  /** @internal */
  readonly settings: { profiles: string[]; max_connections?: number } = { profiles: [] };

  /** "all" only alone. Without any the guest reaches nothing; published ports still lead in. */
  profiles(...profiles: NetworkProfile[]): this {
    this.settings.profiles.push(...texts(profiles, "profiles"));
    return this;
  }
  maxConnections(count: number): this {
    this.settings.max_connections = wholeNumber(count, "maxConnections");
    return this;
  }
}

/** What a new sandbox is to be; changes itself and returns itself. */
export class SandboxBuilder {
  readonly #name: string;
  readonly #options: NativeCreateOptions = {};

  /** @internal */
  constructor(name: string) {
    this.#name = name;
  }

  /** A reference; the image that comes with the program if not given. */
  image(reference: string): this {
    this.#options.image = reference;
    return this;
  }
  cpus(count: number): this {
    this.#options.cpus = wholeNumber(count, "cpus");
    return this;
  }
  maxCpus(count: number): this {
    this.#options.max_cpus = wholeNumber(count, "maxCpus");
    return this;
  }
  memory(mib: number): this {
    this.#options.memory_mib = wholeNumber(mib, "memory");
    return this;
  }
  maxMemory(mib: number): this {
    this.#options.max_memory_mib = wholeNumber(mib, "maxMemory");
    return this;
  }
  /** Size in MiB of what can be written. */
  rootDisk(mib: number): this {
    this.#options.root_disk_mib = wholeNumber(mib, "rootDisk");
    return this;
  }
  /** Large pages for the guest's memory. */
  thp(mode: "always" | "madvise" | "never"): this {
    this.#options.thp = mode;
    return this;
  }
  /** For all commands. */
  env(key: string, value: string): this {
    (this.#options.env ??= {})[key] = text(value, key);
    return this;
  }
  envs(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.env(key, value);
    return this;
  }
  label(key: string, value: string): this {
    (this.#options.labels ??= {})[key] = text(value, key);
    return this;
  }
  labels(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.label(key, value);
    return this;
  }
  /** A file on every command's PATH. */
  script(name: string, body: string): this {
    (this.#options.scripts ??= {})[name] = text(body, name);
    return this;
  }
  scripts(values: Pairs): this {
    for (const [name, body] of pairs(values)) this.script(name, body);
    return this;
  }
  workdir(path: string): this {
    this.#options.workdir = path;
    return this;
  }
  user(user: string): this {
    this.#options.user = user;
    return this;
  }
  hostname(name: string): this {
    this.#options.hostname = name;
    return this;
  }
  /** For Sandbox.shell(). */
  shell(path: string): this {
    this.#options.shell = path;
    return this;
  }
  /** Instead of the image's, as `cmd`: both for Sandbox.execDefault(). */
  entrypoint(words: Iterable<string>): this {
    this.#options.entrypoint = texts(words, "entrypoint");
    return this;
  }
  cmd(words: Iterable<string>): this {
    this.#options.cmd = texts(words, "cmd");
    return this;
  }
  /** What becomes the guest's process 1: an absolute path, or "auto". Setting it again replaces it. */
  init(cmd: string, args: Iterable<string> = []): this {
    return this.initWith(cmd, (init) => init.args(args));
  }
  initWith(cmd: string, configure: (init: InitOptionsBuilder) => InitOptionsBuilder): this {
    this.#options.init = { cmd: text(cmd, "init"), ...configure(new InitOptionsBuilder()).settings };
    return this;
  }
  /** "restricted" also isolates the guest's users from the guest's kernel. */
  security(profile: "default" | "restricted"): this {
    this.#options.security = profile;
    return this;
  }
  volume(guestPath: string, configure: (mount: MountBuilder) => MountBuilder): this {
    (this.#options.volumes ??= {})[text(guestPath, "guestPath")] = configure(new MountBuilder()).settings;
    return this;
  }
  /** A TCP port of the host's loopback that leads to one of the guest's. */
  port(host: number, guest: number): this {
    return this.#publish(host, guest, "tcp");
  }
  portBind(bind: string, host: number, guest: number): this {
    return this.#publish(host, guest, "tcp", bind);
  }
  portUdp(host: number, guest: number): this {
    return this.#publish(host, guest, "udp");
  }
  portUdpBind(bind: string, host: number, guest: number): this {
    return this.#publish(host, guest, "udp", bind);
  }
  network(configure: (network: NetworkBuilder) => NetworkBuilder): this {
    this.#options.network = configure(new NetworkBuilder()).settings;
    return this;
  }
  disableNetwork(): this {
    this.#options.network = false;
    return this;
  }
  /** For all commands. */
  rlimit(resource: string, limit: number): this {
    return this.rlimitRange(resource, limit, limit);
  }
  rlimitRange(resource: string, soft: number, hard: number): this {
    (this.#options.rlimits ??= []).push(makeRlimit(resource, soft, hard));
    return this;
  }
  engine(engine: "auto" | "uml" | "kvm"): this {
    this.#options.engine = engine;
    return this;
  }
  requireIsolation(isolation: "any" | "hardware"): this {
    this.#options.require_isolation = isolation;
    return this;
  }
  pullPolicy(policy: PullPolicy): this {
    this.#options.pull_policy = policy;
    return this;
  }
  registry(configure: (registry: RegistryBuilder) => RegistryBuilder): this {
    Object.assign(this.#options, configure(new RegistryBuilder()).settings);
    return this;
  }
  maxDuration(seconds: number): this {
    this.#options.max_duration_secs = duration(seconds, "maxDuration");
    return this;
  }
  idleTimeout(seconds: number): this {
    this.#options.idle_timeout_secs = duration(seconds, "idleTimeout");
    return this;
  }
  logLevel(level: LogLevel): this {
    this.#options.log_level = level;
    return this;
  }
  /** It goes on without this object and process. */
  detached(enabled: boolean): this {
    this.#options.detached = enabled;
    return this;
  }
  /** Nothing of it is kept when it has stopped. */
  ephemeral(enabled: boolean): this {
    this.#options.ephemeral = enabled;
    return this;
  }
  /** One of the same name is stopped and removed first. */
  replace(): this {
    this.#options.replace = true;
    return this;
  }
  /** With another time than 10 s between stop signal and kill. */
  replaceWithTimeout(timeoutMs: number): this {
    this.#options.replace_with_timeout_ms = duration(timeoutMs, "timeoutMs");
    return this;
  }

  /** Makes the sandbox and starts it. */
  create(options?: CallOptions): Promise<Sandbox> {
    return this.#create(0, options);
  }

  /** The same, and tells how far getting the image is. */
  async createWithPullProgress(options?: CallOptions): Promise<PullProgressCreate> {
    return new PullProgressCreate((progress) => this.#create(progress, options));
  }

  #publish(host: number, guest: number, protocol: "tcp" | "udp", bind?: string): this {
    (this.#options.ports ??= []).push({
      host_port: wholeNumber(host, "host port"),
      guest_port: wholeNumber(guest, "guest port"),
      protocol,
      ...(bind === undefined ? {} : { bind }),
    });
    return this;
  }

  async #create(progress: bigint | 0, options?: CallOptions): Promise<Sandbox> {
    const request = JSON.stringify(this.#options);
    const [json] = await cancellable(
      (native, cancel) => native.sandbox_create(cancel, progress, text(this.#name, "name"), request),
      options,
    );
    return parseHandle(json);
  }
}
