// The client's side of an upstream proxy: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, 1929).
// No sockets in here: bytes to send, and bytes that have come.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/proxy/proxy.hpp"

#include <string>

namespace msb::net {

class ProxyClient {
  public:
    /// The longest answer that is waited for.
    static constexpr std::size_t most_answer = 8192;

    /// `host`: a name, or an address without brackets.
    ProxyClient(const Proxy& proxy, std::string host, std::uint16_t port);

    /// What is to be sent now; nothing if there is nothing, or it was taken.
    Bytes take_output() { return std::exchange(output_, {}); }
    /// Looks at what has come and was not taken yet; returns how much of it belongs to the proxy.
    /// What is behind that, when done(), comes from the destination. An error: the proxy refuses, or
    /// its answer is none.
    Result<std::size_t> take(BytesView data);
    bool done() const { return step_ == Step::done; }

  private:
    enum class Step { http_answer, socks_method, socks_password, socks_answer, done };

    void ask_http();
    void ask_socks();
    Result<std::size_t> take_http(BytesView data);
    Result<std::size_t> take_method(BytesView data);
    Result<std::size_t> take_password(BytesView data);
    Result<std::size_t> take_socks_answer(BytesView data);

    Proxy proxy_;
    std::string host_;
    std::uint16_t port_;
    Step step_;
    Bytes output_;
};

} // namespace msb::net
