#include "disk/content_hash.hpp"

#include "base/installation.hpp"
#include "base/process.hpp"
#include "base/system.hpp"

#include <charconv>
#include <csignal>
#include <poll.h>

namespace msb::disk {

namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 80ms;
constexpr auto end_wait = 5s;

/// What the program says, line by line: "DONE TOTAL" now and then, at the end "root HEX" or "error
/// TEXT".
class Dialogue {
  public:
    Dialogue(int fd, const Watch& watch) : fd_(fd), watch_(watch) {}

    Result<std::string> follow() {
        for (;;) {
            while (!MSB_TRY(sys::wait_for(fd_, POLLIN, look_interval)))
                MSB_TRY(look());
            std::array<std::uint8_t, 4096> chunk;
            const std::size_t count = MSB_TRY(sys::read(fd_, chunk));
            if (count == 0)
                return fail(ErrorKind::system, "the program that hashes disks ended early");
            buffer_ += as_text(BytesView(chunk).first(count));
            for (std::size_t end; (end = buffer_.find('\n')) != std::string::npos;
                 buffer_.erase(0, end + 1)) {
                const std::string line = buffer_.substr(0, end);
                if (line.starts_with("root "))
                    return line.substr(5);
                if (line.starts_with("error "))
                    return fail(ErrorKind::system, line.substr(6));
                const char* const last = line.data() + line.size();
                const auto first = std::from_chars(line.data(), last, done_);
                if (first.ptr != last)
                    std::from_chars(first.ptr + 1, last, total_);
                MSB_TRY(look());
            }
        }
    }

  private:
    Status look() const {
        return watch_ && watch_(done_, total_) ? fail(ErrorKind::cancelled, "cancelled") : Status();
    }

    int fd_;
    const Watch& watch_;
    std::string buffer_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
};

} // namespace

Result<std::string> content_hash(int fd, const Watch& watch) {
    auto output = MSB_TRY(sys::pipe());
    Child child = MSB_TRY_WRAP(spawn({.argv = {MSB_TRY(libexec_program("diskhash"))},
                                      .fds = {{0, fd}, {1, output[1].get()}, {2, 2}}}),
                               "cannot start the program that hashes disks");
    output[1].reset();
    auto root = Dialogue(output[0].get(), watch).follow();
    if (!root)
        (void)child.signal(SIGKILL);
    (void)child.wait(end_wait);
    return root;
}

} // namespace msb::disk
