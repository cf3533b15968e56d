//! What a guest may reach, and what its network did.

use crate::call::{invoke_json, Argument, Call};
use crate::choices::*;
use crate::json::{Read, Spelled, Switch, Value};
use crate::native::Library;
use crate::options::*;
use crate::tls::{SecretBuilder, TlsBuilder};
use std::os::raw::c_char;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is done with some of the guest's flows: [`NetworkBuilder::rules`] takes these, and text.
#[derive(Debug, Clone)]
pub struct Rule {
    options: RuleOptions,
}

impl Rule {
    fn new(action: NetworkAction, direction: NetworkDirection, destination: impl Into<String>) -> Rule {
        Rule {
            options: RuleOptions {
                action: Some(action),
                direction: Some(direction),
                destination: Some(destination.into()),
                ..Default::default()
            },
        }
    }

    /// Allows what the guest begins with a destination: "any", an address, a prefix, a name, "*.NAME", or a group
    /// ("public", "private", "host", "loopback", "link-local", "metadata", "multicast").
    pub fn allow_egress(destination: impl Into<String>) -> Rule {
        Rule::new(NetworkAction::Allow, NetworkDirection::Egress, destination)
    }

    /// Denies what the guest begins with a destination.
    pub fn deny_egress(destination: impl Into<String>) -> Rule {
        Rule::new(NetworkAction::Deny, NetworkDirection::Egress, destination)
    }

    /// Allows what comes to published ports from a peer.
    pub fn allow_ingress(peer: impl Into<String>) -> Rule {
        Rule::new(NetworkAction::Allow, NetworkDirection::Ingress, peer)
    }

    /// Denies what comes to published ports from a peer.
    pub fn deny_ingress(peer: impl Into<String>) -> Rule {
        Rule::new(NetworkAction::Deny, NetworkDirection::Ingress, peer)
    }

    /// Allows both directions.
    pub fn allow_any(peer: impl Into<String>) -> Rule {
        Rule::new(NetworkAction::Allow, NetworkDirection::Any, peer)
    }

    /// Denies both directions.
    pub fn deny_any(peer: impl Into<String>) -> Rule {
        Rule::new(NetworkAction::Deny, NetworkDirection::Any, peer)
    }

    /// Lets the guest look all names up, at its own name server.
    pub fn allow_dns() -> Rule {
        Rule::allow_egress("dns").protocol("udp").protocol("tcp").port(53)
    }

    /// Keeps the guest from looking any name up.
    pub fn deny_dns() -> Rule {
        Rule::deny_egress("dns").protocol("udp").protocol("tcp").port(53)
    }

    /// One more protocol: "tcp", "udp", "icmpv4" or "icmpv6". Without any: all.
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        push(&mut self.options.protocols, protocol.into());
        self
    }

    /// One more port of the destination, for ingress of the guest. Without any: all.
    pub fn port(mut self, port: u16) -> Self {
        push(&mut self.options.ports, port.to_string());
        self
    }

    /// One more range of ports, both ends included.
    pub fn port_range(mut self, first: u16, last: u16) -> Self {
        push(&mut self.options.ports, format!("{first}-{last}"));
        self
    }
}

/// A rule in either form: [`Rule`], or text as of `--net-rule`.
#[derive(Debug, Clone)]
pub struct AnyRule(Spelled<RuleOptions>);

impl From<Rule> for AnyRule {
    fn from(rule: Rule) -> AnyRule {
        AnyRule(Spelled::Object(rule.options))
    }
}

impl From<&str> for AnyRule {
    fn from(text: &str) -> AnyRule {
        AnyRule(Spelled::Text(text.to_owned()))
    }
}

impl From<String> for AnyRule {
    fn from(text: String) -> AnyRule {
        AnyRule(Spelled::Text(text))
    }
}

/// How the guest's names are looked up: [`NetworkBuilder::dns`].
#[derive(Debug, Clone)]
pub struct DnsBuilder {
    options: DnsOptions,
}

impl DnsBuilder {
    /// `IP[:PORT]` of servers to ask in place of this machine's.
    pub fn nameservers<W: Into<String>>(mut self, servers: impl IntoIterator<Item = W>) -> Self {
        self.options.nameservers = Some(list(servers));
        self
    }

    /// How many milliseconds until a lookup is given up; 10000 if not given.
    pub fn query_timeout_ms(mut self, milliseconds: u32) -> Self {
        self.options.query_timeout_ms = Some(milliseconds);
        self
    }

    /// Whether names may only lead to public addresses and to those that a rule allows: true if not given.
    pub fn rebind_protection(mut self, enabled: bool) -> Self {
        self.options.rebind_protection = Some(enabled);
        self
    }
}

