// What a guest may reach, and what its network did.
import { blocking } from "./native.js";
import type { NativeBucket, NativeDns, NativeModifyOptions, NativeNetwork, NativeNetworkLogOptions, NativeRates, NativeRule, NativeSecret, NativeTls, NetworkAction, NetworkDirection, NetworkProfile, ViolationAction } from "./tables.js";
import { refuse, text, texts, unixTime, wholeNumber } from "./values.js";

/** What a rule is about, if a text could be read as something else. */
export type Destination =
  | { kind: "any" }
  | { kind: "ip" | "cidr" | "domain" | "domain_suffix" | "domainSuffix" | "group"; value: string };

/** A rule as an object: what is not given is "any", and egress. */
export interface NetworkRule {
  action: NetworkAction;
  direction?: NetworkDirection;
  /** A name, "*.NAME", an address, a prefix or a group ("public", "link-local", ...). */
  destination?: string | Destination;
  protocol?: "any" | "tcp" | "udp" | "icmpv4" | "icmpv6";
  /** More than one of them. */
  protocols?: Iterable<string>;
  /** One port, or "8000-8010". */
  port?: number | string;
  /** More than one of them. */
  ports?: Iterable<number | string>;
}

/** Rules, of which the first that matches decides, and what is done where none does. */
export interface CustomPolicy {
  defaultEgress?: NetworkAction;
  defaultIngress?: NetworkAction;
  rules?: Iterable<string | NetworkRule>;
}

/** How names are looked up. */
export interface DnsConfig {
  /** "IP[:PORT]" of servers to ask in place of this machine's. */
  nameservers?: Iterable<string>;
  /** Until a lookup is given up; 10000 if not given. */
  queryTimeoutMs?: number;
  /** Whether names may only lead to public addresses and to those that a rule allows: true if not given. */
  rebindProtection?: boolean;
}

/** The guest's place in its network; what is not given follows from its name. */
export interface InterfaceConfig {
  mac?: string;
  /** Size of the largest IP packet; 1500 if not given. */
  mtu?: number;
  /** Its gateway's address is one less. */
  ipv4?: string;
  /** Its gateway's address is the first of the /64. */
  ipv6?: string;
  /** Prefix that the address comes from; 172.16.0.0/12 if not given. */
  ipv4Pool?: string;
  /** Prefix that the address comes from; fd42:6d73:62::/48 if not given. */
  ipv6Pool?: string;
}

/**
 * How TLS connections are opened on their way. The files, in PEM form, are read at each start. Patterns of hosts are
 * NAME, "*.NAME" (that and all below it), an address, or "*"; the closest counts.
 */
export interface TlsConfig {
  /** 443 if not given. */
  interceptedPorts?: Iterable<number>;
  /** Patterns of hosts whose connections stay as they are. */
  bypass?: Iterable<string>;
  /** QUIC to those ports, which cannot be opened, is refused; true if not given. */
  blockQuic?: boolean;
  /** The authority that the guest is to trust; one that is made at each start if not given. */
  interceptCaCert?: string;
  interceptCaKey?: string;
  /** Servers' certificates are checked; true if not given. */
  verifyUpstream?: boolean;
  verifyUpstreamFor?: Iterable<{ pattern: string; verify: boolean }>;
  /** Authorities that are trusted beside this machine's. */
  upstreamCaCerts?: Iterable<string>;
  upstreamCaCertsFor?: Iterable<{ pattern: string; path: string }>;
  /** What is shown to servers that ask for a certificate. */
  clientCerts?: Iterable<{ pattern: string; cert: string; key: string }>;
  /** Values that never enter the guest. */
  secrets?: Iterable<Secret>;
  /** When a placeholder is sent to another host than the secret's; "block-and-log" if not given. */
  secretViolationAction?: ViolationAction;
}

/** In which parts of a request a placeholder becomes the value. */
export interface SecretSubstitution {
  /** Headers, and credentials of Basic authentication; true if not given. */
  headers?: boolean;
  /** These headers alone; all if not given. */
  headerFields?: Iterable<string>;
  query?: boolean;
  body?: boolean;
}

/**
 * A value that commands in the guest use and never have: the variable `env` has a placeholder there, and requests to
 * `hosts` get the value in its place. Patterns of hosts are as in {@link TlsConfig}.
 */
