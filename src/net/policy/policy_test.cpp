#include "net/policy/policy.hpp"

#include <array>
#include <gtest/gtest.h>

namespace msb::net {
namespace {

Policy policy(std::string_view rules, bool egress = false, bool ingress = true) {
    return {.rules = *parse_rules(rules), .egress = egress, .ingress = ingress, .metadata = {}};
}

const Gateways gateways{IpAddress(Ipv4Bytes{172, 16, 0, 1}), IpAddress::parse("fd42:6d73:62::1")};

Flow flow(Protocol protocol, std::string_view address, std::uint16_t port) {
    return {.protocol = protocol, .source = {}, .destination = {*IpAddress::parse(address), port}};
}
Flow tcp(std::string_view address, std::uint16_t port = 80) {
    return flow(Protocol::tcp, address, port);
}
Flow udp(std::string_view address, std::uint16_t port) {
    return flow(Protocol::udp, address, port);
}
Flow ping(std::string_view address) {
    return flow(Protocol::icmp, address, 0);
}
Flow named(std::string_view address, std::vector<std::string> names) {
    Flow result = tcp(address, 443);
    result.names = std::move(names);
    return result;
}
Flow lookup(std::string name, Protocol protocol = Protocol::udp) {
    return {.protocol = protocol,
            .source = {},
            .destination = {*gateways.v4, dns_port},
            .names = {std::move(name)},
            .lookup = true};
}
Flow from(std::string_view peer, std::uint16_t guest_port, Protocol protocol = Protocol::tcp) {
    return {.direction = Direction::in,
            .protocol = protocol,
            .source = {*IpAddress::parse(peer), 40000},
            .destination = {IpAddress(Ipv4Bytes{172, 16, 0, 2}), guest_port}};
}

Verdict verdict_of(const Flow& flow, const Policy& policy) {
    return judge(flow, classify(flow.peer(), gateways), policy);
}

struct Case {
    const char* rules;
    Flow flow;
    bool allow;
    int rule = -1; ///< from 1; -1: the default
};

void check(const std::vector<Case>& cases) {
    for (const Case& one : cases) {
        const Policy judged = policy(one.rules);
        const Verdict verdict = verdict_of(one.flow, judged);
        const std::string what = std::string(one.rules) + ", " + one.flow.to_string() + ": " +
                                 explain(verdict, one.flow, judged);
        EXPECT_EQ(verdict.allow, one.allow) << what;
        EXPECT_EQ(verdict.rule ? static_cast<int>(*verdict.rule) + 1 : -1, one.rule) << what;
    }
}

TEST(Policy, TheFirstRuleThatMatchesDecides) {
    check({
        {"", tcp("1.1.1.1"), false},
        {"allow@any", tcp("1.1.1.1"), true, 1},
        {"deny@1.1.1.1,allow@any", tcp("1.1.1.1"), false, 1},
        {"allow@any,deny@1.1.1.1", tcp("1.1.1.1"), true, 1},
        {"deny@1.1.1.1,allow@any", tcp("1.1.1.2"), true, 2},
        {"deny@1.1.1.0/24,allow@1.1.0.0/16", tcp("1.1.1.9"), false, 1},
        {"allow@[2606:4700::/32]", tcp("2606:4700::1"), true, 1},
        {"allow@[2606:4700::/32]", tcp("1.1.1.1"), false},
        {"allow:ingress@any", tcp("1.1.1.1"), false},
        {"allow:any@any", tcp("1.1.1.1"), true, 1},
    });
}

TEST(Policy, ProtocolsAndPorts) {
    check({
        {"allow@any:tcp:443", tcp("1.1.1.1", 443), true, 1},
        {"allow@any:tcp:443", tcp("1.1.1.1", 444), false},
        {"allow@any:tcp:443", udp("1.1.1.1", 443), false},
        {"allow@any:any:8000-8010", udp("1.1.1.1", 8010), true, 1},
        {"allow@any:any:8000-8010", udp("1.1.1.1", 8011), false},
        {"allow@any:any:8000-8010", tcp("1.1.1.1", 7999), false},
        {"allow@any:icmpv4", ping("1.1.1.1"), true, 1},
        {"allow@any:icmpv4", ping("2606:4700::1"), false},
        {"allow@any:icmpv6", ping("2606:4700::1"), true, 1},
        {"allow@any:tcp", ping("1.1.1.1"), false},
        {"allow@any:any:1-65535", ping("1.1.1.1"), false}, // an echo has no port
        {"allow@public", ping("1.1.1.1"), true, 1},
    });
}

TEST(Policy, Groups) {
    check({
        {"allow@public", tcp("1.1.1.1"), true, 1},
        {"allow@public", tcp("10.0.0.1"), false},
        {"allow@public", tcp("172.16.0.1"), false},
        {"allow@private", tcp("10.0.0.1"), true, 1},
        {"allow@private", tcp("169.254.169.254"), false},
        {"allow@private", tcp("100.100.100.200"), false},
        {"allow@link-local", tcp("169.254.1.1"), true, 1},
        {"allow@link-local", tcp("169.254.169.254"), false},
        {"allow@meta", tcp("169.254.169.254"), true, 1},
        {"allow@multicast", udp("224.0.0.251", 5000), true, 1},
        {"allow@host", tcp("172.16.0.1"), true, 1},
        {"allow@host:tcp:5432", tcp("172.16.0.1", 5433), false},
        {"allow@public", tcp("203.0.113.1"), false}, // reserved
        {"allow@any", tcp("203.0.113.1"), true, 1},
    });
}

TEST(Policy, APrefixOpensNothingThatLiesInItByChance) {
    check({
        {"allow@172.16.0.0/12", tcp("172.17.0.1"), true, 1},
        {"allow@172.16.0.0/12", tcp("172.16.0.1"), false}, // the gateway
        {"allow@0.0.0.0/0", tcp("169.254.169.254"), false},
        {"allow@169.254.169.254", tcp("169.254.169.254"), true, 1},
        {"allow@172.16.0.1", tcp("172.16.0.1"), true, 1},
        {"deny@172.16.0.0/12,allow@host", tcp("172.16.0.1"), false, 1},
        {"allow@0.0.0.0/0,allow@meta", tcp("169.254.169.254"), true, 2},
    });
    const Policy open = policy("allow@10.0.0.0/8");
    EXPECT_FALSE(judge(tcp("10.0.0.5"), Group::host, open).allow); // this machine's own
    EXPECT_TRUE(judge(tcp("10.0.0.5"), Group::host, policy("allow@10.0.0.5")).allow);
}

TEST(Policy, MembersOfAPrivateNetwork) {
    Gateways joined = gateways;
    joined.network = Prefix::parse("10.213.7.0/24");
    const auto allows = [&](std::string_view rules, const Flow& one) {
        return judge(one, classify(one.peer(), joined), policy(rules, false, false)).allow;
    };
    for (const std::string address : {"10.213.7.9", "fd6d:7362:6e77::10.213.7.9"}) {
        EXPECT_FALSE(allows("allow@private,allow@10.0.0.0/8", tcp(address)));
        EXPECT_TRUE(allows("allow@network", tcp(address)));
        EXPECT_TRUE(allows("allow@network", udp(address, 90)));
        EXPECT_TRUE(allows("allow@network", ping(address)));
        EXPECT_TRUE(allows("allow@network:tcp:80", tcp(address)));
        EXPECT_FALSE(allows("allow@network:tcp:81", tcp(address)));
        EXPECT_TRUE(allows("allow@10.213.7.9", tcp(address)));
        EXPECT_FALSE(allows("deny@10.213.7.0/24,allow@network", tcp(address)));
        EXPECT_FALSE(allows("allow@network", from(address, 80)));
        EXPECT_TRUE(allows("allow:ingress@network", from(address, 80)));
        EXPECT_FALSE(allows("allow:ingress@private", from(address, 80)));
    }
}

TEST(Policy, TheLoopbackIsNeverDialled) {
    check({
        {"allow@any", tcp("127.0.0.1"), false},
        {"allow@loopback", tcp("127.0.0.1"), false},
        {"allow@127.0.0.1", tcp("127.0.0.1"), false},
        {"allow@[::1]", tcp("::1"), false},
        {"allow@any", tcp("::ffff:127.0.0.1"), false},
        {"allow@any", tcp("0.0.0.0"), false},
    });
    EXPECT_FALSE(verdict_of(tcp("127.0.0.1"), policy("", true)).allow);
}

TEST(Policy, DisguisesAreJudgedAsWhatTheyContain) {
    check({
        {"allow@1.1.1.1", tcp("::ffff:1.1.1.1"), true, 1},
        {"deny@1.1.1.1,allow@any", tcp("64:ff9b::101:101"), false, 1},
        {"deny@[64:ff9b::/96],allow@any", tcp("64:ff9b::101:101"), false, 1},
        {"allow@[64:ff9b::/96]", tcp("64:ff9b::a00:1"), false},
        {"allow@[::/0]", tcp("64:ff9b::a9fe:a9fe"), false},
        {"allow@public", tcp("2002:a00:1::1"), false},
    });
}

TEST(Policy, NamesCountWhereTheyAreKnown) {
    check({
        {"allow@a.org", named("1.1.1.1", {"a.org"}), true, 1},
        {"allow@a.org", named("1.1.1.1", {"b.org", "a.org"}), true, 1},
        {"allow@a.org", named("1.1.1.1", {"b.org"}), false},
        {"allow@a.org", tcp("1.1.1.1", 443), false},
        {"allow@a.org:tcp:80", named("1.1.1.1", {"a.org"}), false},
        {"allow@*.a.org", named("1.1.1.1", {"x.y.a.org"}), true, 1},
        {"allow@*.a.org", named("1.1.1.1", {"a.org"}), true, 1},
        {"allow@*.a.org", named("1.1.1.1", {"aa.org"}), false},
        {"allow@a.org", named("1.1.1.1", {"x.a.org"}), false},
        {"deny@a.org,allow@any", named("1.1.1.1", {"a.org"}), false, 1},
        // Whoever answers for a name could point it anywhere.
        {"allow@a.org", named("10.0.0.1", {"a.org"}), false},
        {"allow@a.org", named("169.254.169.254", {"a.org"}), false},
        {"allow@a.org", named("172.16.0.1", {"a.org"}), false},
        {"allow@a.org,allow@10.0.0.0/8", named("10.0.0.1", {"a.org"}), true, 2},
    });
}

TEST(Policy, LookupsAreJudgedByName) {
    check({
        {"", lookup("a.org"), false},
        {"allow@*.good.com", lookup("good.com"), true, 1},
        {"allow@*.good.com", lookup("a.good.com"), true, 1},
        {"allow@*.good.com", lookup("good.com.evil.com"), false},
        {"allow@a.org:tcp:443", lookup("a.org"), true, 1}, // whatever its protocol and port
        {"allow@dns", lookup("a.org"), true, 1},
        {"allow@dns", lookup("a.org", Protocol::tcp), true, 1},
        {"allow@host:udp:53", lookup("a.org"), true, 1},
        {"allow@host:udp:53", lookup("a.org", Protocol::tcp), false},
        {"allow@any:udp:53", lookup("a.org", Protocol::tcp), false},
        {"allow@any:udp:53", lookup("a.org"), true, 1},
        {"allow@host:tcp:5432", lookup("a.org"), false},
        {"allow@public,allow@172.16.0.1,allow@0.0.0.0/0", lookup("a.org"), false},
        {"deny@dns,allow@a.org", lookup("a.org"), false, 1},
        {"allow@a.org,deny@dns", lookup("a.org"), true, 1},
        {"deny:ingress@any,allow@dns", lookup("a.org"), true, 2},
    });
}

TEST(Policy, PeersOfPublishedPorts) {
    check({
        {"", from("127.0.0.1", 80), true},
        {"deny:ingress@any", from("127.0.0.1", 80), false, 1},
        {"deny@any", from("127.0.0.1", 80), true},
        {"deny:ingress@any:tcp:80", from("192.168.1.1", 81), true},
        {"deny:ingress@any:udp", from("192.168.1.1", 80), true},
        {"deny:ingress@any:udp", from("192.168.1.1", 80, Protocol::udp), false, 1},
        {"allow:ingress@192.168.0.0/16,deny:ingress@any", from("192.168.1.1", 80), true, 1},
        {"allow:ingress@192.168.0.0/16,deny:ingress@any", from("10.0.0.1", 80), false, 2},
        {"allow:ingress@loopback,deny:ingress@any", from("127.0.0.1", 80), true, 1},
        {"allow:ingress@host,deny:ingress@any", from("127.0.0.1", 80), true, 1},
        {"allow:ingress@host,deny:ingress@any", from("10.0.0.1", 80), false, 2},
        {"deny:any@private", from("10.0.0.1", 80), false, 1},
    });
    EXPECT_FALSE(verdict_of(from("10.0.0.1", 80), policy("", true, false)).allow);
}

TEST(Policy, ProfilesAreRules) {
    EXPECT_TRUE(profile_rules({}).empty());
    const std::vector<std::string> all = {"public", "private", "host"};
    std::string text;
    for (const Rule& rule : profile_rules(all))
        text += rule.to_string() + " ";
    EXPECT_EQ(text, "allow@dns allow@public allow@private allow@host ");
    EXPECT_FALSE(answers_names(policy("")));
    EXPECT_FALSE(answers_names(policy("allow@public,deny@dns")));
    EXPECT_TRUE(answers_names(policy("allow@host:tcp:53")));
    EXPECT_TRUE(answers_names(policy("allow@a.org")));
    EXPECT_TRUE(answers_names(policy("", true)));
}

TEST(Policy, VerdictsAreExplained) {
    const auto why = [](std::string_view rules, const Flow& flow, bool egress = false) {
        const Policy judged = policy(rules, egress);
        return explain(verdict_of(flow, judged), flow, judged);
    };
    EXPECT_EQ(why("deny@10.0.0.0/8:tcp", tcp("10.0.0.1")),
              "rule 1 (deny@10.0.0.0/8:tcp) denies 10.0.0.1 (private)");
    EXPECT_EQ(why("deny@a.org,allow@dns", lookup("b.org")), "rule 2 (allow@dns) allows b.org");
    EXPECT_EQ(why("", tcp("1.1.1.1")),
              "no rule matches 1.1.1.1 (public), and the default for egress is deny");
    EXPECT_EQ(why("", from("1.1.1.1", 1)),
              "no rule matches 1.1.1.1 (public), and the default for ingress is allow");
    EXPECT_EQ(why("allow@0.0.0.0/0", tcp("169.254.169.254")),
              "rule 1 (allow@0.0.0.0/0) does not open such addresses; no rule matches "
              "169.254.169.254 (metadata), and the default for egress is deny");
    EXPECT_EQ(why("allow@a.org", named("10.0.0.1", {"a.org"})),
              "rule 1 (allow@domain=a.org) allows public addresses only; no rule matches "
              "10.0.0.1 (private), and the default for egress is deny");
    EXPECT_EQ(why("", tcp("127.0.0.1"), true),
              "127.0.0.1 (loopback) is the guest's own; this machine's loopback is behind the "
              "gateway's address");
}

TEST(Policy, RulesWithoutEffectAreKnown) {
    for (const char* idle :
         {"deny@any,allow@1.1.1.1", "allow@10.0.0.0/8,deny@10.1.0.0/16:tcp:80",
          "deny:any@any,allow:ingress@10.0.0.1", "deny@*.a.org,allow@x.a.org",
          "deny@any:tcp:1-100,allow@public:tcp:80-90", "allow@public,deny@public", "allow@loopback",
          "deny@10.0.0.0/8,allow@10.0.0.1"})
        EXPECT_EQ(idle_rules(*parse_rules(idle)).size(), 1U) << idle;
    for (const char* useful :
         {"allow@1.1.1.1,deny@any", "deny@any:tcp,allow@any:udp", "deny@any:tcp:80,allow@any:tcp",
          "deny:ingress@any,allow@any", "allow@10.0.0.0/8,allow@10.0.0.1",
          "deny@a.org,allow@*.a.org", "deny@loopback", "allow:ingress@loopback", ""})
        EXPECT_TRUE(idle_rules(*parse_rules(useful)).empty()) << useful;
    EXPECT_EQ(idle_rules(*parse_rules("deny@any,allow@1.1.1.1"))[0],
              "network rule 'allow@1.1.1.1' has no effect: 'deny@any' is before it");
}

Flow tls(std::string_view address, std::vector<std::string> names, std::string server_name) {
    Flow result = named(address, std::move(names));
    result.opening = {.tls = true, .server_name = std::move(server_name)};
    return result;
}

TEST(Policy, TlsHasToAskForTheNameThatIsAllowed) {
    Flow plain = named("1.1.1.1", {"a.org"});
    plain.opening.emplace();
    check({
        {"allow@a.org", tls("1.1.1.1", {"a.org"}, "a.org"), true, 1},
        {"allow@a.org", tls("1.1.1.1", {"a.org"}, "b.org"), false}, // shares the address
        {"allow@a.org", tls("1.1.1.1", {"a.org"}, ""), false},
        {"allow@a.org", tls("1.1.1.1", {}, "a.org"), false}, // forged
        {"allow@*.a.org", tls("1.1.1.1", {"x.a.org"}, "y.a.org"), true, 1},
        {"allow@a.org,allow@public", tls("1.1.1.1", {"a.org"}, "b.org"), true, 2},
        {"allow@a.org", plain, true, 1},
        {"deny@b.org,allow@any", tls("1.1.1.1", {}, "b.org"), false, 1}, // by a known address
        {"deny@*.b.org,allow@any", tls("1.1.1.1", {"a.org"}, "x.b.org"), false, 1},
        {"deny@b.org,allow@any", tls("1.1.1.1", {}, "c.org"), true, 2},
    });
    const Policy one = policy("allow@a.org");
    const Flow other = tls("1.1.1.1", {"a.org"}, "b.org");
    EXPECT_NE(explain(verdict_of(other, one), other, one).find("if they ask for that name"),
              std::string::npos);
}

TEST(Policy, OpeningsAreSeenOnlyWhereTheyMatter) {
    const auto depends = [](std::string_view rules, const Flow& flow) {
        const Policy judged = policy(rules);
        return depends_on_opening(flow, verdict_of(flow, judged), judged);
    };
    const Flow bound = named("1.1.1.1", {"a.org"}), bare = tcp("1.1.1.1", 443);
    EXPECT_TRUE(depends("allow@a.org", bound));
    EXPECT_FALSE(depends("allow@a.org", bare)); // refused already
    EXPECT_TRUE(depends("deny@b.org,allow@any", bare));
    EXPECT_FALSE(depends("deny@b.org:udp,allow@any", bare));
    EXPECT_FALSE(depends("deny@b.org:tcp:80,allow@any", bare));
    EXPECT_FALSE(depends("allow@any,deny@b.org", bare));
    EXPECT_FALSE(depends("allow@b.org,allow@any", bare));
    EXPECT_FALSE(depends("allow@public", bare));
    EXPECT_TRUE(depends("allow@a.org", [] {
        Flow flow = udp("1.1.1.1", 443);
        flow.names = {"a.org"};
        return flow;
    }()));
    EXPECT_TRUE(has_names(policy("allow@any,deny@b.org")));
    EXPECT_FALSE(has_names(policy("allow@any")));
}

TEST(Policy, AliasesAreDeniedAndNeverAllow) {
    Flow answered = lookup("a.org");
    answered.aliases = {"tracker.example"};
    check({
        {"deny@tracker.example,allow@dns", answered, false, 1},
        {"allow@a.org,deny@tracker.example", answered, true, 1},
        {"allow@tracker.example", answered, false},
    });
}

TEST(Policy, NamesAreJudgedInOnePlace) {
    for (const std::uint16_t port : std::array<std::uint16_t, 4>{853, 5353, 5355, 137})
        check({{"allow@any", tcp("1.1.1.1", port), false},
               {"allow@any", udp("1.1.1.1", port), false},
               {"allow:ingress@any", from("1.1.1.1", port), true, 1}});
    const Policy all = policy("allow@any");
    const Flow dot = tcp("1.1.1.1", 853);
    EXPECT_NE(explain(verdict_of(dot, all), dot, all).find("port 853 is closed"),
              std::string::npos);
}

TEST(Policy, AnswersHoldWhatRulesAboutAddressesOpen) {
    const auto answered = [](std::string_view rules, const char* text, bool protection = true) {
        Policy judged = policy(rules, true);
        judged.rebind_protection = protection;
        const IpAddress address = *IpAddress::parse(text);
        return may_be_answered(address, classify(address, gateways), judged);
    };
    EXPECT_TRUE(answered("", "1.1.1.1"));
    for (const char* inner : {"10.0.0.1", "127.0.0.1", "0.0.0.0", "169.254.169.254", "192.0.2.1",
                              "::1", "fe80::1", "::ffff:10.0.0.1", "64:ff9b::a00:1"}) {
        EXPECT_FALSE(answered("", inner)) << inner;
        EXPECT_FALSE(answered("allow@any,allow@*.a.org", inner)) << inner;
        EXPECT_TRUE(answered("", inner, false)) << inner;
    }
    EXPECT_TRUE(answered("allow@private", "10.0.0.1"));
    EXPECT_TRUE(answered("allow@10.0.0.0/8:tcp", "10.0.0.1"));
    EXPECT_TRUE(answered("allow@10.0.0.0/8", "64:ff9b::a00:1"));
    EXPECT_FALSE(answered("allow@10.0.0.0/8:tcp:80", "10.0.0.1"));
    EXPECT_FALSE(answered("allow@10.0.0.0/8:icmpv4", "10.0.0.1"));
    EXPECT_FALSE(answered("deny@10.0.0.1,allow@private", "10.0.0.1"));
    EXPECT_FALSE(answered("allow:ingress@private", "10.0.0.1"));
}

} // namespace
} // namespace msb::net
