#include "jail/process_view.hpp"

#include "base/system.hpp"
#include "jail/jail.hpp"

#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace msb::jail {

namespace {

/// Clock ticks (sysconf(_SC_CLK_TCK), 1/100 s) a process and the children it has waited for spent.
struct Ticks {
    std::uint64_t own = 0, children = 0;
};

/// proc(5), /proc/PID/stat: fields 14 to 17, counted from behind the name in parentheses.
std::optional<Ticks> parse_stat(std::string_view text) {
    const auto name_end = text.rfind(')');
    if (name_end == std::string_view::npos)
        return std::nullopt;
    text.remove_prefix(name_end + 1);
    std::uint64_t values[4] = {};
    for (int field = 3; field <= 17; ++field) {
        const auto start = text.find_first_not_of(' ');
        if (start == std::string_view::npos)
            return std::nullopt;
        text.remove_prefix(start);
        if (field >= 14)
            std::from_chars(text.data(), text.data() + text.size(), values[field - 14]);
        text.remove_prefix(std::min(text.find(' '), text.size()));
    }
    return Ticks{values[0] + values[1], values[2] + values[3]};
}

std::optional<Ticks> ticks_of(const char* pid) {
    const auto fd = sys::open_at(process_view_fd, std::string(pid) + "/stat", O_RDONLY);
    if (!fd)
        return std::nullopt; // it has just ended; its parent has its time now
    std::array<std::uint8_t, 1024> buffer{};
    const auto count = sys::read(fd->get(), buffer);
    return count ? parse_stat(as_text({buffer.data(), *count})) : std::nullopt;
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

std::optional<std::chrono::nanoseconds> cpu_time_below() {
    auto listing = sys::open_at(process_view_fd, ".", O_RDONLY | O_DIRECTORY);
    if (!listing)
        return std::nullopt;
    DIR* directory = ::fdopendir(listing->get());
    if (directory == nullptr)
        return std::nullopt;
    (void)listing->release();
    std::uint64_t ticks = 0;
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        const auto spent = ticks_of(entry->d_name);
        const bool self = std::string_view(entry->d_name) == "1";
        if (spent)
            ticks += spent->children + (self ? 0 : spent->own);
    }
    ::closedir(directory);
    constexpr auto tick = std::chrono::milliseconds(10); // USER_HZ is 100 on x86-64
    return tick * ticks;
}

} // namespace msb::jail
