#include "net/policy/rules.hpp"

#include <gtest/gtest.h>

namespace msb::net {
namespace {

Rule rule(std::string_view text) {
    const auto rules = parse_rules(text);
    EXPECT_TRUE(rules) << text << ": " << (rules ? "" : rules.error().to_string());
    EXPECT_TRUE(!rules || rules->size() == 1);
    return rules && rules->size() == 1 ? rules->front() : Rule{};
}

TEST(Rules, ActionsAndDirections) {
    EXPECT_TRUE(rule("allow@any").allow);
    EXPECT_FALSE(rule("deny@any").allow);
    EXPECT_EQ(rule("allow@any").direction, RuleDirection::egress);
    EXPECT_EQ(rule("allow:ingress@any").direction, RuleDirection::ingress);
    EXPECT_EQ(rule("allow:any@any").direction, RuleDirection::any);
}

TEST(Rules, Targets) {
    EXPECT_EQ(rule("allow@any").target, RuleTarget(AnyTarget{}));
    EXPECT_EQ(rule("allow@public").target, RuleTarget(Group::public_network));
    EXPECT_EQ(rule("allow@link-local").target, RuleTarget(Group::link_local));
    EXPECT_EQ(rule("allow@meta").target, RuleTarget(Group::metadata));
    EXPECT_EQ(rule("allow@10.0.0.1").target, RuleTarget(*Prefix::parse("10.0.0.1")));
    EXPECT_EQ(rule("allow@10.0.0.0/8").target, RuleTarget(*Prefix::parse("10.0.0.0/8")));
    EXPECT_EQ(rule("allow@[::1]").target, RuleTarget(*Prefix::parse("::1")));
    EXPECT_EQ(rule("allow@[2001:db8::/32]:tcp:443").target,
              RuleTarget(*Prefix::parse("2001:db8::/32")));
    EXPECT_EQ(rule("allow@PyPI.org.").target, RuleTarget(DomainTarget{"pypi.org", false}));
    EXPECT_EQ(rule("allow@domain=db").target, RuleTarget(DomainTarget{"db", false}));
    EXPECT_EQ(rule("allow@suffix=example.org").target,
              RuleTarget(DomainTarget{"example.org", true}));
    EXPECT_EQ(rule("allow@*.example.org").target, RuleTarget(DomainTarget{"example.org", true}));
}

TEST(Rules, ProtocolsAndPorts) {
    const Rule one = rule("allow@any:tcp:443");
    EXPECT_EQ(one.protocols, std::vector{RuleProtocol::tcp});
    EXPECT_EQ(one.ports, (std::vector{PortRange{443, 443}}));
    EXPECT_EQ(rule("allow@any:any:1-65535").ports, (std::vector{PortRange{1, 65535}}));
    EXPECT_TRUE(rule("allow@any:any:any").ports.empty());
    EXPECT_TRUE(rule("allow@any:any").protocols.empty());
    EXPECT_EQ(rule("deny@any:icmpv6").protocols, std::vector{RuleProtocol::icmpv6});
}

TEST(Rules, DnsIsTheGatewaysNameServer) {
    const Rule dns = rule("allow@dns");
    EXPECT_EQ(dns.target, RuleTarget(Group::host));
    EXPECT_EQ(dns.protocols, (std::vector{RuleProtocol::udp, RuleProtocol::tcp}));
    EXPECT_EQ(dns.ports, (std::vector{PortRange{53, 53}}));
    EXPECT_EQ(rule("deny@dns:udp").protocols, std::vector{RuleProtocol::udp});
    EXPECT_EQ(rule("deny@dns:any:53"), rule("deny@dns"));
}

TEST(Rules, ListsKeepTheirOrder) {
    const auto rules = parse_rules(" deny@10.0.0.1 ,, allow@private,");
    ASSERT_TRUE(rules);
    ASSERT_EQ(rules->size(), 2U);
    EXPECT_FALSE((*rules)[0].allow);
    EXPECT_TRUE((*rules)[1].allow);
    EXPECT_TRUE(parse_rules("")->empty());
    EXPECT_FALSE(parse_rules("allow@any,allow"));
}

TEST(Rules, TextAndBack) {
    for (const char* text :
         {"allow@any", "deny:ingress@any:any:8080", "allow:any@public", "deny@10.0.0.0/8:tcp",
          "allow@[2001:db8::/32]:udp:53-54", "allow@dns", "deny@host:udp:53", "deny@domain=db",
          "allow@suffix=example.org:tcp:443", "deny@any:icmpv4"})
        EXPECT_EQ(rule(rule(text).to_string()), rule(text)) << text;
    EXPECT_EQ(rule("allow@*.Example.org:tcp:443-443").to_string(),
              "allow@suffix=example.org:tcp:443");
}

struct Mistake {
    const char* text;
    const char* message; ///< a part of it
    const char* hint = "";
};

TEST(Rules, MistakesAreExplained) {
    const std::string long_label = "allow@" + std::string(64, 'x') + ".org";
    for (const auto& [text, message, hint] : {
             Mistake{"allow", "'@' is missing", "ACTION@TARGET"},
             {"permit@any", "unknown action 'permit'"},
             {"alow@any", "unknown action 'alow'", "did you mean 'allow'?"},
             {"@any", "unknown action ''"},
             {"allow:@any", "unknown direction ''"},
             {"allow:egres@any", "unknown direction 'egres'", "did you mean 'egress'?"},
             {"allow@", "the target is missing", "known are: any"},
             {"allow@pubic", "'pubic' may be a keyword or a name", "did you mean 'public'?"},
             {"allow@database", "may be a keyword or a name", "domain=database"},
             {"allow@Public", "may be a keyword or a name", "did you mean 'public'?"},
             {"allow@name=x", "is not a target"},
             {"allow@http://a.org", "the target is a URL", "name alone"},
             {"allow@a.org/x", "is not a domain name", "no scheme"},
             {"allow@user@a.org", "is not a domain name", "no scheme"},
             {"allow@a..org", "is not a domain name", "labels"},
             {"allow@-a.org", "is not a domain name", "labels"},
             {"allow@domain=", "is empty"},
             {"allow@domain=.", "is empty"},
             {"allow@suffix=org", "at least two labels"},
             {"allow@*.org", "at least two labels"},
             {"allow@10.0.0.300", "is not an IPv4 address"},
             {"allow@10.0.0.1/8", "is not a prefix", "no bits behind"},
             {"allow@10.0.0.0/33", "is not a prefix"},
             {"allow@[::1", "']' is missing"},
             {"allow@[::1]x", "may follow ']'"},
             {"allow@[10.0.0.1]", "is not an IPv6 address", "no brackets"},
             {"allow@[x]", "is not an IPv6 address"},
             {"allow@[2001:db8::1/32]", "is not a prefix"},
             {"allow@2001:db8::1", "not in brackets", "[2001:db8::1]"},
             {"allow@2001:db8::1:tcp:80", "not in brackets", "[2001:db8::1]:tcp:80"},
             {"allow@any:443", "'443' stands where the protocol is", "allow@any:any:443"},
             {"allow@any:tpc", "unknown protocol 'tpc'", "did you mean 'tcp'?"},
             {"allow@any:icmp", "unknown protocol 'icmp'", "did you mean 'icmpv4'?"},
             {"allow@any:", "unknown protocol ''"},
             {"allow@any:tcp:", "are no ports"},
             {"allow@any:tcp:0", "are no ports"},
             {"allow@any:tcp:65536", "are no ports"},
             {"allow@any:tcp:1-2-3", "are no ports"},
             {"allow@any:tcp:9-8", "upside down", "8-9"},
             {"allow@any:tcp:80:x", "'x' is too much", "brackets"},
             {"allow@any:icmpv4:1", "ICMP has no ports"},
             {"allow:ingress@any:icmpv4", "on its way out only"},
             {"allow:any@any:icmpv6", "on its way out only"},
             {"deny:ingress@a.org", "have addresses and no names", "egress"},
             {"allow:any@*.a.org", "have addresses and no names"},
             {"allow:ingress@dns", "egress only"},
             {"allow@dns:icmpv4", "udp and tcp"},
             {"allow@dns:tcp:853", "dns has port 53", "853"},
             {long_label.c_str(), "is not a domain name"},
         }) {
        const auto parsed = parse_rules(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_EQ(parsed.error().kind(), ErrorKind::invalid_argument);
        EXPECT_NE(parsed.error().message().find(message), std::string::npos)
            << text << ": " << parsed.error().message();
        EXPECT_NE(parsed.error().message().find(text), std::string::npos) << text;
        EXPECT_NE(parsed.error().hint().find(hint), std::string::npos)
            << text << ": " << parsed.error().hint();
    }
}

} // namespace
} // namespace msb::net
