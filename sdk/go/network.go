package microsandbox

// #include "native.h"
import "C"

import (
	"context"
	"fmt"
	"time"
)

// NetworkConfig is what the guest may reach.
type NetworkConfig struct {
	// Any of "public", "private", "host", or "all" or "none" alone. Where nothing is said about what the
	// guest may reach, that is the Internet, or what the machine's configuration says.
	Profiles []string `json:"profiles,omitempty"`
	// A policy by name, as of --policy; what else is said goes before it.
	Policy string `json:"policy,omitempty"`
	// As of --net-rule: "allow@pypi.org:tcp:443". The first that matches decides, before any profile.
	Rules []string `json:"rules,omitempty"`
	// Rules and defaults as values: see [NetworkPolicy]. Its rules go before those of Rules.
	CustomPolicy *CustomPolicy `json:"custom_policy,omitempty"`
	// Names, and names with all below them, that are denied where no rule says otherwise.
	DenyDomains        []string `json:"deny_domains,omitempty"`
	DenyDomainSuffixes []string `json:"deny_domain_suffixes,omitempty"`
	// "allow" or "deny": for what the guest begins and nothing matches. Denied if not given.
	DefaultEgress string `json:"default_egress,omitempty"`
	// "allow" or "deny": for what comes to published ports and nothing matches. Allowed if not given.
	DefaultIngress string `json:"default_ingress,omitempty"`
	// How names are looked up.
	DNS *DNSConfig `json:"dns,omitempty"`
	// A private network to join: see [CreatePrivateNetwork].
	Network        string `json:"network,omitempty"`
	MaxConnections uint32 `json:"max_connections,omitempty"` // TCP, at a time; 256 if not given
	// http://HOST:PORT or socks5://HOST:PORT that TCP connections go through, or "env"; credentials come from
	// the environment.
	Proxy string `json:"proxy,omitempty"`
	// How TLS is opened on its way; nil: it is not.
	TLS *TLSConfig `json:"tls,omitempty"`
	// The guest trusts the authorities that this machine trusts.
	TrustHostCAs bool `json:"trust_host_cas,omitempty"`
	// Its addresses and its MTU, and how fast it is.
	Interface   *InterfaceConfig `json:"interface,omitempty"`
	RateLimiter *RateLimiter     `json:"rate_limiter,omitempty"`
	// False: plain HTTP that is refused is not told why.
	ExplainDenials *bool `json:"explain_denials,omitempty"`
}

// TLSConfig is how the guest's TLS connections are opened on their way. The files, in PEM form, are read at each
// start. Patterns of hosts are NAME, "*.NAME" (that and all below it), an address, or "*"; the closest counts.
type TLSConfig struct {
	InterceptedPorts []uint16 `json:"intercepted_ports,omitempty"` // 443 if not given
	Bypass           []string `json:"bypass,omitempty"`            // patterns of hosts that are left alone
	BlockQUIC        *bool    `json:"block_quic,omitempty"`        // true if not given
	// The authority that the guest is to trust; one that is made at each start if not given.
	CACert string `json:"ca_cert,omitempty"`
	CAKey  string `json:"ca_key,omitempty"`
	// Whether servers' certificates are checked, true if not given, and by whom beside this machine's authorities.
	VerifyUpstream        *bool              `json:"verify_upstream,omitempty"`
	ScopedVerifyUpstream  []ScopedVerify     `json:"scoped_verify_upstream,omitempty"`
	UpstreamCACerts       []string           `json:"upstream_ca_certs,omitempty"`
	ScopedUpstreamCACerts []ScopedUpstreamCA `json:"scoped_upstream_ca_certs,omitempty"`
	ClientCerts           []ClientCert       `json:"client_certs,omitempty"` // that servers are shown
	// Secrets that never enter the guest.
	Secrets []Secret `json:"secrets,omitempty"`
	// When a placeholder is sent to another host than the secret's; "block-and-log" if not given.
	SecretViolationAction ViolationAction `json:"secret_violation_action,omitempty"`
}

// ViolationAction is what happens when a secret's placeholder is sent where it may not go.
type ViolationAction string

