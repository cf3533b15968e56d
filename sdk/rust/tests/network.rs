mod common;

use common::{block_on, create};
use microsandbox::{
    Error, NetworkAction, NetworkLogOptions, NetworkPolicy, PrivateNetwork, Rule, Sandbox, SecretBuilder, TokenBucket,
    ViolationAction,
};
use std::io::Write;
use std::net::TcpListener;

/// The port of a service of this machine's loopback that greets whoever comes.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let _ = client.and_then(|mut client| client.write_all(b"hello\n"));
        }
    });
    port
}

#[test]
fn networks() {
    block_on(async {
        let port = greeter();
        let sandbox = create(
            Sandbox::builder("rust-net")
                .network(|n| {
                    n.rule(Rule::allow_dns())
                        .rule(Rule::allow_egress("host").protocol("tcp").port(port))
                        .rule(Rule::deny_egress("link_local").protocol("tcp"))
                        .rule(Rule::deny_egress("link-local"))
                        .rule(Rule::deny_ingress("192.0.2.0/24").port_range(80, 81))
                        .rule("deny@[2001:db8::1]:tcp:80-81")
                        .default_egress(NetworkAction::Deny)
                        .dns(|d| d.nameservers(["192.0.2.53"]).query_timeout_ms(500).rebind_protection(true))
                        .explain_denials(false)
                        .max_connections(9)
                        .interface(|i| i.mtu(1400).ipv4("10.9.8.6"))
                        .rate_limiter(|r| {
                            r.egress_bandwidth(TokenBucket::per_second(1 << 30))
                                .ingress_ops(TokenBucket::per_second(1_000_000))
                        })
                })
                .port(0, 8080),
        )
        .await;
        let interface = sandbox.shell("cat /sys/class/net/eth0/mtu; echo $MSB_NET_IPV4").await.unwrap();
        assert_eq!(interface.stdout().unwrap(), "1400\naddr=10.9.8.6/30,gw=10.9.8.5,dns=10.9.8.5\n");
        let there = format!("host.microsandbox.internal:{port}");
        assert!(sandbox.network_check(&there).await.unwrap().allowed);
        let verdict = sandbox.network_check("169.254.1.1").await.unwrap();
        assert_eq!((verdict.allowed, verdict.steps[0].rule.as_deref()), (false, Some("deny@link-local:tcp")));
        let greeting = format!("nc host.microsandbox.internal {port} </dev/null");
        assert_eq!(sandbox.shell(&greeting).await.unwrap().stdout().unwrap(), "hello\n");

        let published = Sandbox::get("rust-net").await.unwrap().ports();
        assert!(published[0].host_port > 0 && published[0].guest_port == 8080 && published[0].protocol == "tcp");

        let denied = Rule::deny_egress("host").protocol("tcp").port(port);
        let modified = sandbox.modify().network(|n| n.rule(denied)).apply().await.unwrap();
        assert!(modified.in_force && modified.warnings.concat().contains("has no effect"));
        assert_eq!(sandbox.shell(&greeting).await.unwrap().stdout().unwrap(), "");
        let log = sandbox.network_log(NetworkLogOptions::new().denied()).await.unwrap();
        let last = log.last().unwrap();
        assert!(last.denied() && last.protocol == "tcp" && last.port == u32::from(port));
        assert_eq!(sandbox.network_log(NetworkLogOptions::new().tail(1)).await.unwrap().len(), 1);
        assert!(sandbox.network_learn().await.unwrap().contains(&format!("allow@host:tcp:{port}")));

        sandbox.modify().network(|n| n.policy("git-hosts")).apply().await.unwrap();
        assert!(sandbox.network_check("github.com").await.unwrap().allowed);
        let nowhere = sandbox.modify().network(|n| n.policy("nowhere")).apply().await;
        assert!(matches!(nowhere, Err(Error::InvalidConfig(_))));
        let secret = |s: SecretBuilder| s.allow_host("api.example.org").source("env:HOME");
        let change = sandbox.modify().secret("KEY", secret).on_secret_violation(ViolationAction::Block);
        assert!(!change.apply().await.unwrap().in_force); // without interception, at the next start
        let unknown = sandbox.modify().remove_secret("OTHER").apply().await;
        assert!(matches!(unknown, Err(Error::InvalidConfig(_))));
        sandbox.modify().remove_secret("KEY").reload_secrets().apply().await.unwrap();
        assert!(sandbox.modify().disable_network().root_disk_size_mib(8192).apply().await.unwrap().in_force);
        let smaller = sandbox.modify().root_disk_size_mib(1024).apply().await;
        assert!(matches!(smaller, Err(Error::InvalidConfig(_))));
        assert!(!sandbox.network_check("github.com").await.unwrap().allowed);

        let policies = NetworkPolicy::list().await.unwrap();
        assert!(policies.iter().any(|policy| policy.name == "git-hosts" && policy.path.is_none()));
        assert!(NetworkPolicy::read("offline").await.unwrap().contains("profiles: [none]"));
        assert!(matches!(NetworkPolicy::read("nowhere").await, Err(Error::InvalidConfig(_))));
        sandbox.close().await.unwrap();
        Sandbox::remove("rust-net").await.unwrap();
    });
}

#[test]
fn allow_dns() {
    block_on(async {
        let sandbox = create(Sandbox::builder("rust-dns").network(|n| n.rule(Rule::allow_dns()))).await;
        let verdict = sandbox.network_check("www.example.org").await.unwrap();
        assert_eq!(verdict.steps.iter().map(|step| step.allowed).collect::<Vec<_>>(), [true, false]);
        assert!(!sandbox.network_check("host.microsandbox.internal:853").await.unwrap().allowed);
        sandbox.close().await.unwrap();
    });
}

#[test]
fn private_networks() {
    block_on(async {
        let made = PrivateNetwork::builder("rust-back").subnet("10.80.0.0/24").create().await.unwrap();
        assert_eq!((made.subnet.as_str(), made.members.len()), ("10.80.0.0/24", 0));
        let again = PrivateNetwork::builder("rust-back").create().await;
        assert!(matches!(again, Err(Error::NetworkAlreadyExists(_))));
        assert!(matches!(PrivateNetwork::get("rust-none").await, Err(Error::NetworkNotFound(_))));
        let sandbox = create(Sandbox::builder("rust-member").network(|n| n.network("rust-back"))).await;
        let network = PrivateNetwork::get("rust-back").await.unwrap();
        assert_eq!((network.members[0].sandbox.as_str(), network.members[0].joined), ("rust-member", true));
        assert!(matches!(PrivateNetwork::remove("rust-back").await, Err(Error::NetworkInUse(_))));
        sandbox.stop().await.unwrap();
        Sandbox::remove("rust-member").await.unwrap();
        assert_eq!(PrivateNetwork::list().await.unwrap().len(), 1);
        assert_eq!(PrivateNetwork::prune().await.unwrap(), ["rust-back"]);
    });
}
