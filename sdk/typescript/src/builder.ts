import { type NetworkConfig, NetworkBuilder } from "./network.js";
import { type Patch, PatchBuilder } from "./patch.js";
import { CommandSettings, EnvironmentSettings, addArguments } from "./settings.js";
import type {
  DiskFormat,
  Engine,
  HostPermissions,
  Isolation,
  LogLevel,
  MountCache,
  NativeCreateOptions,
  NativeInit,
  NativeMount,
  PullPolicy,
  SecurityProfile,
  StatVirtualization,
  ThpMode,
  VolumeKind,
  VolumeMode,
} from "./tables.js";
import { type Pairs, duration, pairs, text, texts, wholeNumber } from "./values.js";

/** Arguments and environment of an init. Each method changes the builder and returns it. */
export class InitOptionsBuilder extends EnvironmentSettings<NativeInit> {
  /** @internal */
  constructor(cmd: string) {
    super({ cmd: text(cmd, "init"), args: [], env: {} });
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

  /** @internal */
  get settings(): NativeInit {
    return this.options;
  }
}

/** How a registry is spoken to. Each method changes the builder and returns it. */
export class RegistryBuilder {
  /** @internal */
  readonly settings: { insecure?: boolean; ca_certs?: string } = {};

  /** Plain HTTP, without encryption. */
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

/** What a volume is to be like: what is made, or is there already. */
export interface VolumeSettings {
  /** What it is made of; a directory if it is made and this is not given. */
  kind?: VolumeKind | undefined;
  /** Of a disk. */
  sizeMib?: number | undefined;
  /** By how many MiB guests may make the files of a directory grow. */
  quotaMib?: number | undefined;
  /** Of a named volume. */
  labels?: Pairs;
}

/** What is at a path of the guest. Each method changes the builder and returns it. */
export class MountBuilder {
  /** @internal */
  readonly settings: NativeMount = {};

  /** A directory or file of the host. */
  bind(hostPath: string): this {
    this.settings.bind = text(hostPath, "bind");
    return this;
  }
  /** A volume that is there. VolumeNotFoundError if it is not. */
  named(name: string): this {
    this.settings.named = text(name, "named");
    return this;
  }
  /** A volume: one that is there ("existing"), is made ("create"), or either ("ensure-exists"). */
  namedWith(name: string, mode: VolumeMode = "existing", kind?: VolumeKind, sizeMib?: number, quotaMib?: number): this {
    this.settings.named_mode = mode;
    return this.named(name).#volume({ kind, sizeMib, quotaMib });
  }
  /** Labels of a named volume; one that is there has to have them. */
  labels(values: Pairs): this {
    return this.#volume({ labels: values });
  }
  /** A volume of the sandbox alone, which is removed with it. */
  owned(volume: VolumeSettings = {}): this {
    this.settings.owned = true;
    return this.#volume(volume);
  }
  /** A file system in the guest's memory; half of that if no size is given. */
  tmpfs(sizeMib?: number): this {
    this.settings.tmpfs = true;
    return this.#volume({ sizeMib });
  }
  /** The file system in a disk image. */
  disk(hostPath: string): this {
    this.settings.disk = text(hostPath, "disk");
    return this;
  }
  /** How a disk image has to be read; by its name if not given. */
  format(format: DiskFormat): this {
    this.settings.format = format;
    return this;
  }
  /** The file system in a disk image; the guest tries those that it has if not given. */
  fstype(type: string): this {
    this.settings.fstype = text(type, "fstype");
    return this;
  }
  #volume(volume: VolumeSettings): this {
    if (volume.kind !== undefined) this.settings.kind = volume.kind;
    if (volume.sizeMib !== undefined) this.settings.size_mib = volume.sizeMib;
    if (volume.quotaMib !== undefined) this.settings.quota_mib = volume.quotaMib;
    if (volume.labels !== undefined) this.settings.labels = Object.fromEntries(pairs(volume.labels));
    return this;
  }
  /** The guest cannot write. */
  readonly(enabled = true): this {
    this.settings.readonly = enabled;
    return this;
  }
  /** Programs there cannot be executed. */
  noexec(enabled = true): this {
    this.settings.noexec = enabled;
    return this;
  }
  /** Set-user-ID bits of programs there have no effect. */
  nosuid(enabled = true): this {
    this.settings.nosuid = enabled;
    return this;
  }
  /** Device files there have no effect. */
  nodev(enabled = true): this {
    this.settings.nodev = enabled;
    return this;
  }
  /** The host's path may lead through symbolic links. */
  followRootSymlinks(enabled = true): this {
    this.settings.follow_root_symlinks = enabled;
    return this;
  }
  /** Whose owners and modes the guest sees. "strict": its own, kept beside each file. "off": the host's. */
  statVirtualization(mode: StatVirtualization): this {
    this.settings.stat_virtualization = mode;
    return this;
  }
  /** What becomes of modes that the guest sets. "mirror": the host's mode follows the guest's. */
  hostPermissions(mode: HostPermissions): this {
    this.settings.host_permissions = mode;
    return this;
  }
  /** What the guest may answer from memory. "strict": nothing that the host may have changed. "cached": for a second. */
  cache(mode: MountCache): this {
    this.settings.cache = mode;
    return this;
  }
  /** By how many MiB the guest may make files grow, and how many files it may add; 0: as there is room. */
  quota(mib: number, inodes?: number): this {
    this.settings.quota_mib = mib;
    if (inodes !== undefined) this.settings.quota_inodes = inodes;
    return this;
  }
  /** Whose the user's files are in the guest, instead of its default user's. */
  owner(uid: number, gid: number): this {
    this.settings.uid = uid;
    this.settings.gid = gid;
    return this;
  }
}

/** What a new sandbox is to be. Each method changes the settings and returns them. */
export abstract class SandboxSettings extends CommandSettings<NativeCreateOptions> {
  constructor() {
    super({});
  }

