// What this guest uses, as its kernel says. Read once a second, so everything stays open: in a guest an
// open costs as much as all of the reading.
#pragma once

#include "base/fd.hpp"
#include "wire/control_messages.hpp"

#include <optional>
#include <string_view>

namespace msb::agent {

class UsageMeter {
  public:
    UsageMeter();
    wire::GuestUsage read() const;

  private:
    OwnedFd root_;
    OwnedFd memory_;
    OwnedFd load_;
    OwnedFd kernel_threads_;
    OwnedFd cpu_stall_, memory_stall_, io_stall_; ///< none where the kernel does not measure it
};

/// The value of a line "NAME:  123 kB" of /proc/meminfo, in bytes.
std::optional<std::uint64_t> parse_memory_line(std::string_view text, std::string_view name);
/// /proc/loadavg: how many tasks there are.
std::optional<std::uint64_t> parse_task_count(std::string_view text);
/// /proc/pressure/*.
std::optional<wire::Stall> parse_stall(std::string_view text);

} // namespace msb::agent
