// One file operation in a sandbox, seen from a client: a request, data in either direction, an
// answer.
#pragma once

#include "client/agent_client.hpp"
#include "wire/flow.hpp"
#include "wire/fs_messages.hpp"

#include <deque>
#include <optional>

namespace msb {

/// The answer's error with the agent's kind, text and errno.
Error fs_error(const wire::FsResponse& response);

class FileOperation {
  public:
    /// Sends the request.
    FileOperation(AgentClient& client, const wire::FsRequest& request);
    /// Cancels what has not ended.
    ~FileOperation();
    FileOperation(const FileOperation&) = delete;
    FileOperation& operator=(const FileOperation&) = delete;

    /// Data that has arrived and was not taken yet. Above a bound the connection is not read, so a
    /// caller that stops taking stops the guest.
    BytesView received() const;
    void take(std::size_t size);

    /// Sends at most room() bytes; the caller keeps the rest.
    void send(BytesView& data);
    void end_data() { client_.send(id_, wire::FsData{}); }
    /// Bytes that may be sent now: the agent has room for them, and the connection need not queue
    /// them.
    std::size_t room() const;
    void cancel();

    bool ended() const { return response_.has_value() || failure_.has_value(); }
    /// The answer; valid after the end.
    Result<wire::FsResponse> result() const;
    /// The connection is gone; ends the operation.
    void lose(const Error& error);

  private:
    void handle(const wire::Envelope& envelope);
    void update_reading();

    AgentClient& client_;
    std::uint32_t id_;
    std::deque<Bytes> chunks_;
    std::size_t begin_ = 0; ///< of the first chunk
    std::size_t queued_ = 0;
    bool paused_ = false;
    wire::SendWindow window_;
    std::optional<wire::FsResponse> response_;
    std::optional<Error> failure_;
};

} // namespace msb