export interface Secret {
  env: string;
  hosts: Iterable<string>;
  /**
   * Where the value comes from at each start: "env:NAME", "file:PATH" or "exec:COMMAND" of this machine; the variable of
   * the same name if not given.
   */
  source?: string;
  /** "$MSB_" and the variable's name if not given. */
  placeholder?: string;
  substitution?: SecretSubstitution;
  /** Who may get the placeholder as it is. */
  passthrough?: Iterable<string>;
  methods?: Iterable<string>;
  /** With which the paths of requests begin that get it; all if not given. */
  paths?: Iterable<string>;
  perMinute?: number;
  total?: number;
  action?: ViolationAction;
}

function nativeSecret(secret: Secret): NativeSecret {
  const places = secret.substitution;
  return {
    env: secret.env,
    hosts: texts(secret.hosts, "hosts"),
    source: secret.source,
    placeholder: secret.placeholder,
    substitution: places && {
      headers: places.headers,
      header_fields: places.headerFields && texts(places.headerFields, "headerFields"),
      query: places.query,
      body: places.body,
    },
    passthrough: secret.passthrough && texts(secret.passthrough, "passthrough"),
    methods: secret.methods && texts(secret.methods, "methods"),
    paths: secret.paths && texts(secret.paths, "paths"),
    per_minute: secret.perMinute,
    total: secret.total,
    action: secret.action,
  };
}

function nativeTls(config: TlsConfig): NativeTls {
  return {
    intercepted_ports:
      config.interceptedPorts &&
      [...config.interceptedPorts].map((port) => String(wholeNumber(port, "interceptedPorts"))),
    bypass: config.bypass && texts(config.bypass, "bypass"),
    block_quic: config.blockQuic,
    ca_cert: config.interceptCaCert,
    ca_key: config.interceptCaKey,
    verify_upstream: config.verifyUpstream,
    scoped_verify_upstream: config.verifyUpstreamFor && [...config.verifyUpstreamFor],
    upstream_ca_certs: config.upstreamCaCerts && texts(config.upstreamCaCerts, "upstreamCaCerts"),
    scoped_upstream_ca_certs: config.upstreamCaCertsFor && [...config.upstreamCaCertsFor],
    client_certs: config.clientCerts && [...config.clientCerts],
    secrets: config.secrets && [...config.secrets].map(nativeSecret),
    secret_violation_action: config.secretViolationAction,
  };
}

/** A rate with room for bursts: so many bytes or frames in a time. */
export interface TokenBucket {
  size: number;
  /** 1000 if not given. */
  refillTimeMs?: number;
  /** Once, at the start, so many more. */
  oneTimeBurst?: number;
}

/** Limits of one direction: of bytes, and of frames. */
export interface RateLimits {
  bandwidth?: TokenBucket;
  ops?: TokenBucket;
}

/** How fast a guest's network is: what the guest sends, and what it is sent. */
export interface RateLimiter {
  egress?: RateLimits;
  ingress?: RateLimits;
}

function nativeBucket(bucket: TokenBucket | undefined): NativeBucket | undefined {
  return (
    bucket && { size: bucket.size, refill_time_ms: bucket.refillTimeMs, one_time_burst: bucket.oneTimeBurst }
  );
}

function nativeRates(limits: RateLimits | undefined): NativeRates | undefined {
  return limits && { bandwidth: nativeBucket(limits.bandwidth), ops: nativeBucket(limits.ops) };
}

/** What the guest may reach, as a plain object: what NetworkBuilder's methods of these names take. */
export interface NetworkConfig extends CustomPolicy {
  profiles?: Iterable<NetworkProfile>;
  policy?: string | CustomPolicy;
  dns?: DnsConfig;
  network?: string;
  maxConnections?: number;
  explainDenials?: boolean;
  proxy?: string;
  tls?: TlsConfig;
  trustHostCas?: boolean;
  interface?: InterfaceConfig;
  rateLimiter?: RateLimiter;
}

function destinationText(destination: string | Destination): string {
  if (typeof destination === "string") return destination;
  switch (destination.kind) {
    case "any":
      return "any";
    case "domain":
      return `domain=${destination.value}`;
    case "domain_suffix":
    case "domainSuffix":
      return `suffix=${destination.value}`;
    default:
      return text(destination.value, "destination");
  }
}

function nativeRule(rule: string | NetworkRule): string | NativeRule {
  if (typeof rule === "string") return rule;
  if (typeof rule !== "object" || rule === null) refuse(`a rule is text or an object: ${String(rule)}`);
  const protocols = [...(rule.protocols ?? []), ...(rule.protocol === undefined ? [] : [rule.protocol])];
  const ports = [...(rule.ports ?? []), ...(rule.port === undefined ? [] : [rule.port])];
  return {
    action: rule.action,
    direction: rule.direction,
    destination: rule.destination === undefined ? undefined : destinationText(rule.destination),
    protocols: protocols.length > 0 ? protocols : undefined,
    ports: ports.length > 0 ? ports.map(String) : undefined,
  };
}

