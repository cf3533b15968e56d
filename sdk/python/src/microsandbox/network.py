"""What a guest may reach, and what its network did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from . import _native
from .types import _StrEnum


class NetworkProfile(_StrEnum):
    """A group of addresses that a guest may reach."""

    PUBLIC = "public"
    PRIVATE = "private"
    HOST = "host"
    ALL = "all"
    """All of these; stands alone."""
    NONE = "none"
    """Nothing; stands alone."""


class NetworkAction(_StrEnum):
    """What is done with what a rule matches, or none does."""

    ALLOW = "allow"
    DENY = "deny"


class NetworkDirection(_StrEnum):
    """Who begins the flows that a rule is about."""

    EGRESS = "egress"
    INGRESS = "ingress"
    ANY = "any"


@dataclass(frozen=True)
class Destination:
    """What a rule is about, if a text could be read as something else."""

    kind: str
    value: str | None = None

    @classmethod
    def any(cls) -> Destination:
        """Everything."""
        return cls("any")

    @classmethod
    def ip(cls, address: str) -> Destination:
        """An address."""
        return cls("ip", address)

    @classmethod
    def cidr(cls, prefix: str) -> Destination:
        """The addresses of a prefix: "10.0.0.0/8"."""
        return cls("cidr", prefix)

    @classmethod
    def domain(cls, name: str) -> Destination:
        """A name."""
        return cls("domain", name)

    @classmethod
    def domain_suffix(cls, name: str) -> Destination:
        """A name and all names below it."""
        return cls("domain_suffix", name)

    @classmethod
    def group(cls, name: str) -> Destination:
        """public, private, host, loopback, link-local, metadata or multicast."""
        return cls("group", name)


@dataclass(frozen=True)
class Rule:
    """A rule for ``Network.rules``: the first that matches decides."""

    action: NetworkAction | str
    destination: str | Destination = "any"
    direction: NetworkDirection | str = NetworkDirection.EGRESS
    protocols: tuple[str, ...] = ()
    """tcp, udp, icmpv4, icmpv6; empty: any."""
    ports: tuple[int | str, ...] = ()
    """Ports and ranges ("8000-8010") of the destination, for ingress of the guest; empty: any."""

    @classmethod
    def allow(
        cls, destination: str | Destination = "any", *, direction: NetworkDirection | str = "egress",
        protocol: str | None = None, port: int | str | None = None,
    ) -> Rule:
        """Allows a name, "*.NAME", an address, a prefix or a group; ``port``: one, or "80-90"."""
        return cls(NetworkAction.ALLOW, destination, direction, _one(protocol), _one(port))

    @classmethod
    def deny(
        cls, destination: str | Destination = "any", *, direction: NetworkDirection | str = "egress",
        protocol: str | None = None, port: int | str | None = None,
    ) -> Rule:
        """Denies what ``allow`` would allow."""
        return cls(NetworkAction.DENY, destination, direction, _one(protocol), _one(port))

    @classmethod
    def allow_dns(cls) -> tuple[Rule, Rule]:
        """Lookups of all names at the guest's own name server, over UDP and over TCP: ``*Rule.allow_dns()``."""
        return cls.allow("dns", protocol="udp", port=53), cls.allow("dns", protocol="tcp", port=53)

    @classmethod
    def deny_dns(cls) -> tuple[Rule, Rule]:
        """Denies what ``allow_dns`` allows."""
        return cls.deny("dns", protocol="udp", port=53), cls.deny("dns", protocol="tcp", port=53)


def _one(value: Any) -> tuple[Any, ...]:
    return () if value is None or value == "any" else (value,)


@dataclass(frozen=True)
class DnsConfig:
    """How a guest's names are looked up."""

    nameservers: tuple[str, ...] = ()
    """"IP[:PORT]" of servers to ask in place of this machine's."""
    query_timeout_ms: int | None = None
    """Until a lookup is given up; 10000 if not given."""
    rebind_protection: bool = True
    """Names may only lead to public addresses and to those that a rule allows."""


