import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { after, test } from "node:test";
import {
  InvalidArgumentError,
  InvalidConfigError,
  NetworkAlreadyExistsError,
  NetworkInUseError,
  NetworkNotFoundError,
  NetworkPolicy,
  PrivateNetwork,
  Rule,
  Sandbox,
} from "microsandbox";
import { removed, uniqueName } from "./support.js";

// A service of this machine's loopback that greets whoever comes.
const server = createServer((client) => client.end("hello\n"));
after(() => server.close());

test("what a guest may reach is said with plain objects, changed while it runs, asked about and recorded", async () => {
  const name = uniqueName();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  const box = await Sandbox.builder(name)
    .port(0, 8080)
    .network({
      policy: {
        defaultEgress: "deny",
        rules: [
          Rule.allowDns(),
          { action: "allow", destination: "host", protocols: ["tcp"], ports: [port] },
          { action: "deny", direction: "egress", destination: { kind: "group", value: "link-local" }, protocols: ["tcp"] },
          { action: "deny", destination: { kind: "group", value: "link_local" }, protocol: "udp" },
          { action: "deny", destination: "link-local", protocol: "icmpv4" },
          { action: "deny", destination: "link_local", protocol: "icmpv6" },
          { action: "deny", destination: { kind: "domain_suffix", value: "example.com" }, port: "80-81" },
          Rule.denyEgress({ kind: "cidr", value: "2001:db8::/32" }),
        ],
      },
      dns: { nameservers: ["192.0.2.53"], queryTimeoutMs: 500, rebindProtection: true },
      maxConnections: 9,
      interface: { mtu: 1400, ipv4: "10.9.8.6" },
      rateLimiter: { egress: { bandwidth: { size: 2 ** 30 }, ops: { size: 1_000_000, refillTimeMs: 500, oneTimeBurst: 7 } } },
    })
    .create();
  const { network } = (await Sandbox.get(name)).config() as unknown as { network: { rules: string[]; max_connections: number } };
  assert.deepEqual(network.rules, [
    "allow@host:udp:53",
    "allow@host:tcp:53",
    `allow@host:tcp:${port}`,
    "deny@link-local:tcp",
    "deny@link-local:udp",
    "deny@link-local:icmpv4",
    "deny@link-local:icmpv6",
    "deny@suffix=example.com:any:80-81",
    "deny@[2001:db8::/32]",
  ]);
  assert.equal(network.max_connections, 9);

  const place = await box.shell("cat /sys/class/net/eth0/mtu; echo $MSB_NET_IPV4");
  assert.equal(place.stdout(), "1400\naddr=10.9.8.6/30,gw=10.9.8.5,dns=10.9.8.5\n");

  const there = `host.microsandbox.internal:${port}`;
  assert.equal((await box.networkCheck(there)).verdict, "allow");
  const verdict = await box.networkCheck("169.254.1.1");
  assert.deepEqual([verdict.verdict, verdict.steps[0]?.rule], ["deny", "deny@link-local:tcp"]);
  const greeting = `nc host.microsandbox.internal ${port} </dev/null`;
  assert.equal((await box.shell(greeting)).stdout(), "hello\n");

  const [published] = (await Sandbox.get(name)).ports;
  assert.ok(published !== undefined && published.hostPort > 0 && published.guestPort === 8080);

  const denied = { action: "deny", destination: "host", protocol: "tcp", port } as const;
  const modified = await box.modify({ network: (n) => n.rules(denied) });
  assert.ok(modified.inForce && modified.warnings.join("").includes("has no effect"));
  assert.equal((await box.shell(greeting)).stdout(), "");
  const last = (await box.networkLog({ denied: true, since: new Date(0) })).at(-1);
  assert.deepEqual([last?.type, last?.protocol, last?.port, last?.outcome], ["flow", "tcp", port, "denied"]);
  assert.equal((await box.networkLog({ tail: 1 })).length, 1);
  assert.ok((await box.networkLearn()).includes(`allow@host:tcp:${port}`));

  await box.modify({ network: { policy: "git-hosts" } });
  assert.equal((await box.networkCheck("github.com")).verdict, "allow");
  await assert.rejects(box.modify({ network: { policy: "nowhere" } }), InvalidConfigError);
  await assert.rejects(box.modify({ network: { profile: [] } as object }), InvalidArgumentError);
  await box.modify({ network: { policy: NetworkPolicy.nonLocal() } });
  assert.equal((await box.networkCheck("10.1.2.3")).verdict, "allow");
  assert.ok((await box.modify({ network: false, rootDiskSizeMib: 8192 })).inForce);
  await assert.rejects(box.modify({ rootDiskSizeMib: 1024 }), InvalidConfigError);
  assert.equal((await box.networkCheck("github.com")).verdict, "deny");

  assert.ok((await NetworkPolicy.list()).some((policy) => policy.name === "git-hosts" && policy.path === null));
  assert.ok((await NetworkPolicy.read("offline")).includes("profiles: [none]"));
  await assert.rejects(NetworkPolicy.read("nowhere"), InvalidConfigError);
  await box.close();
  await removed(name);
});

test("allowDns opens lookups, and no more", async () => {
  const other = uniqueName();
  const box = await Sandbox.builder(other).network({ rules: [Rule.allowDns()] }).create();
  const { steps } = await box.networkCheck("www.example.org");
  assert.deepEqual(steps.map((step) => step.verdict), ["allow", "deny"]);
  assert.equal((await box.networkCheck("host.microsandbox.internal:853")).verdict, "deny");
  await box.close();
  await removed(other);
});

test("sandboxes of a private network are its members", async () => {
  const name = uniqueName();
  const made = await PrivateNetwork.create(`${name}-net`, { subnet: "10.81.0.0/24" });
  assert.deepEqual([made.subnet, made.members], ["10.81.0.0/24", []]);
  await assert.rejects(PrivateNetwork.create(made.name), NetworkAlreadyExistsError);
  await assert.rejects(PrivateNetwork.get("ts-none"), NetworkNotFoundError);
  const box = await Sandbox.builder(name).network((n) => n.network(made.name)).create();
  const { members } = await PrivateNetwork.get(made.name);
  assert.deepEqual([members.length, members[0]?.sandbox, members[0]?.joined], [1, name, true]);
  await assert.rejects(made.remove(), NetworkInUseError);
  await box.close();
  await removed(name);
  assert.equal((await PrivateNetwork.list()).length, 1);
  assert.deepEqual(await PrivateNetwork.prune(), [made.name]);
});
