#include "agent/boot/identity.hpp"

#include "agent/boot/made.hpp"
#include "agent/boot/network.hpp"
#include "agent/core/users.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/random.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::agent {

namespace {

Result<OwnedFd> open_directory_in_root(int root_fd, const char* directory) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (bool made = false;; made = true) {
        OwnedFd fd(static_cast<int>(::syscall(SYS_openat2, root_fd, directory, &how, sizeof(how))));
        if (fd && made)
            mark_made(MSB_TRY(sys::open_at(fd.get(), ".", O_RDONLY | O_DIRECTORY)).get());
        if (fd)
            return fd;
        if (errno != ENOENT || made)
            return fail_errno("openat2", directory);
        if (::mkdirat(root_fd, directory, 0755) == -1 && errno != EEXIST)
            return fail_errno("mkdir", directory);
    }
}

Status set_loopback_up() {
    const OwnedFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return {}; // a kernel without IP has no loopback to miss
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) == -1)
        return fail_errno("ioctl(SIOCSIFFLAGS)", "lo");
    return {};
}

} // namespace

Status write_below(int root_fd, const char* directory, const char* name, std::string_view text) {
    const OwnedFd dir = MSB_TRY(open_directory_in_root(root_fd, directory));
    struct stat info{};
    if (::fstatat(dir.get(), name, &info, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(info.st_mode)) {
        const bool is_directory = S_ISDIR(info.st_mode);
        if (::unlinkat(dir.get(), name, is_directory ? AT_REMOVEDIR : 0) == -1)
            return fail_errno("unlink", name);
    }
    const OwnedFd file = MSB_TRY(sys::open_at(
        dir.get(), name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0644));
    MSB_TRY(sys::write_all(file.get(), as_bytes(text)));
    mark_made(file.get());
    return {};
}

std::string hosts_file(const std::string& hostname) {
    std::string text = "127.0.0.1\tlocalhost";
    if (!hostname.empty() && hostname != "localhost")
        text += " " + hostname;
    return text + "\n::1\tlocalhost ip6-localhost ip6-loopback\n"
                  "fe00::0\tip6-localnet\nff00::0\tip6-mcastprefix\n"
                  "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";
}

Status set_up_host_identity(const wire::Bootstrap& bootstrap) {
    const std::string hostname = bootstrap.hostname.value_or("");
    const OwnedFd root = MSB_TRY(sys::open("/", O_PATH | O_DIRECTORY));
    if (!hostname.empty()) {
        if (::sethostname(hostname.data(), hostname.size()) == -1)
            return fail_errno("sethostname", hostname);
        MSB_TRY(write_below(root.get(), "etc", "hostname", hostname + "\n"));
    }
    MSB_TRY(write_below(root.get(), "etc", "hosts",
                        hosts_file(hostname) + host_alias_lines(bootstrap)));
    return set_loopback_up();
}

Status seed_random(BytesView entropy) {
    // struct rand_pool_info: entropy_count in bits, buf_size in bytes, then the bytes.
    std::array<std::uint8_t, 8 + 512> request;
    const std::size_t size = std::min(entropy.size(), request.size() - 8);
    const std::int32_t header[2] = {static_cast<std::int32_t>(size * 8),
                                    static_cast<std::int32_t>(size)};
    std::memcpy(request.data(), header, sizeof(header));
    std::copy_n(entropy.begin(), size, request.begin() + 8);
    const OwnedFd device = MSB_TRY(sys::open("/dev/urandom", O_WRONLY));
    if (::ioctl(device.get(), RNDADDENTROPY, request.data()) == -1)
        return fail_errno("ioctl(RNDADDENTROPY)");
    return {};
}

Result<wire::InitResolved> resolve_default_user(const std::string& user) {
    if (user.empty() || user == "0" || user == "root")
        return wire::InitResolved{};
    std::vector<char> scratch(std::size_t{32} << 10);
    const auto identity = std::make_unique<Identity>();
    const UserError error = resolve_identity(user, "/etc/passwd", "/etc/group", scratch, *identity);
    if (error != UserError::none)
        return fail(ErrorKind::not_found,
                    std::string("guest ") + (error == UserError::unknown_group ? "group" : "user") +
                        " not found: " + user);
    return wire::InitResolved{identity->uid, identity->gid};
}

} // namespace msb::agent
