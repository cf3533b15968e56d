#include "agent/boot/modules.hpp"

#include "agent/boot/made.hpp"
#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace msb::agent {

namespace {

constexpr const char* boot_directory = "/modules"; ///< in the initramfs
constexpr const char* shown_directory = "/.msb/modules";
constexpr const char* helper = "/.msb/modprobe";
constexpr const char* helper_setting = "/proc/sys/kernel/modprobe";

Status insert(const std::string& path) {
    const OwnedFd file = MSB_TRY(sys::open(path, O_RDONLY));
    if (::syscall(SYS_finit_module, file.get(), "", 0) == -1 && errno != EEXIST)
        return fail_errno("finit_module", path);
    return {};
}

/// Takes the next line off `text`.
std::string_view next_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

/// Takes the next word off `line`.
std::string_view next_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

/// The kernel takes '-' and '_' in names for the same.
std::string plain(std::string_view name) {
    std::string result(name);
    std::ranges::replace(result, '-', '_');
    return result;
}

/// "kernel/net/virtio-net.ko" -> "virtio_net"
std::string module_name(std::string_view file) {
    file.remove_prefix(file.find_last_of('/') + 1);
    return plain(file.substr(0, file.find('.')));
}

/// "a.ko: b.ko c.ko": a module, and those it needs, the nearest first.
void add_with_dependencies(std::vector<std::string>& files, const std::string& module,
                           std::string_view dependencies) {
    while (!dependencies.empty()) {
        std::string_view line = next_line(dependencies);
        const std::string_view file = line.substr(0, line.find(':'));
        if (module_name(file) != module)
            continue;
        line.remove_prefix(std::min(file.size() + 1, line.size()));
        std::vector<std::string> all{std::string(file)};
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
            all.emplace_back(word);
        std::ranges::reverse(all);
        for (const std::string& one : all)
            if (std::ranges::find(files, one) == files.end())
                files.push_back(one);
    }
}

/// A directory or file of the initramfs, seen at `target`.
bool bind(int initramfs, const char* path, const char* target) {
    const auto source = sys::open_at(initramfs, path, O_PATH);
    if (!source)
        return false;
    const std::string name = "/proc/self/fd/" + std::to_string(source->get());
    return ::mount(name.c_str(), target, nullptr, MS_BIND, nullptr) == 0;
}

/// Where the modules of the running kernel belong, if the image has a program that looks there.
std::string image_directory() {
    utsname system{};
    if ((::access("/sbin/modprobe", X_OK) == -1 && ::access("/usr/sbin/modprobe", X_OK) == -1) ||
        ::uname(&system) == -1)
        return {};
    const std::string directory = std::string("/lib/modules/") + system.release;
    return exists(directory + "/modules.dep") ? std::string() : directory; // it has its own
}

/// "tun net/tun c10:200" of modules.devname: device files that exist before their driver does, for
/// opening one is what makes the kernel ask for it.
void make_device_files(std::string_view list) {
    while (!list.empty()) {
        std::string_view line = next_line(list);
        (void)next_word(line);
        const std::string path = "/dev/" + std::string(next_word(line));
        const std::string device(next_word(line));
        unsigned major = 0, minor = 0;
        char kind = 0;
        if (std::sscanf(device.c_str(), "%c%u:%u", &kind, &major, &minor) != 3)
            continue;
        const mode_t type = kind == 'b' ? S_IFBLK : S_IFCHR;
        if (make_directories(path.substr(0, path.find_last_of('/'))))
            (void)::mknod(path.c_str(), type | 0600, makedev(major, minor)); // or it is there
    }
}

} // namespace

Status load_modules() {
    const std::string directory = boot_directory;
    const auto order = read_file(directory + "/order");
    if (!order)
        return order.error().kind() == ErrorKind::not_found ? Status{} : fail(order.error());
    for (std::string_view rest = *order; !rest.empty();) {
        const std::string path = directory + "/" + std::string(next_line(rest));
        MSB_TRY(insert(path));
        ::unlink(path.c_str()); // the memory is needed for better things
    }
    ::unlink((directory + "/order").c_str());
    return {};
}

void offer_modules(int initramfs) {
    const std::string directory = image_directory();
    const bool asks = ::access(helper_setting, F_OK) == 0;
    if ((!asks && directory.empty()) || ::mkdir(shown_directory, 0755) == -1 ||
        !bind(initramfs, boot_directory + 1, shown_directory))
        return;
    if (!directory.empty() && make_own_directories(directory))
        (void)::mount(shown_directory, directory.c_str(), nullptr, MS_BIND, nullptr);
    if (!asks)
        return;
    const auto place = sys::open(helper, O_WRONLY | O_CREAT | O_EXCL, 0755);
    if (!place || !bind(initramfs, "init", helper))
        return;
    const auto setting = sys::open(helper_setting, O_WRONLY);
    if (!setting || !sys::write_all(setting->get(), as_bytes(std::string_view(helper))))
        return;
    if (const auto devices = read_file(std::string(shown_directory) + "/modules.devname"))
        make_device_files(*devices);
}

std::vector<std::string> modules_for(std::string_view name, std::string_view dependencies,
                                     std::string_view aliases) {
    const std::string wanted = plain(name);
    std::vector<std::string> files;
    add_with_dependencies(files, wanted, dependencies);
    while (files.empty() && !aliases.empty()) {
        std::string_view line = next_line(aliases); // "alias PATTERN MODULE"
        if (next_word(line) != "alias")
            continue;
        const std::string pattern = plain(next_word(line));
        if (::fnmatch(pattern.c_str(), wanted.c_str(), 0) == 0)
            add_with_dependencies(files, plain(next_word(line)), dependencies);
    }
    return files;
}

bool is_modprobe(std::span<char* const> arguments) {
    return !arguments.empty() && std::string_view(arguments[0]).ends_with("/modprobe");
}

int run_modprobe(std::span<char* const> arguments) {
    const std::string directory = shown_directory;
    const auto dependencies = read_file(directory + "/modules.dep");
    const auto aliases = read_file(directory + "/modules.alias");
    if (!dependencies || !aliases)
        return 1;
    // The kernel's are "-q -- NAME".
    for (const std::string_view name : arguments.subspan(1)) {
        if (name.starts_with('-'))
            continue;
        const auto files = modules_for(name, *dependencies, *aliases);
        for (const std::string& file : files)
            if (!insert(directory + "/" + file))
                return 1;
        if (files.empty())
            return 1;
    }
    return 0;
}

} // namespace msb::agent