// What may happen then.
const (
	ViolationBlock             ViolationAction = "block"
	ViolationBlockAndLog       ViolationAction = "block-and-log"
	ViolationBlockAndTerminate ViolationAction = "block-and-terminate"
)

// Secret is a value that commands in the guest use and never have: the variable Env has a placeholder there, and
// requests to Hosts get the value in its place.
type Secret struct {
	Env   string   `json:"env"`
	Hosts []string `json:"hosts"`
	// Where the value comes from at each start: "env:NAME", "file:PATH" or "exec:COMMAND" of this machine; the
	// variable of the same name if not given.
	Source      string   `json:"source,omitempty"`
	Placeholder string   `json:"placeholder,omitempty"` // $MSB_ and Env if not given
	Passthrough []string `json:"passthrough,omitempty"` // who may get the placeholder as it is
	// In headers if not given.
	Substitution *SecretSubstitution `json:"substitution,omitempty"`
	Methods      []string            `json:"methods,omitempty"` // of requests that get it; all if not given
	Paths        []string            `json:"paths,omitempty"`   // with which their paths begin
	PerMinute    uint64              `json:"per_minute,omitempty"`
	Total        uint64              `json:"total,omitempty"` // requests that get it
	Action       ViolationAction     `json:"action,omitempty"`
}

// SecretSubstitution is in which parts of a request a placeholder becomes the value.
type SecretSubstitution struct {
	Headers      bool     `json:"headers"` // also credentials of Basic authentication
	HeaderFields []string `json:"header_fields,omitempty"`
	Query        bool     `json:"query"`
	Body         bool     `json:"body"`
}

// ScopedVerify is whether the certificates of some servers are checked.
type ScopedVerify struct {
	Pattern string `json:"pattern"`
	Verify  bool   `json:"verify"`
}

// ScopedUpstreamCA is authorities that count for some servers.
type ScopedUpstreamCA struct {
	Pattern string `json:"pattern"`
	Path    string `json:"path"`
}

// ClientCert is what this machine shows some servers.
type ClientCert struct {
	Pattern string `json:"pattern"`
	Cert    string `json:"cert"`
	Key     string `json:"key"`
}

// InterfaceConfig is the guest's place in its network; what is not given follows from its name.
type InterfaceConfig struct {
	MAC      string `json:"mac,omitempty"`
	MTU      uint16 `json:"mtu,omitempty"`       // size of the largest IP packet; 1500 if not given
	IPv4     string `json:"ipv4,omitempty"`      // its gateway's address is one less
	IPv6     string `json:"ipv6,omitempty"`      // its gateway's address is the first of the /64
	IPv4Pool string `json:"ipv4_pool,omitempty"` // prefix that the address comes from; 172.16.0.0/12 if not given
	IPv6Pool string `json:"ipv6_pool,omitempty"`
}

// RateLimiter is how fast a guest's network is.
type RateLimiter struct {
	Egress  *RateLimits `json:"egress,omitempty"`  // what the guest sends
	Ingress *RateLimits `json:"ingress,omitempty"` // what it is sent
}

// RateLimits is limits of one direction.
type RateLimits struct {
	Bandwidth *TokenBucket `json:"bandwidth,omitempty"` // of bytes
	Ops       *TokenBucket `json:"ops,omitempty"`       // of frames
}

// TokenBucket is a rate with room for bursts: so many bytes or frames in a time.
type TokenBucket struct {
	Size         uint64 `json:"size"`
	RefillTimeMs uint64 `json:"refill_time_ms,omitempty"` // 1000 if not given
	OneTimeBurst uint64 `json:"one_time_burst,omitempty"` // once, at the start, so many more
}

// DNSConfig is how the guest's names are looked up.
type DNSConfig struct {
	Nameservers    []string `json:"nameservers,omitempty"`      // "IP[:PORT]", in place of this machine's
	QueryTimeoutMs uint32   `json:"query_timeout_ms,omitempty"` // 10000 if not given
	// Whether names may only lead to public addresses and to those that a rule allows: true if not given.
	RebindProtection *bool `json:"rebind_protection,omitempty"`
}

