#include "tls/openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace msb::tls {

namespace {

constexpr std::size_t most_pem = std::size_t{4} << 20;

Result<BioPtr> open_text(std::string_view text) {
    if (text.size() > most_pem)
        return fail(ErrorKind::limit_exceeded, "certificates: larger than 4 MiB");
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Nobody is there to type one.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

} // namespace

Error openssl_error(std::string_view doing) {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return {ErrorKind::invalid_argument,
            std::string(doing) + ": " + (reason == nullptr ? "failed" : reason)};
}

Result<std::vector<CertificatePtr>> read_certificates(std::string_view pem) {
    const BioPtr text = MSB_TRY(open_text(pem));
    std::vector<CertificatePtr> certificates;
    // Other sections are skipped; the end is an error of its own.
    while (X509* const one = PEM_read_bio_X509(text.get(), nullptr, no_passphrase, nullptr))
        certificates.emplace_back(one);
    const unsigned long end = ERR_peek_last_error();
    ERR_clear_error();
    if (certificates.empty() || ERR_GET_REASON(end) != PEM_R_NO_START_LINE)
        return fail(ErrorKind::invalid_argument, certificates.empty()
                                                     ? "holds no certificate in PEM form"
                                                     : "holds a broken certificate");
    return certificates;
}

Result<KeyPtr> read_key(std::string_view pem) {
    const BioPtr text = MSB_TRY(open_text(pem));
    KeyPtr key(PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, nullptr));
    ERR_clear_error();
    if (!key)
        return fail(ErrorKind::invalid_argument,
                    "holds no private key in PEM form without a passphrase");
    return key;
}

std::string to_pem(const X509& certificate) {
    const BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), &certificate);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

} // namespace msb::tls
