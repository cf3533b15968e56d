// The client's side of an upstream proxy: HTTP CONNECT (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, 1929).
// No sockets in here: bytes to send, and bytes that have come.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/handshake.hpp"
#include "net/proxy/proxy.hpp"

#include <string>

namespace msb::net {

class ProxyClient final : public Handshake {
  public:
    /// `host`: a name, or an address without brackets.
    ProxyClient(const Proxy& proxy, std::string host, std::uint16_t port);

    std::string_view peer() const override { return "the proxy"; }
    Bytes take_output() override { return std::exchange(output_, {}); }
    Result<std::size_t> take(BytesView data) override;
    bool done() const override { return step_ == Step::done; }

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