// CustomPolicy is rules, of which the first that matches decides, and what is done where none does.
type CustomPolicy struct {
	DefaultEgress  string       `json:"default_egress,omitempty"`  // "allow" or "deny"
	DefaultIngress string       `json:"default_ingress,omitempty"` // "allow" or "deny"
	Rules          []PolicyRule `json:"rules"`
}

// PolicyRule is what is done with some of the guest's flows.
type PolicyRule struct {
	Action    string `json:"action"`              // "allow" or "deny"
	Direction string `json:"direction,omitempty"` // "egress" if not given, "ingress" or "any"
	// "any" if not given, an address, a prefix, a name, "*.NAME", a group ("public", "private", "host",
	// "loopback", "link-local", "metadata", "multicast") or "dns".
	Destination string   `json:"destination,omitempty"`
	Protocol    string   `json:"protocol,omitempty"`  // "tcp", "udp", "icmpv4" or "icmpv6"; any if not given
	Protocols   []string `json:"protocols,omitempty"` // more than one of them
	Port        string   `json:"port,omitempty"`      // "80" or "8000-8010"; any if not given
	Ports       []string `json:"ports,omitempty"`     // more than one of them
}

type networkPolicyFactory struct{}

// NetworkPolicy makes a [CustomPolicy]: NetworkPolicy.PublicOnly().
var NetworkPolicy networkPolicyFactory

// None allows nothing, in neither direction.
func (networkPolicyFactory) None() *CustomPolicy {
	return &CustomPolicy{DefaultEgress: "deny", DefaultIngress: "deny", Rules: []PolicyRule{}}
}

// AllowAll allows all that can be reached.
func (networkPolicyFactory) AllowAll() *CustomPolicy {
	return &CustomPolicy{DefaultEgress: "allow", DefaultIngress: "allow", Rules: []PolicyRule{}}
}

// PublicOnly allows the Internet, and nothing of this machine and the networks around it.
func (p networkPolicyFactory) PublicOnly() *CustomPolicy { return p.FromProfiles("public") }

// NonLocal allows the Internet and the networks around this machine.
func (p networkPolicyFactory) NonLocal() *CustomPolicy { return p.FromProfiles("public", "private") }

// FromProfiles allows any of "public", "private" and "host". It panics if a word is none of them.
func (p networkPolicyFactory) FromProfiles(profiles ...string) *CustomPolicy {
	policy, err := p.FromProfilesChecked(profiles...)
	if err != nil {
		panic(err)
	}
	return policy
}

// FromProfilesChecked is FromProfiles with an error, [ErrInvalidConfig], in place of a panic.
func (networkPolicyFactory) FromProfilesChecked(profiles ...string) (*CustomPolicy, error) {
	given := map[string]bool{}
	for _, profile := range profiles {
		if profile != "public" && profile != "private" && profile != "host" {
			return nil, &Error{Kind: ErrInvalidConfig,
				Message: fmt.Sprintf("unknown network profile: %q (expected: public, private, host)", profile)}
		}
		given[profile] = true
	}
	policy := &CustomPolicy{DefaultEgress: "deny", DefaultIngress: "allow", Rules: []PolicyRule{}}
	if len(given) > 0 {
		policy.Rules = append(policy.Rules, Rule.AllowDNS())
	}
	for _, profile := range []string{"public", "private", "host"} {
		if given[profile] {
			policy.Rules = append(policy.Rules, PolicyRule{Action: "allow", Destination: profile})
		}
	}
	return policy, nil
}

type ruleFactory struct{}

// Rule makes a [PolicyRule]: Rule.AllowEgress("10.0.0.0/8").
var Rule ruleFactory

// AllowEgress allows what the guest begins with a destination.
func (ruleFactory) AllowEgress(destination string) PolicyRule {
	return PolicyRule{Action: "allow", Direction: "egress", Destination: destination}
}

// DenyEgress denies what the guest begins with a destination.
func (ruleFactory) DenyEgress(destination string) PolicyRule {
	return PolicyRule{Action: "deny", Direction: "egress", Destination: destination}
}

