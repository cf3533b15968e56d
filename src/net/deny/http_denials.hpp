// Answers plain HTTP requests that the policy refuses, so that whoever made one reads why, and what
// would allow it. The other end of such a connection is here; nothing of it leaves this process.
#pragma once

#include "base/event_loop.hpp"
#include "base/fd.hpp"
#include "base/out_buffer.hpp"
#include "net/flow.hpp"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace msb::net {

inline constexpr std::uint16_t http_port = 80;

/// The answer to a request, as bytes of HTTP/1.1: JSON if `request` accepts it, else text.
std::string denial_response(std::string_view request, std::string_view reason,
                            std::string_view remedy, std::string_view name);
/// The command that would allow a flow: by its name if it has one.
std::string remedy_for(const Flow& flow, std::string_view sandbox);

class HttpDenials {
  public:
    static constexpr std::size_t max_visitors = 32;

    /// `sandbox`: what the command that allows something has to name.
    HttpDenials(EventLoop& loop, std::string sandbox) : loop_(loop), sandbox_(std::move(sandbox)) {}
    ~HttpDenials() { clear(); }
    HttpDenials(const HttpDenials&) = delete;
    HttpDenials& operator=(const HttpDenials&) = delete;

    /// What the connection leads to. What is no request of HTTP is reset.
    Result<OwnedFd> open(const Flow& flow, std::string_view reason);
    void clear();

  private:
    struct Visitor {
        OwnedFd socket;
        std::string reason, remedy, name;
        bool answered = false;
        EventLoop::TimerId timer = 0;
    };
    void event(int socket);
    void answer(Visitor& visitor, std::string_view request);
    void drop(int socket);

    EventLoop& loop_;
    std::string sandbox_;
    std::map<int, Visitor> visitors_; ///< by socket
};

} // namespace msb::net