@dataclass(frozen=True)
class Interface:
    """The guest's place in its network; what is not given follows from its name."""

    mac: str | None = None
    mtu: int | None = None
    """Size of the largest IP packet; 1500 if not given."""
    ipv4: str | None = None
    """Its gateway's address is one less."""
    ipv6: str | None = None
    """Its gateway's address is the first of the /64."""
    ipv4_pool: str | None = None
    """Prefix that the address comes from; 172.16.0.0/12 if not given."""
    ipv6_pool: str | None = None


@dataclass(frozen=True)
class TokenBucket:
    """A rate with room for bursts: ``size`` bytes or frames in ``refill_time_ms``, once ``one_time_burst`` more."""

    size: int
    refill_time_ms: int = 1000
    one_time_burst: int = 0


@dataclass(frozen=True)
class RateLimits:
    """Limits of one direction."""

    bandwidth: TokenBucket | None = None
    """Of bytes."""
    ops: TokenBucket | None = None
    """Of frames."""


@dataclass(frozen=True)
class RateLimiter:
    """How fast a guest's network is."""

    egress: RateLimits | None = None
    """What the guest sends."""
    ingress: RateLimits | None = None
    """What it is sent."""


@dataclass(frozen=True)
class ScopedVerify:
    """Whether the certificates of some servers are checked."""

    pattern: str
    verify: bool = False


@dataclass(frozen=True)
class ScopedUpstreamCa:
    """Authorities that count for some servers."""

    pattern: str
    path: str


@dataclass(frozen=True)
class ClientCert:
    """What this machine shows some servers."""

    pattern: str
    cert: str
    key: str


class ViolationAction(_StrEnum):
    """What happens when a secret's placeholder is sent where it may not go."""

    BLOCK = "block"
    BLOCK_AND_LOG = "block-and-log"
    BLOCK_AND_TERMINATE = "block-and-terminate"


@dataclass(frozen=True)
class SecretSubstitution:
    """In which parts of a request a placeholder becomes the value."""

    headers: bool = True
    """Headers, and credentials of Basic authentication."""
    header_fields: tuple[str, ...] = ()
    """These headers alone; all if not given."""
    query: bool = False
    body: bool = False


@dataclass(frozen=True)
class SecretInjection:
    """The same, as other versions have it. Without headers, Basic authentication alone is that of the headers
    ``Authorization`` and ``Proxy-Authorization``."""

    headers: bool = True
    basic_auth: bool = True
    query_params: bool = False
    body: bool = False


@dataclass(frozen=True)
class Secret:
    """A value that commands in the guest use and never have: the variable ``env_var`` has a placeholder there, and
    requests to ``hosts`` get the value in its place. Patterns of hosts are as in :class:`TlsConfig`."""

    env_var: str
    hosts: tuple[str, ...]
    source: str | None = None
    """Where the value comes from at each start: ``env:NAME``, ``file:PATH`` or ``exec:COMMAND`` of this machine; the
    variable of the same name if not given."""
    placeholder: str | None = None
    """``$MSB_`` and the variable's name if not given."""
    substitution: SecretSubstitution | SecretInjection = SecretSubstitution()
    passthrough: tuple[str, ...] = ()
    """Who may get the placeholder as it is."""
    methods: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """With which the paths of requests begin that get it; all if not given."""
    per_minute: int | None = None
    total: int | None = None
    action: ViolationAction | None = None

    @classmethod
    def env(
        cls,
        env_var: str,
        *,
        allow_hosts: Iterable[str] = (),
        allow_host_patterns: Iterable[str] = (),
        source: str | None = None,
        placeholder: str | None = None,
        injection: SecretInjection | SecretSubstitution | None = None,
        on_violation: ViolationAction | None = None,
    ) -> Secret:
        """Of the variable ``env_var`` of this machine, unless ``source`` says otherwise."""
        return cls(env_var, (*allow_hosts, *allow_host_patterns), source, placeholder,
                   injection or SecretSubstitution(), action=on_violation)


