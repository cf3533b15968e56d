#include "jail/process_view.hpp"

#include "base/system.hpp"
#include "jail/jail.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <map>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

namespace msb::jail {

namespace {

/// Of one process, from its /proc/PID/stat (proc(5)); times in clock ticks.
struct Stat {
    char state = 0; ///< 'R', 'S', 'D', 'T', 't', ...
    std::uint64_t parent = 0;
    std::uint64_t own_ticks = 0;
    std::uint64_t waited_ticks = 0; ///< of children it has waited for
    int cpu = -1;                   ///< where it ran last
};

/// Fields are counted from behind the name in parentheses, which may contain anything.
std::optional<Stat> parse_stat(std::string_view text) {
    const auto name_end = text.rfind(')');
    if (name_end == std::string_view::npos)
        return std::nullopt;
    text.remove_prefix(name_end + 1);
    constexpr int first_field = 3;
    constexpr int parent = 4;
    constexpr int first_time = 14;
    constexpr int cpu = 39;
    char state = 0;
    std::uint64_t values[cpu + 1] = {};
    for (int field = first_field; field <= cpu; ++field) {
        const auto start = text.find_first_not_of(' ');
        if (start == std::string_view::npos)
            return std::nullopt;
        text.remove_prefix(start);
        if (field == first_field)
            state = text.front();
        std::from_chars(text.data(), text.data() + text.size(), values[field]);
        text.remove_prefix(std::min(text.find(' '), text.size()));
    }
    return Stat{state, values[parent], values[first_time] + values[first_time + 1],
                values[first_time + 2] + values[first_time + 3], static_cast<int>(values[cpu])};
}

/// Whether what is below us waits for nothing but events. A kernel that traces its guest's processes
/// keeps those in 't' while they do not run; it is itself in 't' only in somebody's debugger.
bool all_asleep(const std::map<std::uint64_t, Stat>& processes) {
    return std::ranges::none_of(processes, [&](const auto& entry) {
        const Stat& process = entry.second;
        const auto parent = processes.find(process.parent);
        const bool is_init = process.parent == 1;
        const bool is_kernel = parent != processes.end() && parent->second.parent == 1;
        return std::string_view("RDT").find(process.state) != std::string_view::npos ||
               (process.state == 't' && (is_init || is_kernel));
    });
}

/// The last number of the NSpid line of /proc/PID/status: its name in its own namespace.
int parse_inner_pid(std::string_view text) {
    constexpr std::string_view key = "\nNSpid:";
    const auto start = text.find(key);
    if (start == std::string_view::npos)
        return 0;
    text.remove_prefix(start + key.size());
    text = text.substr(0, text.find('\n'));
    const auto last = text.find_last_of("\t ");
    int pid = 0;
    if (last != std::string_view::npos)
        std::from_chars(text.data() + last + 1, text.data() + text.size(), pid);
    return pid;
}

/// Nothing if the process has just ended; then its parent has its time.
std::optional<std::string> read_view(std::string_view pid, std::string_view file) {
    const auto fd =
        sys::open_at(process_view_fd, fmt::format("{}/{}", pid, file), O_RDONLY | O_NOFOLLOW);
    if (!fd)
        return std::nullopt;
    std::array<std::uint8_t, 4096> buffer{};
    const auto count = sys::read(fd->get(), buffer);
    return count ? std::optional(std::string(as_text({buffer.data(), *count}))) : std::nullopt;
}

} // namespace

int open_process_view() {
    const int context = ::fsopen("proc", FSOPEN_CLOEXEC);
    if (context == -1)
        return -1;
    int mount = -1;
    if (::fsconfig(context, FSCONFIG_SET_STRING, "subset", "pid", 0) == 0 &&
        ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0)
        mount =
            ::fsmount(context, FSMOUNT_CLOEXEC,
                      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    ::close(context);
    return mount;
}

int open_cpu_times() {
    return ::open("/proc/stat", O_RDONLY | O_CLOEXEC);
}

std::optional<Below> look_below() {
    auto listing = sys::open_at(process_view_fd, ".", O_RDONLY | O_DIRECTORY);
    if (!listing)
        return std::nullopt;
    DIR* directory = ::fdopendir(listing->get());
    if (directory == nullptr)
        return std::nullopt;
    (void)listing->release();
    Below below;
    std::map<std::uint64_t, Stat> processes;
    std::uint64_t ticks = 0;
    while (const dirent* entry = ::readdir(directory)) {
        const std::string_view pid = entry->d_name;
        if (pid[0] < '1' || pid[0] > '9')
            continue;
        if (below.pids.size() >= Below::max_pids) {
            ::closedir(directory);
            return std::nullopt;
        }
        const auto text = read_view(pid, "stat");
        const auto stat = text ? parse_stat(*text) : std::nullopt;
        if (!stat)
            continue;
        ticks += stat->waited_ticks;
        if (pid == "1")
            continue; // ourselves
        ticks += stat->own_ticks;
        below.cpu = stat->cpu;
        processes.emplace(std::strtoul(entry->d_name, nullptr, 10), *stat);
        below.pids.emplace_back(pid);
    }
    ::closedir(directory);
    constexpr auto tick = std::chrono::milliseconds(10); // USER_HZ is 100 on x86-64
    below.cpu_time = tick * ticks;
    below.asleep = all_asleep(processes);
    return below;
}

std::optional<std::string> read_cpu_times() {
    std::string text;
    std::array<std::uint8_t, 4096> buffer{};
    constexpr std::size_t limit = std::size_t{256} << 10;
    while (text.size() < limit) {
        const ssize_t count =
            ::pread(cpu_times_fd, buffer.data(), buffer.size(), static_cast<off_t>(text.size()));
        if (count < 0)
            return std::nullopt;
        text += as_text({buffer.data(), static_cast<std::size_t>(count)});
        // The lines of the CPUs come first.
        if (count == 0 || text.find("\nintr ") != std::string::npos)
            break;
    }
    return text;
}

Status place(int lifeline, int cpu, const Below& below) {
    // One packet is read at a time, into a buffer of init's.
    constexpr std::size_t per_packet = 255;
    std::vector<int> packet = {cpu};
    const auto send = [&]() -> Status {
        const BytesView bytes{reinterpret_cast<const std::uint8_t*>(packet.data()),
                              packet.size() * sizeof(int)};
        if (::send(lifeline, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
            return fail_errno("send", "init of the engine");
        packet.resize(1);
        return {};
    };
    for (const std::string& pid : below.pids) {
        const auto text = read_view(pid, "status");
        if (const int inner = text ? parse_inner_pid(*text) : 0; inner > 1)
            packet.push_back(inner);
        if (packet.size() > per_packet)
            MSB_TRY(send());
    }
    return send();
}

} // namespace msb::jail