// AllowIngress allows what comes to published ports from a peer.
func (ruleFactory) AllowIngress(peer string) PolicyRule {
	return PolicyRule{Action: "allow", Direction: "ingress", Destination: peer}
}

// DenyIngress denies what comes to published ports from a peer.
func (ruleFactory) DenyIngress(peer string) PolicyRule {
	return PolicyRule{Action: "deny", Direction: "ingress", Destination: peer}
}

// AllowDNS lets the guest look all names up, at its own name server.
func (ruleFactory) AllowDNS() PolicyRule { return dnsRule("allow") }

// DenyDNS keeps the guest from looking any name up.
func (ruleFactory) DenyDNS() PolicyRule { return dnsRule("deny") }

func dnsRule(action string) PolicyRule {
	return PolicyRule{Action: action, Destination: "dns", Protocols: []string{"udp", "tcp"}, Ports: []string{"53"}}
}

// AllowDNS is, as text, the rule that lets the guest look all names up, at its own name server.
func AllowDNS() string { return "allow@dns" }

// Modified is what became of a change.
type Modified struct {
	InForce  bool     `json:"in_force"` // false: it holds from the sandbox's next start on
	Warnings []string `json:"warnings"`
}

// ModifyOptions is what [Sandbox.Modify] changes.
type ModifyOptions struct {
	// What the sandbox may reach from now on. Rules alone go before those that it has, anything else takes
	// their place; ports and name servers stay.
	Network *NetworkConfig
	// It has no network.
	NoNetwork bool
	// Size of its root disk, which only grows unless it is in memory; 0: as it is.
	RootDiskSizeMiB uint64
	// New secrets, and those that take the place of one of that variable; their values are read now.
	Secrets []Secret
	// Variables whose secrets are taken away.
	RemoveSecrets []string
	// The values of all secrets are read from their sources again.
	ReloadSecrets bool
	// When the placeholder of a secret that says nothing else is sent to another host.
	SecretViolationAction ViolationAction
}

// Modify changes the sandbox, also while it runs: flows that may not be any more end, and a root disk that
// grows has its new room when this returns. The network is changed first, then secrets, all of them or none, then the
// disk; after an error what is named behind it has not changed.
func (n *named) Modify(ctx context.Context, options ModifyOptions) (*Modified, error) {
	var change modifyOptions
	if options.Network != nil {
		change.Network = options.Network
	}
	if options.NoNetwork {
		change.Network = false
	}
	if options.RootDiskSizeMiB != 0 {
		change.RootDiskSizeMib = &options.RootDiskSizeMiB
	}
	change.Secrets, change.RemoveSecrets, change.ReloadSecrets = options.Secrets, options.RemoveSecrets, options.ReloadSecrets
	if options.SecretViolationAction != "" {
		action := string(options.SecretViolationAction)
		change.SecretViolationAction = &action
	}
	modified := &Modified{}
	if err := bring(ctx, n.name, change, modified,
		func(_ C.uint64_t, name, options *C.char, result **C.char) *C.char {
			return C.call_sandbox_modify(name, options, result)
		}); err != nil {
		return nil, err
	}
	return modified, nil
}

// NetworkVerdict is whether a destination may be reached, and why.
type NetworkVerdict struct {
	Verdict string // "allow" or "deny"
	Steps   []NetworkStep
}

// Allowed is whether it may be reached.
func (v *NetworkVerdict) Allowed() bool { return v.Verdict == "allow" }

// NetworkStep is what was decided about a lookup or a connection.
type NetworkStep struct {
	Flow    string
	Verdict string  // "allow" or "deny"
	Rule    *string // that decided; nil: none did
	Reason  string
}

// CheckNetwork tells whether the sandbox may reach "HOST[:PORT[/tcp|udp]]", and why. Nothing is sent.
func (n *named) CheckNetwork(ctx context.Context, destination string) (*NetworkVerdict, error) {
	var target cText
	if err := target.set("destination", destination); err != nil {
		return nil, err
	}
	defer target.free()
	verdict := &NetworkVerdict{}
	if err := askAbout(ctx, n.name, verdict, func(_ C.uint64_t, name *C.char, result **C.char) *C.char {
		return C.call_network_check(name, target.pointer, result)
	}); err != nil {
		return nil, err
	}
	return verdict, nil
}