@dataclass(frozen=True)
class TlsConfig:
    """How TLS connections are opened on their way. The files, in PEM form, are read at each start. Patterns of hosts
    are ``NAME``, ``*.NAME`` (that and all below it), an address, or ``*``; the closest counts."""

    intercepted_ports: tuple[int, ...] = (443,)
    bypass: tuple[str, ...] = ()
    """Patterns of hosts whose connections stay as they are."""
    block_quic: bool = True
    """QUIC to those ports, which cannot be opened, is refused."""
    ca_cert: str | None = None
    """The authority that the guest is to trust; one that is made at each start if not given."""
    ca_key: str | None = None
    verify_upstream: bool = True
    """Servers' certificates are checked."""
    scoped_verify_upstream: tuple[ScopedVerify, ...] = ()
    upstream_ca_certs: tuple[str, ...] = ()
    """Authorities that are trusted beside this machine's."""
    scoped_upstream_ca_certs: tuple[ScopedUpstreamCa, ...] = ()
    client_certs: tuple[ClientCert, ...] = ()
    secrets: tuple[Secret, ...] = ()
    """Values that never enter the guest."""
    secret_violation_action: ViolationAction | None = None
    """When a placeholder is sent to another host than the secret's; it is blocked and logged if not given."""


@dataclass(frozen=True)
class Network:
    """What the guest may reach. Where nothing is said about it, the Internet, or what this machine's configuration
    says."""

    profiles: tuple[NetworkProfile, ...] = ()
    policy: str | None = None
    """A policy by name, as of --policy; what else is said goes before it."""
    rules: tuple[str | Rule, ...] = ()
    """Rules, or text as of --net-rule: "allow@pypi.org:tcp:443". The first that matches decides, before any profile."""
    default_egress: NetworkAction | None = None
    """For what the guest begins and nothing matches; denied if not given."""
    default_ingress: NetworkAction | None = None
    """For what comes to published ports and nothing matches; allowed if not given."""
    network: str | None = None
    """A private network to join: PrivateNetwork.create(name)."""
    max_connections: int | None = None
    dns: DnsConfig | None = None
    """How its names are looked up."""
    explain_denials: bool = True
    """Requests of plain HTTP that are refused are answered with the reason."""
    proxy: str | None = None
    """http://HOST:PORT or socks5://HOST:PORT that TCP connections go through, or "env"; credentials come from the
    environment."""
    deny_domains: tuple[str, ...] = ()
    deny_domain_suffixes: tuple[str, ...] = ()
    tls: TlsConfig | None = None
    """How TLS is opened on its way; it is not, if not given."""
    trust_host_cas: bool = False
    """The guest trusts the authorities that this machine trusts."""
    interface: Interface | None = None
    """Its addresses and its MTU."""
    rate_limiter: RateLimiter | None = None
    """How fast it is."""

    @classmethod
    def none(cls) -> Network:
        """Nothing may be reached."""
        return cls(profiles=(NetworkProfile.NONE,))

    @classmethod
    def public_only(cls) -> Network:
        """The Internet, and nothing of this machine and the networks around it."""
        return cls(profiles=(NetworkProfile.PUBLIC,))

    @classmethod
    def non_local(cls) -> Network:
        """The Internet and the networks around this machine."""
        return cls(profiles=(NetworkProfile.PUBLIC, NetworkProfile.PRIVATE))

    @classmethod
    def allow_all(cls) -> Network:
        """All that can be reached."""
        return cls(profiles=(NetworkProfile.ALL,))

    @classmethod
    def from_profiles(cls, *profiles: NetworkProfile | str) -> Network:
        """These profiles, in any order."""
        return cls(profiles=tuple(NetworkProfile(profile) for profile in dict.fromkeys(profiles)))

    def to_json(self) -> dict[str, Any]:
        """As the library has it: what was given."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


@dataclass(frozen=True)
class NetworkStep:
    """What was decided about a lookup or a connection."""

    flow: str
    allowed: bool
    rule: str | None
    """That decided; None: none did."""
    reason: str


@dataclass(frozen=True)
class NetworkVerdict:
    """Whether a destination may be reached, and why."""

    allowed: bool
    steps: tuple[NetworkStep, ...]


@dataclass(frozen=True)
class SecretEvent:
    """The placeholder of a secret that was sent where it may not go; or, of a value that came back and was made a
    placeholder, the variable alone."""

    secret_env_var: str
    action: ViolationAction | None = None
    placeholder: str | None = None
    protocol: str | None = None
    """http/1.1, http/2 or other."""
    sni: str | None = None
    host: str | None = None
    method: str | None = None
    path: str | None = None
    """Without a query."""
    location: str | None = None
    """header, query, authorization_basic, body or unknown."""
    match_form: str | None = None
    """raw, percent_decoded, json_unescaped or basic_auth_decoded."""
    guest_dst: str | None = None
    """As the guest dialled it."""
    http2_stream_id: int | None = None


def _secret_event(event: dict[str, Any] | None) -> SecretEvent | None:
    if event is None:
        return None
    known = {field.name: event.get(field.name) for field in fields(SecretEvent)}
    if known["action"] is not None:
        known["action"] = ViolationAction(known["action"])
    return SecretEvent(**known)


@dataclass(frozen=True)
class NetworkEntry:
    """Something that a sandbox's network did; docs/network.md has the meaning of the members."""

    t: str
    type: str
    """flow, lookup, policy or secret."""
    direction: str
    protocol: str
    name: str | None
    address: str | None
    port: int
    group: str
    rule: str | None
    outcome: str
    intercepted: bool
    """Its TLS was opened on the way."""
    reason: str | None
    sent: int
    received: int
    missed: int
    old: str | None
    new: str | None
    secret: SecretEvent | None
    """Of type secret alone."""

    @property
    def denied(self) -> bool:
        """Whether it was refused."""
        return self.outcome == "denied"


