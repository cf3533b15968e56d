#include "tls/authority.hpp"

#include "base/address.hpp"

#include <array>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace msb::tls {

namespace {

constexpr long day = 24L * 3600;
/// A guest's clock may be behind after its host slept.
constexpr long backdated = day;
constexpr long authority_validity = 3650 * day, leaf_validity = 7 * day, renewed_before = day;
constexpr std::size_t longest_common_name = 64; // X.520, ub-common-name

Result<KeyPtr> make_key() {
    KeyPtr key(EVP_EC_gen("P-256"));
    if (!key)
        return fail(openssl_error("making a key"));
    return key;
}

/// The name of `subject`, with what all certificates of ours have.
Result<CertificatePtr> blank(std::string_view common_name, EVP_PKEY* key, long validity) {
    CertificatePtr certificate(X509_new());
    std::array<unsigned char, 16> serial{};
    if (!certificate || RAND_bytes(serial.data(), serial.size()) != 1)
        return fail(openssl_error("making a certificate"));
    serial[0] &= 0x7f; // a positive number
    BIGNUM* const number = BN_bin2bn(serial.data(), serial.size(), nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
    BN_free(number);
    X509_set_version(certificate.get(), X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -backdated);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), validity);
    X509_NAME* const name = X509_get_subject_name(certificate.get());
    const auto add = [&](const char* field, std::string_view text) {
        return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                          reinterpret_cast<const unsigned char*>(text.data()),
                                          static_cast<int>(text.size()), -1, 0);
    };
    if (add("O", "microsandbox") != 1 || add("CN", common_name) != 1 ||
        X509_set_pubkey(certificate.get(), key) != 1)
        return fail(openssl_error("making a certificate"));
    return certificate;
}

Status extend(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    if (extension == nullptr)
        return fail(openssl_error("an extension of a certificate"));
    const int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added == 1 ? Status() : fail(openssl_error("an extension of a certificate"));
}

/// Not by text, whose commas would mean something: the name is a guest's.
Status name_host(X509* certificate, const std::string& host) {
    const auto address = IpAddress::parse(host);
    const std::string bytes = address ? std::string(as_text(address->view())) : host;
    GENERAL_NAME* const name = GENERAL_NAME_new();
    ASN1_STRING* const text =
        ASN1_STRING_type_new(address ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
    GENERAL_NAME_set0_value(name, address ? GEN_IPADD : GEN_DNS, text);
    GENERAL_NAMES* const names = GENERAL_NAMES_new();
    sk_GENERAL_NAME_push(names, name);
    const int added = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
    return added == 1 ? Status() : fail(openssl_error("the name in a certificate"));
}

Status sign(X509* certificate, EVP_PKEY* key) {
    // Keys of Ed25519 and the like bring their own digest.
    int digest = NID_undef;
    const bool fixed = EVP_PKEY_get_default_digest_nid(key, &digest) == 2 && digest == NID_undef;
    if (X509_sign(certificate, key, fixed ? nullptr : EVP_sha256()) == 0)
        return fail(openssl_error("signing a certificate"));
    return {};
}

} // namespace

Result<Authority> Authority::make() {
    Authority authority;
    authority.key_ = MSB_TRY(make_key());
    authority.leaf_key_ = MSB_TRY(make_key());
    authority.certificate_ =
        MSB_TRY(blank("microsandbox CA", authority.key_.get(), authority_validity));
    X509* const certificate = authority.certificate_.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    for (const auto& [kind, value] :
         {std::pair{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
          std::pair{NID_key_usage, "critical,keyCertSign,cRLSign"},
          std::pair{NID_subject_key_identifier, "hash"}})
        MSB_TRY(extend(certificate, certificate, kind, value));
    MSB_TRY(sign(certificate, authority.key_.get()));
    return authority;
}

Result<Authority> Authority::load(std::string_view certificate, std::string_view key) {
    Authority authority;
    authority.chain_ = MSB_TRY_WRAP(read_certificates(certificate), "the interception CA");
    authority.key_ = MSB_TRY_WRAP(read_key(key), "the interception CA's key");
    authority.leaf_key_ = MSB_TRY(make_key());
    X509* const own = authority.chain_.front().get();
    if (X509_check_private_key(own, authority.key_.get()) != 1)
        return fail(openssl_error("the interception CA and its key do not belong together"));
    if (X509_check_ca(own) == 0)
        return fail(ErrorKind::invalid_argument,
                    "the interception CA's certificate is not that of an authority");
    X509_up_ref(own);
    authority.certificate_.reset(own);
    if (X509_NAME_cmp(X509_get_subject_name(own), X509_get_issuer_name(own)) == 0)
        authority.chain_.clear(); // the guest knows it
    return authority;
}

std::string Authority::certificate() const {
    return to_pem(*certificate_);
}

Result<CertificatePtr> Authority::issue(const std::string& host) const {
    const std::string common = host.size() <= longest_common_name ? host : "microsandbox";
    CertificatePtr certificate = MSB_TRY(blank(common, leaf_key_.get(), leaf_validity));
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate_.get()));
    MSB_TRY(name_host(certificate.get(), host));
    for (const auto& [kind, value] :
         {std::pair{NID_basic_constraints, "critical,CA:FALSE"},
          std::pair{NID_key_usage, "critical,digitalSignature"},
          std::pair{NID_ext_key_usage, "serverAuth"}, std::pair{NID_subject_key_identifier, "hash"},
          std::pair{NID_authority_key_identifier, "keyid"}})
        MSB_TRY(extend(certificate.get(), certificate_.get(), kind, value));
    MSB_TRY(sign(certificate.get(), key_.get()));
    return certificate;
}

Result<X509*> Authority::leaf(const std::string& host) {
    const std::time_t now = std::time(nullptr);
    const auto found = by_host_.find(host);
    if (found != by_host_.end()) {
        leaves_.splice(leaves_.begin(), leaves_, found->second);
        if (leaves_.front().renew > now)
            return leaves_.front().certificate.get();
        leaves_.pop_front();
        by_host_.erase(found);
    }
    CertificatePtr certificate = MSB_TRY(issue(host));
    leaves_.push_front({host, std::move(certificate), now + leaf_validity - renewed_before});
    by_host_[host] = leaves_.begin();
    if (leaves_.size() > most_leaves) {
        by_host_.erase(leaves_.back().host);
        leaves_.pop_back();
    }
    return leaves_.front().certificate.get();
}

} // namespace msb::tls