// NetworkEntry is something that a sandbox's network did; docs/network.md has the meaning of the members.
type NetworkEntry struct {
	Time        string `json:"t"`
	Type        string // "flow", "lookup", "policy" or "secret"
	Direction   string
	Protocol    string
	Name        string
	Address     string
	Port        uint16
	Group       string
	Rule        string
	Outcome     string
	Intercepted bool // its TLS was opened on the way
	Reason      string
	Sent        uint64
	Received    uint64
	Missed      uint64
	OldPolicy   string `json:"old"`
	NewPolicy   string `json:"new"`
	// Of type "secret" alone.
	Secret *SecretEvent
}

// SecretEvent is the placeholder of a secret that was sent where it may not go; or, of a value that came back and was
// made a placeholder, Env alone.
type SecretEvent struct {
	Env           string `json:"secret_env_var"`
	Action        ViolationAction
	Placeholder   string
	Protocol      string // "http/1.1", "http/2" or "other"
	SNI           string
	Host          string
	Method        string
	Path          string // without a query
	Location      string // "header", "query", "authorization_basic", "body" or "unknown"
	MatchForm     string `json:"match_form"` // "raw", "percent_decoded", "json_unescaped" or "basic_auth_decoded"
	GuestDst      string `json:"guest_dst"`  // as the guest dialled it
	HTTP2StreamID *uint  `json:"http2_stream_id"`
}

// Denied is whether it was refused.
func (e *NetworkEntry) Denied() bool { return e.Outcome == "denied" }

// NetworkLogOption changes which entries [Sandbox.NetworkLog] returns.
type NetworkLogOption func(*networkLogOptions)

// WithDenied only returns what was refused.
func WithDenied() NetworkLogOption { return func(o *networkLogOptions) { o.Denied = true } }

// WithNetworkTail only returns the last so many.
func WithNetworkTail(count uint64) NetworkLogOption {
	return func(o *networkLogOptions) { o.Tail = &count }
}

// WithNetworkSince only returns what happened at this time or later.
func WithNetworkSince(since time.Time) NetworkLogOption {
	return func(o *networkLogOptions) {
		if ms := since.UnixMilli(); ms >= 0 {
			unsigned := uint64(ms)
			o.SinceMs = &unsigned
		}
	}
}

// NetworkLog is what the sandbox's network did, oldest first.
func (n *named) NetworkLog(ctx context.Context, options ...NetworkLogOption) (entries []NetworkEntry, err error) {
	var chosen networkLogOptions
	for _, option := range options {
		option(&chosen)
	}
	err = bring(ctx, n.name, chosen, &entries, func(_ C.uint64_t, name, options *C.char, result **C.char) *C.char {
		return C.call_network_log(name, options, result)
	})
	return entries, err
}

// LearnNetwork is a policy, as a YAML document, that allows what was recorded and nothing else.
func (n *named) LearnNetwork(ctx context.Context) (string, error) {
	var parsed struct{ Policy string }
	err := askAbout(ctx, n.name, &parsed, func(_ C.uint64_t, name *C.char, result **C.char) *C.char {
		return C.call_network_learn(name, result)
	})
	return parsed.Policy, err
}

// NamedPolicy is a policy for [NetworkConfig].Policy.
type NamedPolicy struct {
	Name string
	Path string // "": it comes along
}

// ListPolicies is all policies that there are.
func ListPolicies(ctx context.Context) (policies []NamedPolicy, err error) {
	var text *C.char
	if err = call(ctx, func() *C.char { return C.call_network_policies(&text) }); err == nil {
		err = decode(takeText(text), &policies)
	}
	return policies, err
}

// ReadPolicy is the document of a policy. [ErrInvalidConfig] if there is none of this name, or it is not right.
func ReadPolicy(ctx context.Context, name string) (string, error) {
	var parsed struct{ Text string }
	err := askAbout(ctx, name, &parsed, func(_ C.uint64_t, name *C.char, result **C.char) *C.char {
		return C.call_network_policy(name, result)
	})
	return parsed.Text, err
}
