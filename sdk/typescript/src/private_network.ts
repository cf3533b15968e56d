// Networks that sandboxes reach each other by.
import { blocking } from "./native.js";
import type { NativePrivateNetworkOptions } from "./tables.js";
import { text } from "./values.js";

interface NativePrivateNetwork {
  name: string;
  subnet: string;
  members: { sandbox: string; address: string; address_v6: string; status: string; joined: boolean }[];
  created_at: string;
}

/** A sandbox that is in a private network. */
export interface PrivateNetworkMember {
  readonly sandbox: string;
  readonly address: string;
  readonly addressV6: string;
  readonly status: string;
  /** The others reach it. */
  readonly joined: boolean;
}

/** A private network, as it was when it was looked up. */
export class PrivateNetworkHandle {
  /** What it is known by. */
  readonly name: string;
  /** The IPv4 addresses of its members. */
  readonly subnet: string;
  /** Who is in it, by address. */
  readonly members: readonly PrivateNetworkMember[];
  /** When it was made. */
  readonly createdAt: Date;

  /** @internal */
  constructor(network: NativePrivateNetwork) {
    this.name = network.name;
    this.subnet = network.subnet;
    this.members = network.members.map(({ address_v6, ...member }) => ({ ...member, addressV6: address_v6 }));
    this.createdAt = new Date(network.created_at);
  }

  /** Removes it. NetworkInUseError while a sandbox, even a stopped one, is in it. */
  remove(): Promise<void> {
    return PrivateNetwork.remove(this.name);
  }
}

/** Private networks by their names. A sandbox joins one by network((n) => n.network(name)), and the others reach it by its name. */
export class PrivateNetwork {
  private constructor() {}

  /** Makes a network; its subnet, an IPv4 prefix of 24 to 29 bits, is chosen if not given. NetworkAlreadyExistsError. */
  static async create(name: string, options: { subnet?: string } = {}): Promise<PrivateNetworkHandle> {
    const chosen: NativePrivateNetworkOptions = {};
    if (options.subnet !== undefined) chosen.subnet = text(options.subnet, "subnet");
    const request = JSON.stringify(chosen);
    const [json] = await blocking((native) => native.network_create(name, request));
    return new PrivateNetworkHandle(JSON.parse(json));
  }

  /** A network. A member that lost its place because a process was killed is given it back. NetworkNotFoundError. */
  static async get(name: string): Promise<PrivateNetworkHandle> {
    const [json] = await blocking((native) => native.network_get(name));
    return new PrivateNetworkHandle(JSON.parse(json));
  }

  /** All networks, by name. */
  static async list(): Promise<PrivateNetworkHandle[]> {
    const [json] = await blocking((native) => native.network_list());
    return (JSON.parse(json) as NativePrivateNetwork[]).map((network) => new PrivateNetworkHandle(network));
  }

  /** Removes a network that no sandbox is in. NetworkNotFoundError, NetworkInUseError. */
  static async remove(name: string): Promise<void> {
    await blocking((native) => native.network_remove(name));
  }

  /** Removes the networks that no sandbox is in, not even one that is stopped: their names. */
  static async prune(): Promise<string[]> {
    const [json] = await blocking((native) => native.network_prune());
    return JSON.parse(json) as string[];
  }
}
