#include "json/text.hpp"
#include "spec/network_document.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

/// The rules as text, or what is wrong.
std::string rules_of(std::string_view text) {
    const auto network = read_network_document(*json::parse(text));
    if (!network)
        return network.error().message();
    std::string rules;
    for (const net::Rule& rule : network->rules)
        rules += (rules.empty() ? "" : " ") + rule.to_string();
    return rules;
}

TEST(NetworkDocument, RulesAreTextOrObjects) {
    EXPECT_EQ(rules_of(R"({"rules": ["deny@10.0.0.0/8", "allow@a.org:tcp:443"]})"),
              "deny@10.0.0.0/8 allow@domain=a.org:tcp:443");
    EXPECT_EQ(rules_of(R"({"rules": [{"action": "allow", "destination": "link_local",
                           "protocols": ["tcp", "udp"], "ports": [80, "8000-8010"]}]})"),
              "allow@link-local:tcp:80 allow@link-local:tcp:8000-8010 allow@link-local:udp:80 "
              "allow@link-local:udp:8000-8010");
    for (const char* destination :
         {R"("link-local")", R"({"kind": "group", "value": "link_local"})"})
        EXPECT_EQ(rules_of(R"({"rules": [{"action": "deny", "direction": "any", "destination": )" +
                           std::string(destination) + "}]}"),
                  "deny:any@link-local");
    EXPECT_EQ(rules_of(R"({"rules": [
        {"action": "allow", "destination": {"kind": "cidr", "value": "2001:db8::/32"}},
        {"action": "allow", "destination": "2001:db8::1"},
        {"action": "allow", "destination": {"kind": "domain_suffix", "value": "a.org"}},
        {"action": "allow", "destination": ".b.org"},
        {"action": "allow", "destination": {"kind": "group", "value": "metadata"}},
        {"action": "deny"}]})"),
              "allow@[2001:db8::/32] allow@[2001:db8::1] allow@suffix=a.org allow@suffix=b.org "
              "allow@meta deny@any");
}

TEST(NetworkDocument, AllowedTargetsAreAllThatIsReached) {
    EXPECT_EQ(rules_of(R"({"policy": "public", "allow": ["a.org:tcp:443"], "deny": ["b.a.org"]})"),
              "deny@domain=b.a.org allow@domain=a.org:tcp:443");
    const auto allowed =
        read_network_document(*json::parse(R"({"policy": "x", "allow": ["a.org"]})"));
    EXPECT_TRUE(allowed->policy_name.empty());
    const auto denied = read_network_document(*json::parse(R"({"deny": ["a.org"]})"));
    EXPECT_EQ(denied->profiles, std::vector<std::string>{"public"});
}

TEST(NetworkDocument, TheRest) {
    const auto network = read_network_document(*json::parse(
        R"({"profiles": ["private", "public"], "default_ingress": "deny", "max_connections": 9,
            "dns": {"nameservers": ["9.9.9.9", "[2620:fe::fe]:5353"], "query_timeout_ms": 7,
                    "rebind_protection": false}, "ports": ["8080:80"], "policy": "git-hosts"})"));
    ASSERT_TRUE(network) << network.error().message();
    EXPECT_EQ(network->profiles, (std::vector<std::string>{"public", "private"}));
    EXPECT_EQ(network->default_ingress, false);
    EXPECT_EQ(network->dns.nameservers[1].to_string(), "[2620:fe::fe]:5353");
    EXPECT_EQ(network->dns.query_timeout_ms, 7U);
    EXPECT_FALSE(network->dns.rebind_protection);
    EXPECT_EQ(network->published[0].to_string(), "127.0.0.1:8080:80/tcp");
    EXPECT_EQ(network->policy_name, "git-hosts");
    EXPECT_TRUE(
        read_network_document(*json::parse(R"({"policy": null, "max_connections": null})")));
    EXPECT_FALSE(read_network_document(false)->enabled);
    EXPECT_EQ(read_network_document("none")->policy_name, "none");
}

TEST(NetworkDocument, WhatIsNotUnderstoodIsAnError) {
    EXPECT_EQ(rules_of(R"({"rule": []})"), "'rule' is unknown");
    EXPECT_EQ(rules_of(R"({"rules": [{"actoin": "allow"}]})"), "'rules.actoin' is unknown");
    EXPECT_EQ(rules_of(R"({"dns": {"server": 1}})"), "'dns.server' is unknown");
    EXPECT_EQ(rules_of(R"({"rules": "allow@any"})"), "'rules' is not a list");
    EXPECT_EQ(rules_of(R"({"default": "maybe"})"), "'default' is neither allow nor deny: maybe");
    EXPECT_NE(rules_of(R"({"rules": [{"destination": "any"}]})").find("unknown action"),
              std::string::npos);
    EXPECT_NE(rules_of(R"({"rules": [{"action": "allow", "destination": {"kind": "x"}}]})")
                  .find("unknown kind"),
              std::string::npos);
    EXPECT_NE(rules_of(R"([1])").find("a network is"), std::string::npos);
    EXPECT_NE(rules_of(R"({"profiles": ["pubic"]})").find("unknown network profile"),
              std::string::npos);
}

} // namespace
TEST(NetworkDocument, SpellingsOfOtherVersions) {
    EXPECT_EQ(rules_of(R"({"custom_policy": {"default_egress": "deny", "rules": [
                  {"action": "deny", "destination": {"group": "link_local"}},
                  {"action": "deny", "destination": {"group": "link-local"}, "protocol": "tcp"},
                  {"action": "allow", "destination": {"domain_suffix": "a.org"}, "port": 443},
                  {"action": "allow", "destination": {"cidr": "2001:db8::/32"}},
                  {"action": "deny", "destination": "metadata"}]},
                  "deny_domains": ["b.org"], "deny_domain_suffixes": ["c.org"]})"),
              "deny@link-local deny@link-local:tcp allow@suffix=a.org:any:443 "
              "allow@[2001:db8::/32] deny@meta deny@suffix=c.org deny@domain=b.org");
    EXPECT_FALSE(read_network_document(*json::parse(R"({"custom_policy": {"profiles": []}})")));
    EXPECT_FALSE(read_network_document(*json::parse(
        R"({"rules": [{"action": "deny", "destination": {"group": "x", "domain": "y"}}]})")));
}

} // namespace msb
