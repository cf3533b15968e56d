"""What a guest may reach, said with the package's own types, changed while it runs, asked about and recorded."""

import socket
import threading
import unittest

from microsandbox import (
    Destination,
    DnsConfig,
    Interface,
    InvalidConfigError,
    Network,
    NetworkAction,
    NetworkPolicy,
    NetworkProfile,
    RateLimiter,
    RateLimits,
    Rule,
    Sandbox,
    SandboxNotFoundError,
    TokenBucket,
)


def greeter() -> int:
    """The port of a service of this machine's loopback that greets whoever comes."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            client, _ = server.accept()
            with client:
                client.sendall(b"hello\n")

    threading.Thread(target=serve, daemon=True).start()
    return int(server.getsockname()[1])


class Networks(unittest.IsolatedAsyncioTestCase):
    async def test_all(self) -> None:
        port = greeter()
        network = Network(
            rules=(
                *Rule.allow_dns(),
                Rule.allow("host", protocol="tcp", port=port),
                Rule(NetworkAction.DENY, Destination.group("link_local"), protocols=("tcp", "udp")),
                Rule.deny("link-local", protocol="icmpv4"),
                "deny@[2001:db8::1]:tcp:80-81",
            ),
            default_egress=NetworkAction.DENY,
            dns=DnsConfig(nameservers=("192.0.2.53",), query_timeout_ms=500),
            max_connections=9,
            interface=Interface(mtu=1400, ipv4="10.9.8.6"),
            rate_limiter=RateLimiter(egress=RateLimits(bandwidth=TokenBucket(1 << 30), ops=TokenBucket(10**6, 500, 7))),
        )
        box = await Sandbox.create("py-net", network=network, ports={0: 8080})
        config = (await Sandbox.get("py-net")).config()["network"]
        self.assertEqual(
            config["rules"],
            ["allow@host:udp:53", "allow@host:tcp:53", f"allow@host:tcp:{port}", "deny@link-local:tcp",
             "deny@link-local:udp", "deny@link-local:icmpv4", "deny@[2001:db8::1]:tcp:80-81"],
        )
        self.assertEqual((config["dns"]["query_timeout_ms"], config["max_connections"]), (500, 9))

        self.assertEqual((config["interface"]["mtu"], config["interface"]["ipv4"]), (1400, "10.9.8.6"))
        self.assertEqual(config["rate_limiter"]["egress"]["ops"], {"size": 10**6, "refill_time_ms": 500, "one_time_burst": 7})

        there = f"host.microsandbox.internal:{port}"
        self.assertTrue((await box.network_check(there)).allowed)
        verdict = await box.network_check("169.254.1.1")
        self.assertEqual((verdict.allowed, verdict.steps[0].rule), (False, "deny@link-local:tcp"))
        greeting = f"nc host.microsandbox.internal {port} </dev/null"
        self.assertEqual((await box.shell(greeting)).stdout_text, "hello\n")

        (published,) = (await Sandbox.get("py-net")).ports
        self.assertGreater(published.host_port, 0)
        self.assertEqual((published.bind, published.guest_port, published.protocol), ("127.0.0.1", 8080, "tcp"))

        modified = await box.modify(network=Network(rules=(Rule.deny("host", protocol="tcp", port=port),)))
        self.assertTrue(modified.in_force)
        self.assertIn("has no effect", "".join(modified.warnings))
        self.assertFalse((await box.network_check(there)).allowed)
        self.assertEqual((await box.shell(greeting)).stdout_text, "")
        denied = await box.network_log(denied=True)
        self.assertEqual([(e.protocol, e.port, e.denied) for e in denied if e.type == "flow"], [("tcp", port, True)])
        self.assertEqual(len(await box.network_log(tail=1)), 1)
        self.assertIn(f"allow@host:tcp:{port}", await box.network_learn())

        self.assertTrue((await box.modify(network=Network(policy="git-hosts"))).in_force)
        self.assertTrue((await box.network_check("github.com")).allowed)
        self.assertFalse((await box.network_check("example.org")).allowed)
        with self.assertRaises(InvalidConfigError):
            await box.modify(network=Network(policy="nowhere"))
        self.assertTrue((await box.network_check("github.com")).allowed)
        self.assertTrue((await box.modify(network=False, root_disk_size_mib=8192)).in_force)
        self.assertGreater(int((await box.shell("df -m / | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2")).stdout_text), 7500)
        with self.assertRaises(InvalidConfigError):
            await box.modify(root_disk_size_mib=1024)
        self.assertFalse((await box.network_check("github.com")).allowed)
        handle = await Sandbox.get("py-net")
        self.assertTrue((await handle.modify(network=Network.from_profiles("private", NetworkProfile.PUBLIC))).in_force)
        self.assertEqual((await Sandbox.get("py-net")).config()["network"]["profiles"], ["public", "private"])

        self.assertIn("git-hosts", [policy.name for policy in await NetworkPolicy.list()])
        self.assertIn("profiles: [none]", await NetworkPolicy.read("offline"))
        with self.assertRaises(InvalidConfigError):
            await NetworkPolicy.read("nowhere")
        await box.close()
        await handle.remove()
        with self.assertRaises(SandboxNotFoundError):
            await handle.network_log()


class AllowDns(unittest.IsolatedAsyncioTestCase):
    async def test_all(self) -> None:
        pair = Rule.allow_dns()
        self.assertEqual([rule.protocols for rule in pair], [("udp",), ("tcp",)])
        async with await Sandbox.create("py-dns", network=Network(rules=(*pair,))) as box:
            config = (await Sandbox.get("py-dns")).config()["network"]
            self.assertEqual(config["rules"], ["allow@host:udp:53", "allow@host:tcp:53"])
            verdict = await box.network_check("www.example.org")
            self.assertEqual([step.allowed for step in verdict.steps], [True, False])
            self.assertFalse((await box.network_check("host.microsandbox.internal:853")).allowed)
