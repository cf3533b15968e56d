// One channel of an SSH connection as a stream that never blocks.
#pragma once

#include "base/bytes.hpp"
#include "base/out_buffer.hpp"

#include <libssh/libssh.h>
#include <string>

namespace msb::ssh {

class Stream {
  public:
    Stream(ssh_session session, ssh_channel channel) : session_(session), channel_(channel) {}
    /// Closes the channel if it is open.
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    ssh_channel channel() const { return channel_; }
    /// What the client has sent: 0 = nothing now. What is not read stays with the client, beyond a
    /// window.
    std::size_t read(MutableBytesView buffer);
    /// Everything was read, and nothing more will come.
    bool at_end() const { return ssh_channel_is_eof(channel_) != 0; }
    bool closed() const { return ssh_channel_is_closed(channel_) != 0; }
    /// Sends what the client's window and the connection take now.
    void write(OutBuffer& from, bool as_stderr = false);
    /// A last line of error output, behind what the client has not taken. False if it does not take it.
    bool tell(const std::string& line);
    void end_output() { (void)ssh_channel_send_eof(channel_); }
    /// Bytes that went either way.
    std::uint64_t moved() const { return moved_; }

  private:
    ssh_session session_;
    ssh_channel channel_;
    std::uint64_t moved_ = 0;
};

/// Bytes that are moved at a time.
inline constexpr std::size_t stream_chunk = std::size_t{64} << 10;
/// One for all: what is read is passed on at once.
MutableBytesView stream_buffer();

} // namespace msb::ssh
