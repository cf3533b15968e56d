#include "tls/side.hpp"

#include <cerrno>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>

namespace msb::tls {

void Side::secure(SslPtr ssl) {
    ssl_ = std::move(ssl);
    SSL_set_fd(ssl_.get(), socket_.get());
}

Side::Io Side::outcome(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE: return Io::done;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return Io::later;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: return Io::hello;
    case SSL_ERROR_ZERO_RETURN: whole_ = true; return Io::ended;
    default: break;
    }
    error_ = ERR_peek_error();
    const bool cut = ERR_GET_REASON(error_) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    ERR_clear_error();
    return cut ? Io::ended : Io::broken;
}

Side::Io Side::handshake() {
    ERR_clear_error();
    return outcome(SSL_do_handshake(ssl_.get()));
}

Side::Moved Side::read(MutableBytesView into) {
    if (ssl_) {
        std::size_t count = 0;
        ERR_clear_error();
        const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &count);
        return {result == 1 ? Io::done : outcome(result), count};
    }
    const ssize_t count = ::recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (count > 0)
        return {Io::done, static_cast<std::size_t>(count)};
    whole_ = count == 0;
    return {count == 0 ? Io::ended : errno == EAGAIN || errno == EINTR ? Io::later : Io::broken};
}

Side::Moved Side::write(BytesView bytes) {
    if (ssl_) {
        std::size_t count = 0;
        ERR_clear_error();
        const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
        return {result == 1 ? Io::done : outcome(result), count};
    }
    const ssize_t count =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0)
        return {Io::done, static_cast<std::size_t>(count)};
    return {errno == EAGAIN || errno == EINTR ? Io::later : Io::broken};
}

void Side::finish(bool whole) {
    if (ssl_ && whole && SSL_is_init_finished(ssl_.get()) == 1)
        SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ::shutdown(socket_.get(), SHUT_WR);
}

std::string Side::problem() const {
    const long verified = ssl_ ? SSL_get_verify_result(ssl_.get()) : long{X509_V_OK};
    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    const char* const reason = error_ == 0 ? nullptr : ERR_reason_error_string(error_);
    return reason == nullptr ? "the connection was closed" : reason;
}

} // namespace msb::tls
