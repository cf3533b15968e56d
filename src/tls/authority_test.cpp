#include "tls/authority.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace msb::tls {
namespace {

std::string key_pem() {
    const KeyPtr key(EVP_EC_gen("P-256"));
    const BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

/// As a client that trusts the authority sees it.
int verified(const Authority& authority, X509* leaf, const char* host, bool address) {
    const auto trusted = read_certificates(authority.certificate());
    const StorePtr store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), trusted->front().get());
    X509_STORE_CTX* const context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store.get(), leaf, nullptr);
    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM* const wanted = X509_STORE_CTX_get0_param(context);
    if (address)
        X509_VERIFY_PARAM_set1_ip_asc(wanted, host);
    else
        X509_VERIFY_PARAM_set1_host(wanted, host, 0);
    X509_verify_cert(context);
    const int error = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    return error;
}

TEST(Authority, IssuesWhatItsGuestBelieves) {
    auto authority = Authority::make();
    ASSERT_TRUE(authority) << authority.error().to_string();
    const auto leaf = authority->leaf("api.example.org");
    ASSERT_TRUE(leaf) << leaf.error().to_string();
    EXPECT_EQ(verified(*authority, *leaf, "api.example.org", false), X509_V_OK);
    EXPECT_EQ(verified(*authority, *leaf, "example.org", false), X509_V_ERR_HOSTNAME_MISMATCH);
    const std::time_t yesterday = std::time(nullptr) - 23L * 3600;
    EXPECT_EQ(X509_cmp_time(X509_get0_notBefore(*leaf), const_cast<std::time_t*>(&yesterday)), -1)
        << "a guest's clock may be behind";
}

TEST(Authority, IssuesForAddressesAndLongNames) {
    auto authority = Authority::make();
    for (const char* const address : {"192.0.2.1", "2001:db8::1"})
        EXPECT_EQ(verified(*authority, *authority->leaf(address), address, true), X509_V_OK);
    const std::string name = std::string(60, 'a') + "." + std::string(60, 'b') + ".example.org";
    EXPECT_EQ(verified(*authority, *authority->leaf(name), name.c_str(), false), X509_V_OK);
    // A name is only that, whatever it looks like.
    const auto odd = authority->leaf("a,DNS:bank.example");
    ASSERT_TRUE(odd);
    EXPECT_EQ(verified(*authority, *odd, "bank.example", false), X509_V_ERR_HOSTNAME_MISMATCH);
}

TEST(Authority, RemembersSoMany) {
    auto authority = Authority::make();
    X509* const first = *authority->leaf("first.example.org");
    EXPECT_EQ(*authority->leaf("first.example.org"), first);
    for (std::size_t i = 0; i <= Authority::most_leaves; ++i)
        ASSERT_TRUE(authority->leaf("host" + std::to_string(i)));
    EXPECT_EQ(authority->leaves(), Authority::most_leaves);
}

TEST(Authority, RefusesWhatDoesNotBelongTogether) {
    auto own = Authority::make();
    EXPECT_FALSE(Authority::load(own->certificate(), key_pem()));
    EXPECT_FALSE(Authority::load("", key_pem()));
    EXPECT_FALSE(Authority::load(own->certificate(), ""));
    const std::string leaf = to_pem(**own->leaf("x.example.org"));
    EXPECT_FALSE(Authority::load(leaf, key_pem()));
}

TEST(Certificates, AreFoundAmongOtherThings) {
    auto authority = Authority::make();
    const std::string one = authority->certificate();
    const auto two = read_certificates("text\n" + one + key_pem() + "# more\n" + one);
    ASSERT_TRUE(two) << two.error().to_string();
    EXPECT_EQ(two->size(), 2U);
    EXPECT_FALSE(read_certificates("nothing"));
    EXPECT_FALSE(
        read_certificates(one + "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"));
}

} // namespace
} // namespace msb::tls
