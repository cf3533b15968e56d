// A listening socket of the host: a TCP port, or a Unix socket that is removed again.
#pragma once

#include "client/forward_rule.hpp"

#include <sys/types.h>

namespace msb {

class ForwardSocket {
  public:
    /// A Unix socket is its owner's alone (mode 0600); one that nobody listens on any more is
    /// replaced.
    static Result<ForwardSocket> listen(const ForwardListen& where);
    ForwardSocket(ForwardSocket&& other) noexcept = default;
    ForwardSocket& operator=(ForwardSocket&&) = delete;
    ~ForwardSocket();

    int fd() const { return fd_.get(); }
    /// With the port that was chosen.
    const ForwardListen& where() const { return where_; }
    /// The next connection and who made it; none (and errno) if there is none or it cannot be had.
    OwnedFd accept(std::string& peer) const;

  private:
    ForwardSocket(OwnedFd fd, ForwardListen where) : fd_(std::move(fd)), where_(std::move(where)) {}
    static Result<ForwardSocket> listen_unix(const ForwardListen& where);
    static Result<ForwardSocket> listen_tcp(ForwardListen where);

    OwnedFd fd_;
    ForwardListen where_;
    dev_t device_ = 0; ///< of the Unix socket's file, which may be somebody else's by the end
    ino_t inode_ = 0;
};

} // namespace msb
