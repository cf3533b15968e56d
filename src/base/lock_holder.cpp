#include "base/lock_holder.hpp"

#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <sys/sysmacros.h>

namespace msb {

namespace {
constexpr std::size_t most_locks_bytes = std::size_t{1} << 20;
constexpr std::size_t shown_command = 100;
} // namespace

pid_t find_flock(std::string_view proc_locks, dev_t device, ino_t inode) {
    // "2: FLOCK  ADVISORY  WRITE 25393 fe:00:10068002 0 EOF"; who waits has "->" behind the number.
    const std::string file = fmt::format(" {:02x}:{:02x}:{} ", major(device), minor(device), inode);
    while (!proc_locks.empty()) {
        const auto end = std::min(proc_locks.find('\n'), proc_locks.size());
        const std::string_view line = proc_locks.substr(0, end);
        proc_locks.remove_prefix(std::min(end + 1, proc_locks.size()));
        const auto at = line.find(file);
        if (at == std::string_view::npos || line.find(": FLOCK ") == std::string_view::npos)
            continue;
        const std::string pid(line.substr(line.rfind(' ', at - 1) + 1, at));
        return static_cast<pid_t>(std::strtol(pid.c_str(), nullptr, 10));
    }
    return 0;
}

std::string describe_process(pid_t pid) {
    auto command = read_file(fmt::format("/proc/{}/cmdline", pid), 4096);
    if (!command || command->empty())
        return {};
    while (!command->empty() && command->back() == '\0')
        command->pop_back();
    std::ranges::replace(*command, '\0', ' ');
    if (command->size() > shown_command)
        command->replace(shown_command, std::string::npos, "...");
    return fmt::format("process {} ({})", pid, *command);
}

std::string lock_holder(int fd) {
    const auto info = sys::fstat(fd);
    const auto locks = read_file("/proc/locks", most_locks_bytes);
    const pid_t pid = info && locks ? find_flock(*locks, info->st_dev, info->st_ino) : 0;
    const std::string process = pid > 0 ? describe_process(pid) : std::string();
    return process.empty() ? "another process" : process;
}

} // namespace msb
