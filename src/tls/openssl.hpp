// Owners of OpenSSL's objects, and its errors as ours.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string>
#include <string_view>
#include <vector>

namespace msb::tls {

template <auto release> struct Releaser {
    template <typename T> void operator()(T* object) const { release(object); }
};
using BioPtr = std::unique_ptr<BIO, Releaser<BIO_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Releaser<EVP_PKEY_free>>;
using CertificatePtr = std::unique_ptr<X509, Releaser<X509_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Releaser<X509_STORE_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Releaser<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Releaser<SSL_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Releaser<SSL_SESSION_free>>;

/// The oldest error that OpenSSL has noted, and forgets the others.
Error openssl_error(std::string_view doing);

/// Certificates of a PEM text; what else is in it is skipped. An error if there is none.
Result<std::vector<CertificatePtr>> read_certificates(std::string_view pem);
/// Without a passphrase.
Result<KeyPtr> read_key(std::string_view pem);
std::string to_pem(const X509& certificate);

} // namespace msb::tls
