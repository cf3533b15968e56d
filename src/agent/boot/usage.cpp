#include "agent/boot/usage.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <sys/vfs.h>

namespace msb::agent {

namespace {

OwnedFd open_or_none(const char* path, int flags = O_RDONLY) {
    auto fd = sys::open(path, flags);
    return fd ? std::move(*fd) : OwnedFd();
}

/// Nothing too if it does not fit.
class SmallFile {
  public:
    explicit SmallFile(const OwnedFd& fd) {
        const ssize_t count = fd ? ::pread(fd.get(), buffer_.data(), buffer_.size(), 0) : -1;
        size_ = count > 0 && static_cast<std::size_t>(count) < buffer_.size()
                    ? static_cast<std::size_t>(count)
                    : 0;
    }
    std::string_view text() const { return {buffer_.data(), size_}; }

  private:
    std::array<char, 4096> buffer_;
    std::size_t size_;
};

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view mark) {
    const auto place = text.find(mark);
    if (place == std::string_view::npos)
        return std::nullopt;
    text.remove_prefix(place + mark.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} ? std::optional(value) : std::nullopt;
}

} // namespace

std::optional<std::uint64_t> parse_memory_line(std::string_view text, std::string_view name) {
    const auto kib = number_after(text, name);
    return kib && *kib < UINT64_MAX / 1024 ? std::optional(*kib * 1024) : std::nullopt;
}

/// "0.00 0.01 0.05 RUNNING/ALL LAST"
std::optional<std::uint64_t> parse_task_count(std::string_view text) {
    return number_after(text, "/");
}

/// Two lines "some avg10=... total=MICROSECONDS", "full ...".
std::optional<wire::Stall> parse_stall(std::string_view text) {
    constexpr std::string_view mark = "total=";
    const auto full_line = text.find("\nfull");
    const auto some = number_after(text.substr(0, full_line), mark);
    if (!some)
        return std::nullopt;
    const auto full = full_line == std::string_view::npos
                          ? std::nullopt
                          : number_after(text.substr(full_line), mark);
    return wire::Stall{*some, full.value_or(0)};
}

UsageMeter::UsageMeter()
    : root_(open_or_none("/", O_RDONLY | O_DIRECTORY)), memory_(open_or_none("/proc/meminfo")),
      load_(open_or_none("/proc/loadavg")),
      // They are all children of process 2.
      kernel_threads_(open_or_none("/proc/2/task/2/children")),
      cpu_stall_(open_or_none("/proc/pressure/cpu")),
      memory_stall_(open_or_none("/proc/pressure/memory")),
      io_stall_(open_or_none("/proc/pressure/io")) {}

wire::GuestUsage UsageMeter::read() const {
    wire::GuestUsage usage;
    const SmallFile memory(memory_);
    const auto total = parse_memory_line(memory.text(), "MemTotal:");
    usage.memory_available = parse_memory_line(memory.text(), "MemAvailable:");
    if (total && usage.memory_available)
        usage.memory_used = *total - std::min(*total, *usage.memory_available);
    // An overlay answers with the file system that it writes to.
    struct statfs root{};
    if (root_ && ::fstatfs(root_.get(), &root) == 0) {
        const auto block = static_cast<std::uint64_t>(root.f_bsize);
        usage.root_used = (root.f_blocks - root.f_bfree) * block;
        usage.root_free = root.f_bavail * block;
    }
    const SmallFile threads(kernel_threads_);
    const auto tasks = parse_task_count(SmallFile(load_).text());
    if (tasks && !threads.text().empty()) {
        const auto kernels =
            1 + static_cast<std::uint64_t>(std::ranges::count(threads.text(), ' '));
        usage.tasks = *tasks - std::min(*tasks, kernels);
    }
    usage.cpu_stall = parse_stall(SmallFile(cpu_stall_).text());
    usage.memory_stall = parse_stall(SmallFile(memory_stall_).text());
    usage.io_stall = parse_stall(SmallFile(io_stall_).text());
    return usage;
}

} // namespace msb::agent
