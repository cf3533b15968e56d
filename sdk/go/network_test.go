package microsandbox_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	m "microsandbox.internal/microsandbox"
)

// greeter is the port of a service of this machine's loopback that greets whoever comes.
func greeter(t *testing.T) int {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	ok(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = client.Write([]byte("hello\n"))
			_ = client.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestNetworks(t *testing.T) {
	ctx := testContext(t)
	port := greeter(t)
	word := fmt.Sprint(port)
	rebind := true
	box := create(t, "go-net", m.WithNetwork(m.NetworkConfig{
		Rules: []string{"deny@[2001:db8::1]:tcp:80-81"},
		CustomPolicy: &m.CustomPolicy{DefaultEgress: "deny", Rules: []m.PolicyRule{
			m.Rule.AllowDNS(),
			{Action: "allow", Destination: "host", Protocol: "tcp", Port: word},
			{Action: "deny", Destination: "link_local", Protocols: []string{"tcp", "udp"}},
			m.Rule.DenyEgress("link-local"),
			m.Rule.DenyIngress("192.0.2.0/24"),
		}},
		DenyDomainSuffixes: []string{"example.com"},
		DNS:                &m.DNSConfig{Nameservers: []string{"192.0.2.53"}, QueryTimeoutMs: 500, RebindProtection: &rebind},
		MaxConnections:     9,
		Interface:          &m.InterfaceConfig{MTU: 1400, IPv4: "10.9.8.6"},
		RateLimiter:        &m.RateLimiter{Egress: &m.RateLimits{Bandwidth: &m.TokenBucket{Size: 1 << 30}, Ops: &m.TokenBucket{Size: 1000000, RefillTimeMs: 500}}},
	}), m.WithPorts(map[uint16]uint16{0: 8080}))

	out, err := box.Shell(ctx, "cat /sys/class/net/eth0/mtu; echo $MSB_NET_IPV4")
	ok(t, err)
	equal(t, "interface", out.Stdout(), "1400\naddr=10.9.8.6/30,gw=10.9.8.5,dns=10.9.8.5\n")

	there := "host.microsandbox.internal:" + word
	verdict, err := box.CheckNetwork(ctx, there)
	ok(t, err)
	equal(t, "host", verdict.Allowed(), true)
	verdict, err = box.CheckNetwork(ctx, "169.254.1.1")
	ok(t, err)
	equal(t, "link-local", verdict.Allowed(), false)
	equal(t, "rule", *verdict.Steps[0].Rule, "deny@link-local:tcp")
	greeting := "nc host.microsandbox.internal " + word + " </dev/null"
	out, err = box.Shell(ctx, greeting)
	ok(t, err)
	equal(t, "greeting", string(out.StdoutBytes()), "hello\n")

	handle, err := m.GetSandbox(ctx, "go-net")
	ok(t, err)
	published := handle.Ports()[0]
	equal(t, "port", published.HostPort > 0 && published.GuestPort == 8080 && published.Bind == "127.0.0.1", true)
	out, err = box.Shell(ctx, "mkdir /www && echo published >/www/index.html && httpd -p 127.0.0.1:8080 -h /www")
	ok(t, err)
	equal(t, "server", out.ExitCode(), 0)
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", published.HostPort))
	ok(t, err)
	body, err := io.ReadAll(response.Body)
	ok(t, err)
	_ = response.Body.Close()
	equal(t, "published", string(body), "published\n")

	modified, err := box.Modify(ctx, m.ModifyOptions{Network: &m.NetworkConfig{CustomPolicy: &m.CustomPolicy{Rules: []m.PolicyRule{
		{Action: "deny", Destination: "host", Protocol: "tcp", Port: word}}}}})
	ok(t, err)
	equal(t, "in force", modified.InForce, true)
	equal(t, "warned", strings.Contains(strings.Join(modified.Warnings, ""), "has no effect"), true)
	out, err = box.Shell(ctx, greeting)
	ok(t, err)
	equal(t, "no greeting", string(out.StdoutBytes()), "")
	denied, err := box.NetworkLog(ctx, m.WithDenied(), m.WithNetworkSince(time.Now().Add(-time.Hour)))
	ok(t, err)
	last := denied[len(denied)-1]
	equal(t, "denied", last.Denied() && last.Type == "flow" && last.Protocol == "tcp" && int(last.Port) == port, true)
	some, err := box.NetworkLog(ctx, m.WithNetworkTail(1))
	ok(t, err)
	equal(t, "tail", len(some), 1)
	learned, err := box.LearnNetwork(ctx)
	ok(t, err)
	equal(t, "learned", strings.Contains(learned, "allow@host:tcp:"+word), true)

	_, err = box.Modify(ctx, m.ModifyOptions{Network: &m.NetworkConfig{Policy: "git-hosts"}})
	ok(t, err)
	verdict, err = box.CheckNetwork(ctx, "github.com")
	ok(t, err)
	equal(t, "github.com", verdict.Allowed(), true)
	_, err = box.Modify(ctx, m.ModifyOptions{Network: &m.NetworkConfig{Policy: "nowhere"}})
	wantKind(t, err, m.ErrInvalidConfig)
	_, err = box.Modify(ctx, m.ModifyOptions{Network: &m.NetworkConfig{Rules: []string{"alow@any"}}})
	wantKind(t, err, m.ErrInvalidArgument)
	modified, err = box.Modify(ctx, m.ModifyOptions{Network: &m.NetworkConfig{CustomPolicy: m.NetworkPolicy.PublicOnly()}})
	ok(t, err)
	equal(t, "in force", modified.InForce, true)
	for destination, allowed := range map[string]bool{"example.org": true, "1.1.1.1": true, "10.0.0.1": false, there: false} {
		verdict, err = box.CheckNetwork(ctx, destination)
		ok(t, err)
		equal(t, destination, verdict.Allowed(), allowed)
	}
	secret := m.Secret{Env: "KEY", Hosts: []string{"api.example.org"}, Source: "env:HOME"}
	modified, err = box.Modify(ctx, m.ModifyOptions{Secrets: []m.Secret{secret}, SecretViolationAction: m.ViolationBlock})
	ok(t, err)
	equal(t, "without interception, at the next start", modified.InForce, false)
	_, err = box.Modify(ctx, m.ModifyOptions{RemoveSecrets: []string{"OTHER"}})
	wantKind(t, err, m.ErrInvalidConfig)
	_, err = box.Modify(ctx, m.ModifyOptions{RemoveSecrets: []string{"KEY"}, ReloadSecrets: true})
	ok(t, err)
	_, err = box.Modify(ctx, m.ModifyOptions{NoNetwork: true, RootDiskSizeMiB: 8192})
	ok(t, err)
	_, err = box.Modify(ctx, m.ModifyOptions{RootDiskSizeMiB: 1024}) // it does not shrink
	wantKind(t, err, m.ErrInvalidConfig)
	verdict, err = box.CheckNetwork(ctx, "example.org")
	ok(t, err)
	equal(t, "without network", verdict.Allowed(), false)
	_, err = box.Modify(ctx, m.ModifyOptions{})
	wantKind(t, err, m.ErrInvalidArgument)
	_, err = m.NetworkPolicy.FromProfilesChecked("public", "nobody")
	wantKind(t, err, m.ErrInvalidConfig)

	policies, err := m.ListPolicies(ctx)
	ok(t, err)
	equal(t, "policies", len(policies) >= 6, true)
	text, err := m.ReadPolicy(ctx, "offline")
	ok(t, err)
	equal(t, "offline", strings.Contains(text, "profiles: [none]"), true)
	_, err = m.ReadPolicy(ctx, "nowhere")
	wantKind(t, err, m.ErrInvalidConfig)
}

func TestAllowDNS(t *testing.T) {
	ctx := testContext(t)
	box := create(t, "go-dns", m.WithNetwork(m.NetworkConfig{CustomPolicy: &m.CustomPolicy{Rules: []m.PolicyRule{m.Rule.AllowDNS()}}}))
	verdict, err := box.CheckNetwork(ctx, "www.example.org")
	ok(t, err)
	equal(t, "lookup", verdict.Steps[0].Verdict, "allow")
	equal(t, "connection", verdict.Steps[1].Verdict, "deny")
	verdict, err = box.CheckNetwork(ctx, "host.microsandbox.internal:853")
	ok(t, err)
	equal(t, "DNS over TLS", verdict.Allowed(), false)
}

func TestPrivateNetworks(t *testing.T) {
	ctx := testContext(t)
	made, err := m.CreatePrivateNetwork(ctx, "go-back", "10.79.0.0/24")
	ok(t, err)
	equal(t, "subnet", made.Subnet, "10.79.0.0/24")
	_, err = m.CreatePrivateNetwork(ctx, "go-back", "")
	wantKind(t, err, m.ErrNetworkAlreadyExists)
	_, err = m.GetPrivateNetwork(ctx, "go-none")
	wantKind(t, err, m.ErrNetworkNotFound)
	create(t, "go-member", m.WithNetwork(m.NetworkConfig{Network: "go-back"}))
	network, err := m.GetPrivateNetwork(ctx, "go-back")
	ok(t, err)
	equal(t, "members", len(network.Members), 1)
	equal(t, "member", network.Members[0].Sandbox, "go-member")
	equal(t, "joined", network.Members[0].Joined, true)
	wantKind(t, m.RemovePrivateNetwork(ctx, "go-back"), m.ErrNetworkInUse)
	ok(t, m.RemoveSandbox(ctx, "go-member", m.WithForce()))
	networks, err := m.ListPrivateNetworks(ctx)
	ok(t, err)
	equal(t, "networks", len(networks), 1)
	ok(t, m.RemovePrivateNetwork(ctx, "go-back"))
	names, err := m.PrunePrivateNetworks(ctx)
	ok(t, err)
	equal(t, "pruned", len(names), 0)
}
