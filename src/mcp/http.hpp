// The protocol over HTTP on the loopback, as "streamable HTTP" has it without streams: each message is a
// POST to /mcp, whose answer is the response.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"
#include "mcp/workbench.hpp"

#include <memory>
#include <string>

namespace msb::mcp {

class HttpServer {
  public:
    static constexpr unsigned max_connections = 64;
    static constexpr std::size_t max_sessions = 16;

    /// Listens at an address of the loopback; port 0 is one that is free. Who does not show `token` is
    /// refused, and so is a web page that is not of this machine.
    static Result<HttpServer> start(Limits limits, const Endpoint& at, std::string token);
    /// All sessions end.
    ~HttpServer();
    HttpServer(HttpServer&&) noexcept;
    HttpServer& operator=(HttpServer&&) = delete;

    std::uint16_t port() const;

  private:
    class State;
    explicit HttpServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace msb::mcp
