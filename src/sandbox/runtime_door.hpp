// A connection to the door of a sandbox's runtime (wire/host_messages.hpp), for one request after
// the other. The runtime may be stopped, stuck, or taken over by its guest: every wait is bounded,
// and what it answers is checked.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "wire/host_messages.hpp"

#include <chrono>
#include <string>

namespace msb {

class RuntimeDoor {
  public:
    /// EAGAIN if there is no room in its backlog for `timeout`.
    static Result<RuntimeDoor> connect(const std::string& socket,
                                       std::chrono::milliseconds timeout);

    /// The process that listens there.
    Result<pid_t> process() const;
    /// Returns when the requested action has begun. timed_out if the runtime does not answer soon;
    /// `protocol` if it refuses.
    template <typename Request> Status ask(const Request& request) {
        return accepted(encode(request));
    }

    /// A question that is answered by a report.
    template <typename Report, typename Request> Result<Report> query(const Request& request) {
        return wire::decode_body<Report>(MSB_TRY(exchange(encode(request))));
    }

    Result<wire::HostStatusReport> status();

  private:
    explicit RuntimeDoor(OwnedFd socket) : socket_(std::move(socket)) {}
    template <typename Request> Bytes encode(const Request& request) {
        return wire::encode_message(next_id_++, request);
    }
    Status accepted(BytesView request);
    /// The body of the answer.
    Result<Bytes> exchange(BytesView request);

    OwnedFd socket_;
    wire::FrameReader in_;
    std::uint32_t next_id_ = 1;
};

} // namespace msb
