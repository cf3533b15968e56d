#include "mcp/stdio.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"
#include "mcp/server.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <poll.h>

namespace msb::mcp {

namespace {

/// For a client that has sent all it wanted and closed its end, as `echo ... | msb mcp` does.
constexpr std::chrono::seconds last_answers{5};

/// Cuts what comes into lines. One that is too long is reported once and passed over.
class Lines {
  public:
    template <typename Take> void add(std::string_view data, Take take) {
        while (!data.empty()) {
            const auto end = data.find('\n');
            if (line_.size() <= max_message) // else: what follows does not matter
                line_ += data.substr(0, end);
            if (end == std::string_view::npos)
                return;
            data.remove_prefix(end + 1);
            if (line_.find_first_not_of(" \t\r") != std::string::npos)
                take(line_);
            line_.clear();
        }
    }
    const std::string& rest() const { return line_; }

  private:
    std::string line_;
};

} // namespace

Status serve_stdio(Limits limits, int in, int out, int end) {
    std::atomic<bool> gone = false; // the client reads no more
    std::mutex turn;
    const auto reply = [&](Server::Part, const std::string& text) {
        const std::lock_guard lock(turn);
        if (!text.empty() && !gone && !sys::write_all(out, as_bytes(text + "\n")))
            gone = true;
    };
    Server server(std::move(limits));
    const auto take = [&](const std::string& line) { server.receive(line, reply); };
    Lines lines;
    Bytes buffer(std::size_t{64} << 10);
    while (!gone) {
        std::array<pollfd, 2> fds = {{{in, POLLIN, 0}, {end, POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), -1) == -1 && errno != EINTR)
            return fail_errno("poll");
        if (fds[1].revents != 0)
            return {};
        if (fds[0].revents == 0)
            continue;
        const std::size_t size = MSB_TRY(sys::read(in, buffer));
        if (size == 0) {
            if (!lines.rest().empty())
                take(lines.rest());
            server.finish(last_answers);
            return {};
        }
        lines.add(as_text(BytesView(buffer).first(size)), take);
    }
    return {};
}

} // namespace msb::mcp
