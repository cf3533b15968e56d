#include "ssh/stream.hpp"

#include <algorithm>
#include <array>

namespace msb::ssh {

MutableBytesView stream_buffer() {
    static std::array<std::uint8_t, stream_chunk> buffer;
    return buffer;
}

Stream::~Stream() {
    ssh_channel_free(channel_);
}

std::size_t Stream::read(MutableBytesView buffer) {
    const int count = ssh_channel_read_nonblocking(channel_, buffer.data(),
                                                   static_cast<std::uint32_t>(buffer.size()), 0);
    if (count <= 0)
        return 0;
    moved_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
}

void Stream::write(OutBuffer& from, bool as_stderr) {
    while (!from.empty() && ssh_channel_is_open(channel_) != 0) {
        // The library would queue whatever it is given, and wait where the window is too small.
        if ((ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0)
            return;
        const std::size_t size =
            std::min<std::size_t>({from.size(), ssh_channel_window_size(channel_), stream_chunk});
        if (size == 0)
            return;
        const BytesView part = from.view().first(size);
        const auto length = static_cast<std::uint32_t>(part.size());
        const int count = as_stderr ? ssh_channel_write_stderr(channel_, part.data(), length)
                                    : ssh_channel_write(channel_, part.data(), length);
        if (count <= 0)
            return;
        from.consume(static_cast<std::size_t>(count));
        moved_ += static_cast<std::uint64_t>(count);
    }
}

bool Stream::tell(const std::string& line) {
    const std::string text = "msb: " + line + "\r\n";
    return ssh_channel_is_open(channel_) != 0 && ssh_channel_window_size(channel_) >= text.size() &&
           ssh_channel_write_stderr(channel_, text.data(),
                                    static_cast<std::uint32_t>(text.size())) > 0;
}

} // namespace msb::ssh