function dnsRule(action: NetworkAction): NetworkRule {
  return { action, destination: "dns", protocols: ["udp", "tcp"], port: 53 };
}

function rule(action: NetworkAction, direction: NetworkDirection) {
  return (destination: string | Destination): NetworkRule => ({ action, direction, destination });
}

/** Rules that are needed often. */
export const Rule = {
  /** Lookups of all names at the guest's own name server. */
  allowDns: (): NetworkRule => dnsRule("allow"),
  /** No lookups. */
  denyDns: (): NetworkRule => dnsRule("deny"),
  /** What the guest begins with a destination. */
  allowEgress: rule("allow", "egress"),
  /** What the guest begins with a destination. */
  denyEgress: rule("deny", "egress"),
  /** What comes to published ports from a peer. */
  allowIngress: rule("allow", "ingress"),
  /** What comes to published ports from a peer. */
  denyIngress: rule("deny", "ingress"),
  /** Both. */
  allowAny: rule("allow", "any"),
  /** Both. */
  denyAny: rule("deny", "any"),
};

/** A policy for NetworkBuilder.policy(). */
export interface NamedPolicy {
  readonly name: string;
  /** Its file; null if it comes along. */
  readonly path: string | null;
}

/** Policies: as values, and those that have a name. */
export const NetworkPolicy = {
  /** Nothing, in neither direction. */
  none: (): CustomPolicy => ({ defaultEgress: "deny", defaultIngress: "deny", rules: [] }),
  /** All that can be reached. */
  allowAll: (): CustomPolicy => ({ defaultEgress: "allow", defaultIngress: "allow", rules: [] }),
  /** The Internet, and nothing of this machine and the networks around it. */
  publicOnly: (): CustomPolicy => NetworkPolicy.fromProfiles("public"),
  /** The Internet and the networks around this machine. */
  nonLocal: (): CustomPolicy => NetworkPolicy.fromProfiles("public", "private"),
  /** Any of these, in any order. */
  fromProfiles(...profiles: ("public" | "private" | "host")[]): CustomPolicy {
    const groups = (["public", "private", "host"] as const).filter((group) => profiles.includes(group));
    const rules = groups.map((destination): NetworkRule => ({ action: "allow", destination }));
    return { defaultEgress: "deny", defaultIngress: "allow", rules: groups.length > 0 ? [Rule.allowDns(), ...rules] : [] };
  },
  /** All that have a name. */
  async list(): Promise<NamedPolicy[]> {
    const [json] = await blocking((native) => native.network_policies());
    return JSON.parse(json);
  },
  /** The document of one. InvalidConfigError if there is none, or it is not right. */
  async read(name: string): Promise<string> {
    const [json] = await blocking((native) => native.network_policy(name));
    return JSON.parse(json).text;
  },
};

/** What the guest may reach. Each method changes the builder and returns it. */
export class NetworkBuilder {
  /** @internal */
  readonly settings: NativeNetwork & { profiles: string[]; rules: (string | NativeRule)[] } = { profiles: [], rules: [] };

  /** @internal What an object or a function that configures says. */
  static read(network: NetworkConfig | ((network: NetworkBuilder) => NetworkBuilder)): NativeNetwork {
    const builder = new NetworkBuilder();
    return typeof network === "function" ? network(builder).settings : builder.#take(network).settings;
  }