/// The guest's place in its network: [`NetworkBuilder::interface`]. What is not given follows from its name.
#[derive(Debug, Clone)]
pub struct InterfaceBuilder {
    options: InterfaceOptions,
}

impl InterfaceBuilder {
    /// Its Ethernet address.
    pub fn mac(mut self, address: impl Into<String>) -> Self {
        self.options.mac = Some(address.into());
        self
    }

    /// The size of the largest IP packet; 1500 if not given.
    pub fn mtu(mut self, size: u16) -> Self {
        self.options.mtu = Some(size);
        self
    }

    /// Its IPv4 address; its gateway's is one less.
    pub fn ipv4(mut self, address: impl Into<String>) -> Self {
        self.options.ipv4 = Some(address.into());
        self
    }

    /// Its IPv6 address; its gateway's is the first of the /64.
    pub fn ipv6(mut self, address: impl Into<String>) -> Self {
        self.options.ipv6 = Some(address.into());
        self
    }

    /// The prefix that its IPv4 address comes from.
    pub fn ipv4_pool(mut self, prefix: impl Into<String>) -> Self {
        self.options.ipv4_pool = Some(prefix.into());
        self
    }

    /// The prefix that its IPv6 address comes from.
    pub fn ipv6_pool(mut self, prefix: impl Into<String>) -> Self {
        self.options.ipv6_pool = Some(prefix.into());
        self
    }
}

/// A rate with room for bursts: `size` bytes or frames in `refill_time_ms`, once, at the start, `one_time_burst` more.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    /// How many.
    pub size: u64,
    /// In how many milliseconds.
    pub refill_time_ms: u64,
    /// How many more at the start.
    pub one_time_burst: u64,
}

impl TokenBucket {
    /// So many in a second.
    pub fn per_second(size: u64) -> TokenBucket {
        TokenBucket { size, refill_time_ms: 1000, one_time_burst: 0 }
    }

    fn options(self) -> BucketOptions {
        BucketOptions {
            size: Some(self.size),
            refill_time_ms: Some(self.refill_time_ms),
            one_time_burst: Some(self.one_time_burst),
        }
    }
}

/// How fast a guest's network is: [`NetworkBuilder::rate_limiter`].
#[derive(Debug, Clone)]
pub struct RateLimiterBuilder {
    options: RateLimiterOptions,
}

impl RateLimiterBuilder {
    /// Bytes that the guest sends.
    pub fn egress_bandwidth(mut self, bucket: TokenBucket) -> Self {
        self.options.egress.get_or_insert_with(Default::default).bandwidth = Some(bucket.options());
        self
    }

    /// Frames that the guest sends.
    pub fn egress_ops(mut self, bucket: TokenBucket) -> Self {
        self.options.egress.get_or_insert_with(Default::default).ops = Some(bucket.options());
        self
    }

    /// Bytes that the guest is sent.
    pub fn ingress_bandwidth(mut self, bucket: TokenBucket) -> Self {
        self.options.ingress.get_or_insert_with(Default::default).bandwidth = Some(bucket.options());
        self
    }

    /// Frames that the guest is sent.
    pub fn ingress_ops(mut self, bucket: TokenBucket) -> Self {
        self.options.ingress.get_or_insert_with(Default::default).ops = Some(bucket.options());
        self
    }
}

/// What a guest may reach: [`crate::SandboxBuilder::network`].
#[derive(Debug, Clone, Default)]
pub struct NetworkBuilder {
    pub(crate) options: NetworkOptions,
}

impl NetworkBuilder {
    /// The groups of addresses that the guest may reach: [`NetworkProfile`]s, or their words as text.
    /// Where nothing is said about what it may reach, that is the Internet, or what the machine's
    /// configuration says.
    pub fn profiles<P: Into<NetworkProfile>>(mut self, profiles: impl IntoIterator<Item = P>) -> Self {
        let words = profiles.into_iter().map(|profile| profile.into().as_str().to_owned());
        self.options.profiles = Some(words.collect());
        self
    }

    /// Rules, or text as of `--net-rule`, e.g. `allow@pypi.org:tcp:443`: the first that matches decides, before
    /// any profile.
    pub fn rules<R: Into<AnyRule>>(mut self, rules: impl IntoIterator<Item = R>) -> Self {
        self.options.rules = Some(rules.into_iter().map(|rule| rule.into().0).collect());
        self
    }

    /// One more rule, behind those that there are.
    pub fn rule(mut self, rule: impl Into<AnyRule>) -> Self {
        push(&mut self.options.rules, rule.into().0);
        self
    }

