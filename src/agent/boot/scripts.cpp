#include "agent/boot/scripts.hpp"

#include "agent/boot/made.hpp"
#include "agent/boot/root.hpp"
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr const char* directory = "/.msb";
constexpr const char* scripts_directory = "/.msb/scripts";
/// Login shells of many distributions set PATH anew.
constexpr std::string_view profile_block = "\n# >>> microsandbox scripts >>>\n"
                                           "export PATH=\"/.msb/scripts:$PATH\"\n"
                                           "# <<< microsandbox scripts <<<\n";
constexpr std::size_t profile_limit = std::size_t{1} << 20;

Status write_script(int directory_fd, const wire::Script& script) {
    const OwnedFd file =
        MSB_TRY(sys::open_at(directory_fd, script.name, O_WRONLY | O_CREAT | O_EXCL, 0755));
    MSB_TRY(sys::write_all(file.get(), as_bytes(script.body)));
    if (::fchmod(file.get(), 0755) == -1) // whatever the umask
        return fail_errno("fchmod", script.name);
    return {};
}

/// Only where there is a profile: without one nothing resets PATH.
void extend_profile() {
    auto file = sys::open("/etc/profile", O_RDWR | O_NONBLOCK);
    if (!file)
        return;
    Bytes text(profile_limit);
    const ssize_t size = ::pread(file->get(), text.data(), text.size(), 0);
    if (size < 0 || size == static_cast<ssize_t>(text.size()))
        return;
    if (as_text(BytesView(text).first(static_cast<std::size_t>(size))).find(profile_block) !=
        std::string_view::npos)
        return;
    (void)!::pwrite(file->get(), profile_block.data(), profile_block.size(), size);
}

} // namespace

Result<OwnedFd> make_own_directory() {
    struct stat info{};
    if (!exists(directory))
        MSB_TRY(make_own_directories(directory));
    if (::lstat(directory, &info) == -1 || !S_ISDIR(info.st_mode))
        return fail(ErrorKind::invalid_argument, "the image's /.msb is not a directory");
    MSB_TRY(mount_at("msb", directory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
    return sys::open(directory, O_RDONLY | O_DIRECTORY);
}

Status install_scripts(const std::vector<wire::Script>& scripts) {
    if (scripts.empty())
        return {};
    if (::mkdir(scripts_directory, 0755) == -1)
        return fail_errno("mkdir", scripts_directory);
    ::chmod(scripts_directory, 0755);
    const OwnedFd target = MSB_TRY(sys::open(scripts_directory, O_RDONLY | O_DIRECTORY));
    for (const wire::Script& script : scripts)
        MSB_TRY(write_script(target.get(), script));
    extend_profile();
    return {};
}

} // namespace msb::agent
