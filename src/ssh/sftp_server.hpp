// An SFTP server over a sandbox's file operations: bytes of the client in, answers out. Nothing
// waits: as many requests as max_pending are with the agent at once.
#pragma once

#include "base/out_buffer.hpp"
#include "client/file_operation.hpp"
#include "ssh/sftp_packet.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>

namespace msb::sftp {

/// As whom, and where paths begin that are not absolute.
struct Place {
    std::string user; ///< USER[:GROUP] of the guest
    std::string directory = "/";
};

class Server {
  public:
    Server(AgentClient& client, Place place) : client_(client), place_(std::move(place)) {}

    /// Bytes of the client that are taken now.
    std::size_t room() const;
    void feed(BytesView data) { in_.append(data); }
    /// Goes on with what has arrived from the client and the agent. False: the client broke the
    /// protocol, and nothing that follows can be understood.
    bool advance();
    /// Answers, for the client.
    OutBuffer& out() { return out_; }
    bool idle() const { return pending_.empty() && in_.empty() && out_.empty(); }

    static constexpr std::size_t max_pending = 32;
    static constexpr std::size_t max_handles = 256;

  private:
    /// An open file or directory of the client's.
    struct Handle {
        std::uint64_t number = 0; ///< the agent's
        std::string path;
        bool directory = false;
        bool append = false;
        std::size_t outstanding = 0; ///< reads or writes that the agent has
        Type kind = Type::read;      ///< of these
    };
    using Done = std::function<void(const wire::FsResponse&)>;
    struct Pending {
        std::uint32_t id;
        std::unique_ptr<FileOperation> operation;
        Done done;
        std::function<void()> if_missing{}; ///< instead of an error, when there is no such name
        Bytes data{};                       ///< to be written, or what was read
        std::size_t sent = 0;
        bool writes = false;
        bool data_ended = false;
        std::shared_ptr<Handle> handle{}; ///< of a read or write
    };

    // sftp_server.cpp
    bool start_next();
    bool step(Pending& pending);
    void finish(Pending& pending);
    bool has_to_wait(const Request& request);
    std::shared_ptr<Handle> find(const std::string& handle);
    std::string add(std::shared_ptr<Handle> handle);
    Pending& begin(std::uint32_t id, wire::FsOp op, Done done, bool as_user = true);
    std::string absolute(const std::string& path) const;
    void answer(std::uint32_t id, StatusCode code, std::string_view message);
    void answer_error(std::uint32_t id, const Error& error);
    /// An operation whose answer is only whether it succeeded.
    void simple(std::uint32_t id, wire::FsOp op);

    // sftp_requests.cpp
    void handle_request(Request request);
    void handle_name(const Request& request);
    void handle_extension(const Request& request);
    void greet();
    void open(const Request& request);
    void open_directory(const Request& request);
    void open_as(std::uint32_t id, wire::FsOp op, const std::shared_ptr<Handle>& handle);
    void close(const Request& request);
    void read(const Request& request);
    void write(Request& request);
    void read_directory(const Request& request);
    void stat(std::uint32_t id, wire::FsOp op);
    void set_attributes(const Request& request, bool follow);
    void make_directory(const Request& request);
    void rename(const Request& request);
    void real_path(const Request& request);
    void read_link(const Request& request);
    void space(const Request& request);
    void limits(std::uint32_t id);
    /// Goes on with `then` if nothing has this name.
    void unless_exists(std::uint32_t id, const std::string& path, std::function<void()> then);

    AgentClient& client_;
    Place place_;
    OutBuffer in_;
    OutBuffer out_;
    std::list<Pending> pending_;
    std::optional<Request> next_; ///< waits until others of its handle are done
    std::map<std::uint32_t, std::shared_ptr<Handle>> handles_;
    std::uint32_t next_handle_ = 1;
    bool greeted_ = false;
};

} // namespace msb::sftp