    /// A policy by name, as of `--policy`; what else is said goes before it.
    pub fn policy(mut self, name: impl Into<String>) -> Self {
        self.options.policy = Some(name.into());
        self
    }

    /// The rule that lets the guest look all names up, at its own name server.
    pub fn allow_dns() -> String {
        "allow@dns".to_string()
    }

    /// How names are looked up.
    pub fn dns(mut self, with: impl FnOnce(DnsBuilder) -> DnsBuilder) -> Self {
        self.options.dns = Some(with(DnsBuilder { options: DnsOptions::default() }).options);
        self
    }

    /// `http://HOST:PORT` or `socks5://HOST:PORT` that TCP connections go through, or `env`; credentials come from
    /// the environment.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.options.proxy = Some(url.into());
        self
    }

    /// How TLS is opened on its way.
    pub fn tls(mut self, with: impl FnOnce(TlsBuilder) -> TlsBuilder) -> Self {
        self.options.tls = Some(with(TlsBuilder { options: TlsOptions::default() }).options);
        self
    }

    /// Whether the guest trusts the authorities that this machine trusts: false, if this is not said.
    pub fn trust_host_cas(mut self, enabled: bool) -> Self {
        self.options.trust_host_cas = Some(enabled);
        self
    }

    /// Its addresses and its MTU.
    pub fn interface(mut self, with: impl FnOnce(InterfaceBuilder) -> InterfaceBuilder) -> Self {
        self.options.interface = Some(with(InterfaceBuilder { options: InterfaceOptions::default() }).options);
        self
    }

    /// How fast it is.
    pub fn rate_limiter(mut self, with: impl FnOnce(RateLimiterBuilder) -> RateLimiterBuilder) -> Self {
        self.options.rate_limiter = Some(with(RateLimiterBuilder { options: RateLimiterOptions::default() }).options);
        self
    }

    /// What is done with what the guest begins and nothing matches: denied, if this is not said.
    pub fn default_egress(mut self, action: NetworkAction) -> Self {
        self.options.default_egress = Some(action);
        self
    }

    /// What is done with what comes to published ports and nothing matches: allowed, if this is not said.
    pub fn default_ingress(mut self, action: NetworkAction) -> Self {
        self.options.default_ingress = Some(action);
        self
    }

    /// Whether requests of plain HTTP that are refused are answered with the reason: true, if this is not said.
    pub fn explain_denials(mut self, enabled: bool) -> Self {
        self.options.explain_denials = Some(enabled);
        self
    }

    /// A private network to join: [`crate::PrivateNetwork`].
    pub fn network(mut self, name: impl Into<String>) -> Self {
        self.options.network = Some(name.into());
        self
    }

    /// How many TCP connections may be open at a time.
    pub fn max_connections(mut self, count: u32) -> Self {
        self.options.max_connections = Some(count);
        self
    }
}

/// A change of a sandbox: [`crate::Sandbox::modify`].
#[derive(Debug, Clone)]
#[must_use = "nothing changes until it is applied"]
pub struct ModifyBuilder {
    name: String,
    options: ModifyOptions,
}

/// What became of a change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Modified {
    /// False: it holds from the sandbox's next start on.
    pub in_force: bool,
    /// About rules that never decide.
    pub warnings: Vec<String>,
}

/// Whether a destination may be reached, and why.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NetworkVerdict {
    /// Whether it may be.
    pub allowed: bool,
    /// What was decided about the lookup and the connection.
    pub steps: Vec<NetworkStep>,
}

/// What was decided about a lookup or a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NetworkStep {
    /// What it is about.
    pub flow: String,
    /// Whether it may be.
    pub allowed: bool,
    /// The rule that decided, if one did.
    pub rule: Option<String>,
    /// One sentence.
    pub reason: String,
}

/// Something that a sandbox's network did; docs/network.md has the meaning of the members.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct NetworkEntry {
    pub time: String,
    /// "flow", "lookup" or "policy".
    pub kind: String,
    pub direction: String,
    pub protocol: String,
    pub name: Option<String>,
    pub address: Option<String>,
    pub port: u32,
    pub group: String,
    pub rule: Option<String>,
    pub outcome: String,
    /// Its TLS was opened on the way.
    pub intercepted: bool,
    pub reason: Option<String>,
    pub sent: u64,
    pub received: u64,
    pub missed: u64,
    pub old_policy: Option<String>,
    pub new_policy: Option<String>,
    /// Of kind "secret" alone.
    pub secret: Option<SecretEvent>,
}

