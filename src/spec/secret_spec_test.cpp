#include "json/text.hpp"
#include "spec/secret_spec.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

using Texts = std::vector<std::string>;

TEST(Secrets, Grammar) {
    const auto plain = parse_secret("KEY@api.example.org,*.Example.net");
    ASSERT_TRUE(plain) << plain.error().to_string();
    EXPECT_EQ(plain->env, "KEY");
    EXPECT_EQ(plain->placeholder, "$MSB_KEY");
    EXPECT_EQ(plain->source, "env:KEY");
    EXPECT_EQ(plain->hosts, (Texts{"api.example.org", "*.example.net"}));
    EXPECT_TRUE(plain->headers);
    EXPECT_FALSE(plain->query || plain->body);

    const auto all = parse_secret(
        "KEY:headers=[A,B],query,body,passthrough=[x.example,y.example],exec=echo a,placeholder=P,"
        "methods=[GET,PUT],path=/v1/,per-minute=3,total=9,action=block@h.example");
    ASSERT_TRUE(all) << all.error().to_string();
    EXPECT_EQ(all->header_fields, (Texts{"A", "B"}));
    EXPECT_TRUE(all->headers && all->query && all->body);
    EXPECT_EQ(all->passthrough, (Texts{"x.example", "y.example"}));
    EXPECT_EQ(all->source, "exec:echo a");
    EXPECT_EQ(all->placeholder, "P");
    EXPECT_EQ(all->methods, (Texts{"GET", "PUT"}));
    EXPECT_EQ(all->paths, (Texts{"/v1/"}));
    EXPECT_EQ(all->per_minute, 3U);
    EXPECT_EQ(all->total, 9U);
    EXPECT_EQ(all->action, "block");
    // The last @ is before the hosts: what a command has before it is its own.
    EXPECT_EQ(parse_secret("KEY:exec=get a@b@h.example")->source, "exec:get a@b");
    EXPECT_EQ(parse_secret("KEY:env:OTHER@h.example")->source, "env:OTHER");
}

TEST(Secrets, Refused) {
    const std::pair<const char*, const char*> cases[] = {
        {"KEY", "has no host"},
        {"KEY@", "at least one allowed host"},
        {"@h.example", "needs the name"},
        {"KEY=value@h.example", "does not stand on a command line"},
        {"MSB_KEY@h.example", "reserved"},
        {"KEY:@h.example", "must not be empty"},
        {"KEY:nonsense@h.example", "invalid secret option: nonsense"},
        {"KEY:no-headers@h.example", "at least one substitution location"},
        {"KEY:no-headers,headers=A@h.example", "cannot combine `no-headers`"},
        {"KEY:headers=A,headers=B@h.example", "only once"},
        {"KEY:headers=[*,A]@h.example", "cannot combine `*`"},
        {"KEY:headers=[]@h.example", "at least one field name"},
        {"KEY:headers=a b@h.example", "is no name of a header"},
        {"KEY:passthrough=@h.example", "at least one host"},
        {"KEY:per-minute=0@h.example", "not a number of requests"},
        {"KEY:path=v1@h.example", "begins with /"},
        {"KEY:action=shrug@h.example", "invalid action"},
        {"KEY:store=x@h.example", "invalid secret option"},
        {"KEY@h example", "invalid host pattern"},
    };
    for (const auto& [text, words] : cases) {
        const auto secret = parse_secret(text);
        ASSERT_FALSE(secret) << text;
        EXPECT_NE(secret.error().to_string().find(words), std::string::npos)
            << text << ": " << secret.error().to_string();
    }
}

TEST(Secrets, TheSameVariableTwice) {
    const auto both = [](const char* one, const char* two) {
        SecretsSpec secrets;
        EXPECT_TRUE(add_secret(secrets, parse_secret(one).value()));
        const Status added = add_secret(secrets, parse_secret(two).value());
        return added ? secrets.list.at(0) : SecretSpec();
    };
    const SecretSpec hosts = both("K:query@a", "K:body@b,a");
    EXPECT_EQ(hosts.hosts, (Texts{"a", "b"}));
    EXPECT_TRUE(hosts.query && hosts.body);
    EXPECT_EQ(both("K:headers=[A,B]@a", "K:headers=[B,C]@a").header_fields, (Texts{"B"}));
    EXPECT_EQ(both("K@a", "K:headers=[B,C]@a").header_fields, (Texts{"B", "C"}));
    EXPECT_FALSE(both("K:headers=A,query@a", "K:headers=B@a").headers);
    EXPECT_TRUE(both("K:headers=A@a", "K:headers=B@a").env.empty()) << "nothing is left";
}

TEST(Secrets, Documents) {
    const auto read = [](const char* text) { return read_secrets_file(json::parse(text).value()); };
    const auto secrets = read(
        R"({"KEY": {"allow": ["h.example"], "value": "${OTHER}", "inject": ["basic_auth", "query_params"]},
        "TWO": {"hosts": "h.example", "source": "file:/x", "substitution": {"headers": false, "basic_auth": true}}})");
    ASSERT_TRUE(secrets) << secrets.error().to_string();
    ASSERT_EQ(secrets->list.size(), 2U);
    EXPECT_EQ(secrets->list[0].source, "env:OTHER");
    EXPECT_TRUE(secrets->list[0].headers && secrets->list[0].query);
    EXPECT_EQ(secrets->list[1].header_fields, (Texts{"authorization", "proxy-authorization"}));
    EXPECT_EQ(read_secrets(to_document(secrets->list)).value(), secrets->list);

    for (const auto& [text, words] : std::initializer_list<std::pair<const char*, const char*>>{
             {R"({"KEY": {"hosts": ["h"], "value": "plain"}})", "does not stand in a file"},
             {R"({"KEY": {"hosts": ["h"], "value": "${A}", "source": "env:B"}})",
              "both a value and a source"},
             {R"({"KEY": {"hosts": ["h"], "sauce": "env:B"}})", "secrets.KEY.sauce is unknown"},
             {R"({"KEY": {"hosts": 1}})", "secrets.KEY.hosts is not a list"},
             {R"({"KEY": {"hosts": ["h"], "require_tls_identity": false}})", "prove who they are"},
             {R"({"KEY": {"hosts": ["h"], "source": "store:x"}})", "not supported yet"},
             {R"({"KEY": 1})", "secrets.KEY is not an object"},
             {R"([])", "not an object"}}) {
        const auto refused = read(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_NE(refused.error().to_string().find(words), std::string::npos)
            << text << ": " << refused.error().to_string();
    }
}

} // namespace
} // namespace msb