  #take(config: NetworkConfig): this {
    for (const key of Object.keys(config))
      if (!(key in NetworkBuilder.prototype)) refuse(`unknown member of a network: ${key}`);
    if (config.profiles !== undefined) this.profiles(...config.profiles);
    if (config.policy !== undefined) this.policy(config.policy);
    if (config.rules !== undefined) this.rules(...config.rules);
    if (config.defaultEgress !== undefined) this.defaultEgress(config.defaultEgress);
    if (config.defaultIngress !== undefined) this.defaultIngress(config.defaultIngress);
    if (config.dns !== undefined) this.dns(config.dns);
    if (config.network !== undefined) this.network(config.network);
    if (config.maxConnections !== undefined) this.maxConnections(config.maxConnections);
    if (config.proxy !== undefined) this.proxy(config.proxy);
    if (config.tls !== undefined) this.tls(config.tls);
    if (config.trustHostCas !== undefined) this.trustHostCas(config.trustHostCas);
    if (config.interface !== undefined) this.interface(config.interface);
    if (config.rateLimiter !== undefined) this.rateLimiter(config.rateLimiter);
    if (config.explainDenials !== undefined) this.explainDenials(config.explainDenials);
    return this;
  }

  /**
   * Groups of addresses that the guest may reach; "all" only alone. Where nothing is said about what it may reach, that
   * is the Internet, or what this machine's configuration says.
   */
  profiles(...profiles: NetworkProfile[]): this {
    this.settings.profiles.push(...texts(profiles, "profiles"));
    return this;
  }
  /**
   * Rules, or text as of --net-rule: "allow@pypi.org:tcp:443". The first that matches decides, before any profile.
   */
  rules(...rules: (string | NetworkRule)[]): this {
    this.settings.rules.push(...rules.map(nativeRule));
    return this;
  }
  /** A policy by name, as of --policy, or as an object; what else is said goes before it. */
  policy(policy: string | CustomPolicy): this {
    if (typeof policy === "string") {
      this.settings.policy = policy;
      return this;
    }
    if (policy.defaultEgress !== undefined) this.settings.default_egress ??= policy.defaultEgress;
    if (policy.defaultIngress !== undefined) this.settings.default_ingress ??= policy.defaultIngress;
    return this.rules(...(policy.rules ?? []));
  }
  /** What is done with what the guest begins and nothing matches; denied if not given. */
  defaultEgress(action: NetworkAction): this {
    this.settings.default_egress = action;
    return this;
  }
  /** What is done with what comes to published ports and nothing matches; allowed if not given. */
  defaultIngress(action: NetworkAction): this {
    this.settings.default_ingress = action;
    return this;
  }
  /** How names are looked up. */
  dns(config: DnsConfig): this {
    const dns: NativeDns = {};
    if (config.nameservers !== undefined) dns.nameservers = texts(config.nameservers, "nameservers");
    if (config.queryTimeoutMs !== undefined) dns.query_timeout_ms = wholeNumber(config.queryTimeoutMs, "queryTimeoutMs");
    if (config.rebindProtection !== undefined) dns.rebind_protection = config.rebindProtection;
    this.settings.dns = dns;
    return this;
  }
  /**
   * http://HOST:PORT or socks5://HOST:PORT that TCP connections go through, or "env"; credentials come from the
   * environment.
   */
  proxy(url: string): this {
    this.settings.proxy = text(url, "proxy");
    return this;
  }
  /** How TLS is opened on its way. */
  tls(config: TlsConfig): this {
    this.settings.tls = nativeTls(config);
    return this;
  }
  /** Whether the guest trusts the authorities that this machine trusts; false if not given. */
  trustHostCas(enabled: boolean): this {
    this.settings.trust_host_cas = enabled;
    return this;
  }
  /** Its addresses and its MTU. */
  interface(config: InterfaceConfig): this {
    const { mac, mtu, ipv4, ipv6, ipv4Pool, ipv6Pool } = config;
    this.settings.interface = { mac, mtu, ipv4, ipv6, ipv4_pool: ipv4Pool, ipv6_pool: ipv6Pool };
    return this;
  }
  /** How fast it is. */
  rateLimiter(limits: RateLimiter): this {
    this.settings.rate_limiter = { egress: nativeRates(limits.egress), ingress: nativeRates(limits.ingress) };
    return this;
  }
  /** Whether requests of plain HTTP that are refused are answered with the reason; true if not given. */
  explainDenials(enabled: boolean): this {
    this.settings.explain_denials = enabled;
    return this;
  }
  /** A private network to join: PrivateNetwork.create(name). */
  network(name: string): this {
    this.settings.network = text(name, "network");
    return this;
  }
  /** How many TCP connections may be open at a time. */
  maxConnections(count: number): this {
    this.settings.max_connections = wholeNumber(count, "maxConnections");
    return this;
  }
}

/** What is changed. */
export interface ModifyOptions {
  /**
   * What the sandbox may reach from now on. Rules alone go before those that it has, anything else takes their place;
   * ports and name servers stay. False: it has no network.
   */
  network?: false | NetworkConfig | ((network: NetworkBuilder) => NetworkBuilder);
  /** Size of its root disk, which only grows unless it is in memory. */
  rootDiskSizeMib?: number;
  /** New secrets, and those that take the place of one of that variable; their values are read now. */
  secrets?: Iterable<Secret>;
  /** Variables whose secrets are taken away. */
  removeSecrets?: Iterable<string>;
  /** The values of all secrets are read from their sources again. */
  reloadSecrets?: boolean;
  /** When the placeholder of a secret that says nothing else is sent to another host. */
  secretViolationAction?: ViolationAction;
}