/// The placeholder of a secret that was sent where it may not go; or, of a value that came back and was made a
/// placeholder, `env` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretEvent {
    /// The variable whose secret it is of.
    pub env: String,
    /// What was done about it.
    pub action: Option<ViolationAction>,
    /// What the guest sent.
    pub placeholder: Option<String>,
    /// "http/1.1", "http/2" or "other".
    pub protocol: Option<String>,
    /// The server that TLS was asked for.
    pub sni: Option<String>,
    /// The host that the request was for.
    pub host: Option<String>,
    /// The request's method.
    pub method: Option<String>,
    /// Without a query.
    pub path: Option<String>,
    /// "header", "query", "authorization_basic", "body" or "unknown".
    pub location: Option<String>,
    /// "raw", "percent_decoded", "json_unescaped" or "basic_auth_decoded".
    pub match_form: Option<String>,
    /// As the guest dialled it.
    pub guest_dst: Option<String>,
    /// The stream, in HTTP/2.
    pub http2_stream_id: Option<u32>,
}

impl SecretEvent {
    fn of(event: &Value) -> SecretEvent {
        let actions = [ViolationAction::Block, ViolationAction::BlockAndLog, ViolationAction::BlockAndTerminate];
        SecretEvent {
            env: event.text("secret_env_var"),
            action: actions.into_iter().find(|action| event["action"].as_str() == Some(action.as_str())),
            placeholder: event.optional_text("placeholder"),
            protocol: event.optional_text("protocol"),
            sni: event.optional_text("sni"),
            host: event.optional_text("host"),
            method: event.optional_text("method"),
            path: event.optional_text("path"),
            location: event.optional_text("location"),
            match_form: event.optional_text("match_form"),
            guest_dst: event.optional_text("guest_dst"),
            http2_stream_id: event.number("http2_stream_id"),
        }
    }
}

impl NetworkEntry {
    /// Whether it was refused.
    pub fn denied(&self) -> bool {
        self.outcome == "denied"
    }

    fn of(entry: &Value) -> NetworkEntry {
        NetworkEntry {
            time: entry.text("t"),
            kind: entry.text("type"),
            direction: entry.text("direction"),
            protocol: entry.text("protocol"),
            name: entry.optional_text("name"),
            address: entry.optional_text("address"),
            port: entry.number("port").unwrap_or(0),
            group: entry.text("group"),
            rule: entry.optional_text("rule"),
            outcome: entry.text("outcome"),
            intercepted: entry.flag("intercepted"),
            reason: entry.optional_text("reason"),
            sent: entry.number("sent").unwrap_or(0),
            received: entry.number("received").unwrap_or(0),
            missed: entry.number("missed").unwrap_or(0),
            secret: entry["secret"].is_object().then(|| SecretEvent::of(&entry["secret"])),
            old_policy: entry.optional_text("old"),
            new_policy: entry.optional_text("new"),
        }
    }
}

/// Which entries of what a sandbox's network did.
#[derive(Debug, Clone, Default)]
pub struct NetworkLogOptions {
    query: NetworkLogQuery,
}

impl NetworkLogOptions {
    /// All of them.
    pub fn new() -> NetworkLogOptions {
        NetworkLogOptions::default()
    }

    /// Only what was refused.
    pub fn denied(mut self) -> Self {
        self.query.denied = Some(true);
        self
    }

    /// Only the last so many.
    pub fn tail(mut self, count: u64) -> Self {
        self.query.tail = Some(count);
        self
    }

    /// Of this time or later.
    pub fn since(mut self, time: SystemTime) -> Self {
        let ms = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        self.query.since_ms = Some(ms.try_into().unwrap_or(u64::MAX));
        self
    }
}

/// A policy for [`NetworkBuilder::policy`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NetworkPolicy {
    /// Its name.
    pub name: String,
    /// Its file; none if it comes along.
    pub path: Option<String>,
}

impl NetworkPolicy {
    /// All that there are.
    pub fn list() -> Call<Vec<NetworkPolicy>> {
        Call::short(|| {
            // SAFETY: the pointer is valid during the call.
            let policies = invoke_json(|library, result| unsafe { (library.network_policies)(result) })?;
            let policy = |item: &Value| NetworkPolicy { name: item.text("name"), path: item.optional_text("path") };
            Ok(policies.items().iter().map(policy).collect())
        })
    }

    /// The document of one; [`crate::Error::InvalidConfig`] if there is none, or it is not right.
    pub fn read(name: &str) -> Call<String> {
        about(
            name,
            |library, name, result| unsafe { (library.network_policy)(name, result) },
            |answer| answer.text("text"),
        )
    }
}

