#include "ssh/sftp_work.hpp"

#include <algorithm>
#include <libssh/server.h>

namespace msb::ssh {

bool SftpWork::turn() {
    if (stream_.closed())
        return false;
    for (;;) {
        const std::size_t room = std::min(server_.room(), stream_chunk);
        const std::size_t count = room > 0 ? stream_.read(stream_buffer().first(room)) : 0;
        server_.feed(stream_buffer().first(count));
        if (!server_.advance())
            return false;
        stream_.write(server_.out());
        if (count == 0)
            break;
    }
    if (!stream_.at_end() || !server_.idle())
        return true;
    (void)ssh_channel_request_send_exit_status(stream_.channel(), 0);
    stream_.end_output();
    return false;
}

} // namespace msb::ssh
