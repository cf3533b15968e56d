#include "json/text.hpp"
#include "spec/tls_spec.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

Result<TlsSpec> read(std::string_view text) {
    return read_tls(*json::parse(text));
}

TEST(TlsSpec, ComesBackAsItWas) {
    const TlsSpec tls{.intercept = true,
                      .ports = {443, 8443},
                      .bypass = {"*.pinned.example"},
                      .block_quic = false,
                      .ca_certificate = "/ca.crt",
                      .ca_key = "/ca.key",
                      .verify_upstream = false,
                      .no_verify = {"a.example"},
                      .upstream_cas = {"/one.pem"},
                      .scoped_upstream_cas = {{"*.b.example", "/two.pem"}},
                      .client_certificates = {{"*", "/c.pem", "/c.key"}}};
    const auto again = read_tls(to_document(tls));
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(*again, tls);
    EXPECT_EQ(*read_tls(to_document(TlsSpec())), TlsSpec());
}

TEST(TlsSpec, ADocumentMeansIt) {
    EXPECT_TRUE(read("{}")->intercept);
    EXPECT_TRUE(read("true")->intercept);
    EXPECT_FALSE(read(R"({"enabled": false})")->intercept);
    EXPECT_EQ(read(R"({"intercepted_ports": [443, "8443"]})")->ports,
              (std::vector<std::uint16_t>{443, 8443}));
    EXPECT_EQ(read(R"({"bypass": "API.Example.Org."})")->bypass,
              std::vector<std::string>{"api.example.org"});
    EXPECT_EQ(TlsSpec().intercepted_ports(), std::vector<std::uint16_t>{443});
}

TEST(TlsSpec, WhatIsNotUnderstoodIsAnError) {
    for (const char* const text :
         {R"({"intercept_ports": [1]})", R"({"intercepted_ports": [0]})",
          R"({"intercepted_ports": 1})", R"({"bypass": ["a b"]})",
          R"({"bypass": ["*"], "ca_cert": "/x"})", R"({"block_quic": 1})",
          R"({"scoped_upstream_ca_certs": [{"pattern": "a"}]})", R"({"client_certs": [1]})", "1"})
        EXPECT_FALSE(read(text)) << text;
    EXPECT_NE(read(R"({"bypas": []})").error().hint().find("bypass"), std::string::npos);
}

TEST(TlsSpec, WordsOfOptions) {
    EXPECT_EQ(parse_scoped_file("*.A.org=/x=y.pem")->path, "/x=y.pem");
    EXPECT_EQ(parse_client_certificate("a.org=/x.pem")->key, "/x.pem");
    EXPECT_EQ(parse_client_certificate("a.org=/x.pem,/y.key")->key, "/y.key");
    for (const char* const bad : {"", "*", "a.org", "a.org=", "=x", "a..b=/x"})
        EXPECT_FALSE(parse_scoped_file(bad)) << bad;
    for (const char* const bad : {"", ".", "*.", "a b", "**.org", "a*.org", "a/b"})
        EXPECT_FALSE(parse_host_pattern(bad)) << bad;
}

} // namespace
} // namespace msb
