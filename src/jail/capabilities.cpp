#include "jail/capabilities.hpp"

#include <array>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::jail {

namespace {

constexpr int highest_known = 63;

struct Sets {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
};

} // namespace

std::uint64_t setup_capabilities() {
    std::uint64_t set = 0;
    for (const int number : {CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_DAC_OVERRIDE,
                             CAP_FOWNER, CAP_CHOWN, CAP_SYS_CHROOT})
        set |= std::uint64_t{1} << number;
    return set;
}

Step bound_capabilities(std::uint64_t keep) {
    if (!has_capability(CAP_SETPCAP))
        return {};
    for (int number = 0; number <= highest_known; ++number) {
        if ((keep >> number & 1) != 0)
            continue;
        if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == -1) {
            if (errno == EINVAL) // past the last capability this kernel knows
                break;
            return check(-1, "prctl(PR_CAPBSET_DROP)");
        }
    }
    if (keep != 0)
        return {};
    constexpr unsigned long bits =
        SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP | SECBIT_NO_CAP_AMBIENT_RAISE | SECURE_ALL_LOCKS;
    return check(::prctl(PR_SET_SECUREBITS, bits, 0, 0, 0), "prctl(PR_SET_SECUREBITS)");
}

Step set_capabilities(std::uint64_t keep) {
    MSB_STEP(check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0),
                   "prctl(PR_CAP_AMBIENT_CLEAR_ALL)"));
    Sets sets;
    for (unsigned word = 0; word < 2; ++word) {
        const auto bits = static_cast<std::uint32_t>(keep >> (32 * word));
        sets.data[word] = {.effective = bits, .permitted = bits, .inheritable = bits};
    }
    MSB_STEP(check(::syscall(SYS_capset, &sets.header, sets.data.data()), "capset"));
    for (int number = 0; number <= highest_known; ++number)
        if ((keep >> number & 1) != 0)
            MSB_STEP(check(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0),
                           "prctl(PR_CAP_AMBIENT_RAISE)"));
    return {};
}

bool has_capability(int capability) {
    Sets sets;
    if (::syscall(SYS_capget, &sets.header, sets.data.data()) == -1)
        return false;
    return (sets.data[static_cast<unsigned>(capability) / 32].effective >> (capability % 32) & 1) !=
           0;
}

} // namespace msb::jail
