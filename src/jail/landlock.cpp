#include "jail/landlock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::jail {

namespace {

// The kernel's interface, spelled out because build machines have headers older than the kernels
// this runs on.
struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net; // ABI 4
    std::uint64_t scoped;             // ABI 6
};
struct [[gnu::packed]] PathBeneath {
    std::uint64_t allowed_access;
    std::int32_t parent_fd;
};
constexpr unsigned create_version = 1;
constexpr int rule_path_beneath = 1;

namespace right {
constexpr std::uint64_t execute = 1 << 0, write_file = 1 << 1, read_file = 1 << 2,
                        read_dir = 1 << 3, truncate = 1 << 14, ioctl_dev = 1 << 15;
constexpr std::uint64_t up_to_abi1 = (1 << 13) - 1; // execute .. make_sym
constexpr std::uint64_t refer = 1 << 13;
} // namespace right

constexpr std::uint64_t net_bind_tcp = 1, net_connect_tcp = 2;
constexpr std::uint64_t scope_abstract_sockets_and_signals = 3;

std::uint64_t known_file_rights(int abi) {
    std::uint64_t rights = right::up_to_abi1;
    if (abi >= 2)
        rights |= right::refer;
    if (abi >= 3)
        rights |= right::truncate;
    if (abi >= 5)
        rights |= right::ioctl_dev;
    return rights;
}

std::uint64_t rights_of(FileRule::Access access, bool directory) {
    const std::uint64_t file_rights =
        right::execute | right::write_file | right::read_file | right::truncate | right::ioctl_dev;
    std::uint64_t rights = 0;
    switch (access) {
    case FileRule::Access::read: rights = right::read_file | right::read_dir; break;
    case FileRule::Access::execute:
        rights = right::read_file | right::read_dir | right::execute;
        break;
    case FileRule::Access::write_file:
        rights = right::read_file | right::write_file | right::truncate;
        break;
    case FileRule::Access::everything: rights = ~(right::execute | right::ioctl_dev); break;
    case FileRule::Access::everything_and_execute: rights = ~right::ioctl_dev; break;
    }
    return directory ? rights : rights & file_rights;
}

Step add_rule(int ruleset, const FileRule& rule, std::uint64_t known) {
    const int fd = rule.fd >= 0 ? ::fcntl(rule.fd, F_DUPFD_CLOEXEC, 0)
                                : ::open(rule.path.c_str(), O_PATH | O_CLOEXEC);
    MSB_STEP(check(fd, "open", rule.path.c_str()));
    struct stat info{};
    Step step = check(::fstat(fd, &info), "fstat", rule.path.c_str());
    if (step) {
        const PathBeneath beneath{rights_of(rule.access, S_ISDIR(info.st_mode)) & known, fd};
        step = check(::syscall(SYS_landlock_add_rule, ruleset, rule_path_beneath, &beneath, 0U),
                     "landlock_add_rule", rule.path.c_str());
    }
    ::close(fd);
    return step;
}

} // namespace

int landlock_abi() {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, create_version);
    return abi > 0 ? static_cast<int>(abi) : 0;
}

Step restrict_files(const std::vector<FileRule>& rules, Tcp tcp) {
    const int abi = landlock_abi();
    if (abi == 0)
        return {};
    const std::uint64_t known = known_file_rights(abi);
    RulesetAttributes attributes{known, 0, 0};
    std::size_t size = sizeof(attributes.handled_access_fs);
    if (abi >= 4) {
        attributes.handled_access_net = net_bind_tcp | (tcp == Tcp::none ? net_connect_tcp : 0);
        size += sizeof(attributes.handled_access_net);
    }
    if (abi >= 6) {
        attributes.scoped = scope_abstract_sockets_and_signals;
        size += sizeof(attributes.scoped);
    }
    const int ruleset =
        static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0U));
    MSB_STEP(check(ruleset, "landlock_create_ruleset"));
    Step step;
    for (const FileRule& rule : rules)
        if (step = add_rule(ruleset, rule, known); !step)
            break;
    if (step)
        step = check(::syscall(SYS_landlock_restrict_self, ruleset, 0U), "landlock_restrict_self");
    ::close(ruleset);
    return step;
}

} // namespace msb::jail
