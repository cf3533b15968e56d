// Who talks on an intercepted connection, and what its owner is told about it.
#pragma once

#include "base/address.hpp"
#include "tls/content/detector.hpp"
#include "tls/content/secret.hpp"

#include <string>
#include <vector>

namespace msb::tls {

struct Peers {
    std::string name; ///< that the server has proved to have: lower case; or an address
    std::vector<std::string> names; ///< what the resolver called what the guest dialled
    Endpoint destination;           ///< as the guest dialled it
    bool tls = true;
    /// The server's certificate was checked. Without that, only what the resolver called so is the host.
    bool verified = true;
};

struct Violation {
    /// Of a guest's words: whoever keeps a violation keeps no more than this.
    static constexpr std::size_t most_host = 255, most_path = 1024;

    Action action = Action::block_and_log;
    std::string env, placeholder;
    std::string protocol;
    std::string host, method, path; ///< without a query; empty: not known
    std::string location;           ///< "header", "query", "authorization_basic", "body", "unknown"
    Form form = Form::raw;
    std::int32_t stream = 0; ///< of HTTP/2
};

/// What a conversation tells its owner.
class Observer {
  public:
    virtual ~Observer() = default;
    virtual void violation(const Violation& violation) = 0;
    /// A value came back from the server and was made a placeholder.
    virtual void scrubbed(const std::string& env) = 0;
    /// The sandbox has to end.
    virtual void terminate() = 0;
    /// Whether all conversations together may keep so many bytes more.
    virtual bool has_room(std::size_t bytes) = 0;
};

} // namespace msb::tls