/// A call about what has this name.
fn about<T: Send + 'static>(
    name: &str,
    body: impl FnOnce(&'static Library, *const c_char, *mut *mut c_char) -> *mut c_char + Send + 'static,
    read: fn(&Value) -> T,
) -> Call<T> {
    let name = name.to_owned();
    Call::short(move || {
        let name = Argument::text("name", &name)?;
        Ok(read(&invoke_json(|library, result| body(library, name.pointer(), result))?))
    })
}

// SAFETY, here and above: the pointers of a call are valid until it has returned.

impl ModifyBuilder {
    pub(crate) fn new(name: &str) -> ModifyBuilder {
        ModifyBuilder { name: name.to_owned(), options: ModifyOptions::default() }
    }

    /// What the sandbox may reach from now on. Rules alone go before those that it has, anything else takes their
    /// place; ports and name servers stay.
    pub fn network(mut self, with: impl FnOnce(NetworkBuilder) -> NetworkBuilder) -> Self {
        self.options.network = Some(Switch::On(with(NetworkBuilder::default()).options));
        self
    }

    /// It has no network.
    pub fn disable_network(mut self) -> Self {
        self.options.network = Some(Switch::Off);
        self
    }

    /// Size of its root disk, which only grows unless it is in memory.
    pub fn root_disk_size_mib(mut self, size: u64) -> Self {
        self.options.root_disk_size_mib = Some(size);
        self
    }

    /// A new secret of the variable `env`, or one that takes its place; its value is read now.
    pub fn secret(mut self, env: impl Into<String>, with: impl FnOnce(SecretBuilder) -> SecretBuilder) -> Self {
        let options = SecretOptions { env: Some(env.into()), ..Default::default() };
        push(&mut self.options.secrets, with(SecretBuilder { options }).options);
        self
    }

    /// The secret of this variable is taken away.
    pub fn remove_secret(mut self, env: impl Into<String>) -> Self {
        push(&mut self.options.remove_secrets, env.into());
        self
    }

    /// The values of all secrets are read from their sources again.
    pub fn reload_secrets(mut self) -> Self {
        self.options.reload_secrets = Some(true);
        self
    }

    /// What happens when the placeholder of a secret that says nothing else is sent to another host.
    pub fn on_secret_violation(mut self, action: ViolationAction) -> Self {
        self.options.secret_violation_action = Some(action);
        self
    }

    /// Changes the sandbox, also while it runs: flows that may not be any more end, and a root disk that grows has its
    /// new room then. The network is changed first, then secrets, all of them or none, then the disk; after an error
    /// what is named behind it has not changed.
    pub fn apply(self) -> Call<Modified> {
        Call::short(move || {
            let (name, options) = (Argument::text("name", &self.name)?, Argument::options(&self.options)?);
            let answer = invoke_json(|library, result| unsafe {
                (library.sandbox_modify)(name.pointer(), options.pointer(), result)
            })?;
            Ok(Modified { in_force: answer.flag("in_force"), warnings: answer.texts("warnings") })
        })
    }
}

pub(crate) fn check(name: &str, destination: &str) -> Call<NetworkVerdict> {
    let (name, destination) = (name.to_owned(), destination.to_owned());
    Call::short(move || {
        let (name, to) = (Argument::text("name", &name)?, Argument::text("destination", &destination)?);
        let answer =
            invoke_json(|library, result| unsafe { (library.network_check)(name.pointer(), to.pointer(), result) })?;
        let allows = |value: &Value| value.text("verdict") == "allow";
        let steps = answer["steps"].items().iter().map(|step| NetworkStep {
            flow: step.text("flow"),
            allowed: allows(step),
            rule: step.optional_text("rule"),
            reason: step.text("reason"),
        });
        Ok(NetworkVerdict { allowed: allows(&answer), steps: steps.collect() })
    })
}

pub(crate) fn log(name: &str, options: NetworkLogOptions) -> Call<Vec<NetworkEntry>> {
    let name = name.to_owned();
    Call::short(move || {
        let (name, options) = (Argument::text("name", &name)?, Argument::options(&options.query)?);
        let answer =
            invoke_json(|library, result| unsafe { (library.network_log)(name.pointer(), options.pointer(), result) })?;
        Ok(answer.items().iter().map(NetworkEntry::of).collect())
    })
}

pub(crate) fn learn(name: &str) -> Call<String> {
    about(
        name,
        |library, name, result| unsafe { (library.network_learn)(name, result) },
        |answer| answer.text("policy"),
    )
}