  /** The reference of an image; the image that comes with the program if not given. */
  image(reference: string): this {
    this.options.image = reference;
    return this;
  }
  /** In place of an image: a snapshot whose disk and image it begins with, by name, path or digest. */
  fromSnapshot(snapshot: string): this {
    this.options.from_snapshot = snapshot;
    return this;
  }
  /** The number of virtual processors. */
  cpus(count: number): this {
    this.options.cpus = wholeNumber(count, "cpus");
    return this;
  }
  /** How many virtual processors it can be given later. */
  maxCpus(count: number): this {
    this.options.max_cpus = wholeNumber(count, "maxCpus");
    return this;
  }
  /** The memory in MiB. */
  memory(mib: number): this {
    this.options.memory_mib = wholeNumber(mib, "memory");
    return this;
  }
  /** How much memory, in MiB, it can be given later. */
  maxMemory(mib: number): this {
    this.options.max_memory_mib = wholeNumber(mib, "maxMemory");
    return this;
  }
  /**
   * Size of the root disk in MiB; or what takes what is written to the root: "8G", "tmpfs[:SIZE]" (memory, new at each
   * start), "flat[:SIZE]" (with the image's files in it), or the path of a disk image of the host.
   */
  rootDisk(disk: number | string): this {
    if (typeof disk === "string") this.options.root_disk = disk;
    else this.options.root_disk_mib = wholeNumber(disk, "rootDisk");
    return this;
  }
  /** Huge pages for the guest's memory. */
  thp(mode: ThpMode): this {
    this.options.thp = mode;
    return this;
  }
  /** One more label. */
  label(key: string, value: string): this {
    (this.options.labels ??= {})[key] = text(value, key);
    return this;
  }
  /** More labels. */
  labels(values: Pairs): this {
    for (const [key, value] of pairs(values)) this.label(key, value);
    return this;
  }
  /** One more file on every command's PATH. */
  script(name: string, body: string): this {
    (this.options.scripts ??= {})[name] = text(body, name);
    return this;
  }
  /** More files on every command's PATH: content by name. */
  scripts(values: Pairs): this {
    for (const [name, body] of pairs(values)) this.script(name, body);
    return this;
  }
  /** The directory in which commands start. */
  workdir(path: string): this {
    this.options.workdir = path;
    return this;
  }
  /** The guest's name. */
  hostname(name: string): this {
    this.options.hostname = name;
    return this;
  }
  /** The shell of Sandbox.shell(): an absolute path in the guest. */
  shell(path: string): this {
    this.options.shell = path;
    return this;
  }
  /** The entrypoint of Sandbox.execDefault(), in place of the image's. */
  entrypoint(words: Iterable<string>): this {
    this.options.entrypoint = texts(words, "entrypoint");
    return this;
  }
  /** The words behind the entrypoint, in place of the image's cmd. */
  cmd(words: Iterable<string>): this {
    this.options.cmd = texts(words, "cmd");
    return this;
  }
  /** What becomes the guest's process 1: an absolute path, or "auto". Setting it again replaces it. */
  init(cmd: string, args: Iterable<string> = []): this {
    return this.initWith(cmd, (init) => init.args(args));
  }
  /** What becomes the guest's process 1, as init(), with arguments and environment. */
  initWith(cmd: string, configure: (init: InitOptionsBuilder) => InitOptionsBuilder): this {
    this.options.init = configure(new InitOptionsBuilder(cmd)).settings;
    return this;
  }
  /** What the guest's users may do. "restricted" also isolates them from the guest's kernel. */
  security(profile: SecurityProfile): this {
    this.options.security = profile;
    return this;
  }
  /** A directory or file of the host at a path of the guest. */
  volume(guestPath: string, configure: (mount: MountBuilder) => MountBuilder): this {
    (this.options.volumes ??= {})[text(guestPath, "guestPath")] = configure(new MountBuilder()).settings;
    return this;
  }
  /**
   * Changes files of the image before the sandbox first starts: `patch((p) => p.text("/etc/motd", "hello"))`, or objects.
   * More calls add. Not with fromSnapshot().
   */
  patch(...changes: ((patches: PatchBuilder) => PatchBuilder)[] | Patch[]): this {
    for (const change of changes) {
      const builder = new PatchBuilder();
      const { settings } = typeof change === "function" ? change(builder) : builder.add(change);
      (this.options.patches ??= []).push(...settings);
    }
    return this;
  }
  /** A TCP port of the host's loopback that leads to one of the guest's; host 0: one that is free. */
  port(host: number, guest: number): this {
    return this.#publish(host, guest, "tcp");
  }
  /** A TCP port of the host, at the address `bind`, that leads to one of the guest's. */
  portBind(bind: string, host: number, guest: number): this {
    return this.#publish(host, guest, "tcp", bind);
  }
  /** A UDP port of the host's loopback that leads to one of the guest's. */
  portUdp(host: number, guest: number): this {
    return this.#publish(host, guest, "udp");
  }
  /** A UDP port of the host, at the address `bind`, that leads to one of the guest's. */
  portUdpBind(bind: string, host: number, guest: number): this {
    return this.#publish(host, guest, "udp", bind);
  }
  /** What the guest may reach. */
  network(network: NetworkConfig | ((network: NetworkBuilder) => NetworkBuilder)): this {
    this.options.network = NetworkBuilder.read(network);
    return this;
  }
  /** The guest has no network interface. */
  disableNetwork(): this {
    this.options.network = false;
    return this;
  }
  /** What runs the guest. */
  engine(engine: Engine): this {
    this.options.engine = engine;
    return this;
  }
  /** The guest's kernel: "auto", a bundle's name, or the absolute path of a bundle's folder. */
  kernel(choice: string): this {
    this.options.kernel = choice;
    return this;
  }
  /** The boundary between guest and host that is asked for. */
  requireIsolation(isolation: Isolation): this {
    this.options.require_isolation = isolation;
    return this;
  }
  /** When the image is fetched. */
  pullPolicy(policy: PullPolicy): this {
    this.options.pull_policy = policy;
    return this;
  }
  /** How the registry is spoken to. */
  registry(configure: (registry: RegistryBuilder) => RegistryBuilder): this {
    Object.assign(this.options, configure(new RegistryBuilder()).settings);
    return this;
  }
  /** Stops the sandbox after this many seconds. */
  maxDuration(seconds: number): this {
    this.options.max_duration_secs = duration(seconds, "maxDuration");
    return this;
  }
  /** Stops the sandbox when nothing happened for this many seconds. */
  idleTimeout(seconds: number): this {
    this.options.idle_timeout_secs = duration(seconds, "idleTimeout");
    return this;
  }
  /** How often its metrics are sampled, in milliseconds, at least 100; 0: never. */
  metricsSampleIntervalMs(ms: number): this {
    this.options.metrics_sample_interval_ms = wholeNumber(ms, "metricsSampleIntervalMs");
    return this;
  }
  /** Its metrics are not sampled. */
  disableMetricsSample(): this {
    this.options.disable_metrics_sample = true;
    return this;
  }
  /** How much the sandbox's runtime logs. */
  logLevel(level: LogLevel): this {
    this.options.log_level = level;
    return this;
  }
  /** The sandbox goes on without handle and process. */
  detached(enabled: boolean): this {
    this.options.detached = enabled;
    return this;
  }
  /** Nothing of the sandbox is kept when it has stopped. */
  ephemeral(enabled: boolean): this {
    this.options.ephemeral = enabled;
    return this;
  }
  /** A sandbox of the same name is stopped and removed first; after 10 s it is killed. */
  replace(): this {
    this.options.replace = true;
    return this;
  }
  /** A sandbox of the same name is stopped and removed first; after this many milliseconds it is killed, with 0 at once. */
  replaceWithTimeout(timeoutMs: number): this {
    this.options.replace_with_timeout_ms = duration(timeoutMs, "timeoutMs");
    return this;
  }

  #publish(host: number, guest: number, protocol: "tcp" | "udp", bind?: string): this {
    (this.options.ports ??= []).push({
      host_port: wholeNumber(host, "host port"),
      guest_port: wholeNumber(guest, "guest port"),
      protocol,
      ...(bind === undefined ? {} : { bind }),
    });
    return this;
  }
}