/** What became of a change. */
export interface Modified {
  /** False: it holds from the sandbox's next start on. */
  readonly inForce: boolean;
  /** About rules that never decide. */
  readonly warnings: string[];
}

/** What was decided about a lookup or a connection. */
export interface NetworkStep {
  readonly flow: string;
  readonly verdict: NetworkAction;
  /** That decided; null: none did. */
  readonly rule: string | null;
  readonly reason: string;
}

/** Whether a destination may be reached, and why. */
export interface NetworkVerdict {
  readonly verdict: NetworkAction;
  readonly steps: NetworkStep[];
}

/** Something that a sandbox's network did; docs/network.md has the meaning of the members. */
export interface NetworkEntry {
  readonly t: string;
  readonly type: "flow" | "lookup" | "policy" | "secret";
  readonly direction: string;
  readonly protocol: string;
  readonly name: string | null;
  readonly address: string | null;
  readonly port: number;
  readonly group: string;
  readonly rule: string | null;
  readonly outcome: string;
  /** Its TLS was opened on the way. */
  readonly intercepted: boolean;
  readonly reason: string | null;
  readonly sent: number;
  readonly received: number;
  readonly missed: number;
  readonly old: string | null;
  readonly new: string | null;
  /** Of type "secret" alone. */
  readonly secret: SecretEvent | null;
}

/**
 * The placeholder of a secret that was sent where it may not go; or, of a value that came back and was made a placeholder,
 * the variable alone.
 */
export interface SecretEvent {
  readonly secret_env_var: string;
  readonly action?: ViolationAction;
  readonly placeholder?: string;
  readonly protocol?: "http/1.1" | "http/2" | "other";
  readonly sni?: string | null;
  readonly host?: string | null;
  readonly method?: string | null;
  /** Without a query. */
  readonly path?: string | null;
  readonly location?: "header" | "query" | "authorization_basic" | "body" | "unknown";
  readonly match_form?: "raw" | "percent_decoded" | "json_unescaped" | "basic_auth_decoded";
  /** As the guest dialled it. */
  readonly guest_dst?: string;
  readonly http2_stream_id?: number | null;
}

/** Which entries. */
export interface NetworkLogOptions {
  /** Only what was refused. */
  denied?: boolean;
  /** Only the last so many. */
  tail?: number;
  /** Of this time or later; Unix time in milliseconds if it is a number. */
  since?: Date | number;
}

/** @internal */
export async function modifySandbox(name: string, asked: ModifyOptions): Promise<Modified> {
  const { network, rootDiskSizeMib } = asked;
  const change: NativeModifyOptions = {
    secrets: asked.secrets && [...asked.secrets].map(nativeSecret),
    remove_secrets: asked.removeSecrets && texts(asked.removeSecrets, "removeSecrets"),
    reload_secrets: asked.reloadSecrets,
    secret_violation_action: asked.secretViolationAction,
  };
  if (rootDiskSizeMib !== undefined) change.root_disk_size_mib = wholeNumber(rootDiskSizeMib, "rootDiskSizeMib");
  if (network !== undefined) change.network = network === false ? false : NetworkBuilder.read(network);
  const [json] = await blocking((native) => native.sandbox_modify(name, JSON.stringify(change)));
  const { in_force, warnings } = JSON.parse(json);
  return { inForce: in_force, warnings };
}

/** @internal */
export async function checkNetwork(name: string, destination: string): Promise<NetworkVerdict> {
  const [json] = await blocking((native) => native.network_check(name, text(destination, "destination")));
  return JSON.parse(json);
}

/** @internal */
export async function readNetworkLog(name: string, options: NetworkLogOptions = {}): Promise<NetworkEntry[]> {
  const chosen: NativeNetworkLogOptions = { denied: options.denied };
  if (options.tail !== undefined) chosen.tail = wholeNumber(options.tail, "tail");
  if (options.since !== undefined) chosen.since_ms = wholeNumber(unixTime(options.since, "since"), "since");
  const [json] = await blocking((native) => native.network_log(name, JSON.stringify(chosen)));
  return JSON.parse(json);
}

/** @internal */
export async function learnNetwork(name: string): Promise<string> {
  const [json] = await blocking((native) => native.network_learn(name));
  return JSON.parse(json).policy;
}
