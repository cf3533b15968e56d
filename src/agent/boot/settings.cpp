#include "agent/boot/settings.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>

namespace msb::agent {

namespace {

struct Setting {
    const char* path;
    std::string_view value;
};

constexpr Setting settings[] = {
    // Browsers and runtimes reserve far more than they use, and more than a small guest has.
    {"/proc/sys/vm/overcommit_memory", "1"},
    // Every user of a guest may listen on port 80 and ping: the guest is alone on its network.
    {"/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"},
    {"/proc/sys/net/ipv4/ping_group_range", "0 2147483647"},
};

/// For every user, as on a machine: what may be done with them is decided elsewhere.
constexpr const char* devices_of_all[] = {"/dev/fuse", "/dev/net/tun"};

} // namespace

void apply_settings() {
    for (const Setting& setting : settings)
        if (const auto file = sys::open(setting.path, O_WRONLY))
            (void)sys::write_all(file->get(), as_bytes(setting.value));
    for (const char* device : devices_of_all)
        ::chmod(device, 0666);
}

} // namespace msb::agent