@dataclass(frozen=True)
class Modified:
    """What became of a change."""

    in_force: bool
    """False: it holds from the sandbox's next start on."""
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class NetworkPolicy:
    """A policy by name: ``Network(policy=...)``."""

    name: str
    path: str | None
    """None: it comes along."""

    @staticmethod
    async def list() -> Iterable[NetworkPolicy]:
        """All that there are."""
        return [NetworkPolicy(item["name"], item["path"]) for item in await ask("msb_network_policies")]

    @staticmethod
    async def read(name: str) -> str:
        """The document of one. InvalidConfigError if there is none, or it is not right."""
        return str((await ask("msb_network_policy", name.encode()))["text"])


async def ask(function: str, *arguments: Any) -> Any:
    """The result of a function that cannot be cancelled."""

    def job(_: int) -> Any:
        result = _native.Text()
        _native.call(function, *arguments, result)
        return result.take_json()

    return await _native.run(job)


async def modify(name: str, network: Network | bool | None, secrets: Iterable[Secret], **others: Any) -> Modified:
    """Of ``Sandbox.modify()``."""
    change = dict(others)
    if network is not None:
        change["network"] = network if isinstance(network, bool) else network.to_json()
    if listed := [asdict(secret) for secret in secrets]:
        change["secrets"] = listed
    result = await ask("msb_sandbox_modify", name.encode(), _native.encode(change))
    return Modified(result["in_force"], tuple(result["warnings"]))


async def check(name: str, destination: str) -> NetworkVerdict:
    """Of ``Sandbox.network_check()``."""
    result = await ask("msb_network_check", name.encode(), destination.encode())
    steps = (NetworkStep(s["flow"], s["verdict"] == "allow", s["rule"], s["reason"]) for s in result["steps"])
    return NetworkVerdict(result["verdict"] == "allow", tuple(steps))


async def log(name: str, denied: bool, tail: int | None, since_ms: float | None) -> list[NetworkEntry]:
    """Of ``Sandbox.network_log()``."""
    options = {"denied": denied, "tail": tail, "since_ms": None if since_ms is None else int(since_ms)}
    entries = await ask("msb_network_log", name.encode(), _native.encode(options))
    return [NetworkEntry(**{**entry, "secret": _secret_event(entry["secret"])}) for entry in entries]
