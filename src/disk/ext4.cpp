#include "disk/ext4.hpp"

#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/process.hpp"
#include "base/system.hpp"
#include "disk/sparse_copy.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace msb::disk {

namespace {

using namespace std::chrono_literals;

/// Part of the template's name: raise it when format.cpp changes what it writes.
constexpr int format_version = 1;
constexpr auto format_deadline = 60s;

std::string template_name(const Ext4Options& options) {
    return "ext4-v" + std::to_string(format_version) + "-" + std::to_string(options.size) +
           (options.journal ? "" : "-nojournal") + (options.overlay ? "" : "-plain");
}

/// Runs mkext4, which says what went wrong on its standard output.
Status run_formatter(const std::string& path, const Ext4Options& options) {
    const std::string program = MSB_TRY(libexec_program("mkext4"));
    auto output = MSB_TRY(sys::pipe());
    Child child = MSB_TRY_WRAP(
        spawn({.argv = {program, path, std::to_string(options.size),
                        options.journal ? "journal" : "nojournal",
                        options.overlay ? "overlay" : "plain", std::to_string(options.inodes)},
               .fds = {{1, output[1].get()}, {2, 2}}}),
        "cannot start the disk formatter");
    output[1].reset();
    std::array<std::uint8_t, 4096> text;
    const std::size_t length = MSB_TRY(sys::read(output[0].get(), text));
    const auto status = MSB_TRY(child.wait(format_deadline));
    if (!status) {
        (void)child.signal(SIGKILL);
        return fail(ErrorKind::timed_out, "formatting '" + path + "' took too long");
    }
    if (*status == 0)
        return {};
    std::string message(as_text(BytesView(text).first(length)));
    if (message.empty())
        message =
            "the disk formatter ended with status " + std::to_string(shell_exit_code(*status));
    return fail(message.find("No space left") != std::string::npos ? ErrorKind::no_space
                                                                   : ErrorKind::system,
                message);
}

} // namespace

std::string template_directory(const std::string& home) {
    return home + "/cache/templates";
}

Result<std::string> ensure_template(const std::string& home, const Ext4Options& options) {
    const std::string directory = template_directory(home);
    std::string path = directory + "/" + template_name(options);
    if (exists(path))
        return path;
    MSB_TRY(make_directories(directory, 0700));
    // Two first runs at once both format; the second rename replaces an equal file.
    const std::string temporary = temporary_name(path);
    MSB_TRY(sys::unlink(temporary));
    Status made = run_formatter(temporary, options);
    if (made) {
        const OwnedFd fd = MSB_TRY(sys::open(temporary, O_RDWR));
        made = sys::fsync(fd.get(), temporary);
    }
    if (made)
        made = sys::rename(temporary, path);
    if (!made) {
        (void)sys::unlink(temporary);
        return fail(std::move(made).error());
    }
    return path;
}

Status create_disk(const std::string& home, const std::string& path, const Ext4Options& options) {
    Ext4Options rounded = options;
    rounded.size = options.size / 4096 * 4096;
    if (rounded.size < min_size || rounded.size > max_size)
        return fail(ErrorKind::invalid_argument, "a disk must have between 128 MiB and 16 TiB");
    Status cloned = clone_file(MSB_TRY(ensure_template(home, rounded)), path);
    if (!cloned && cloned.error().sys_errno() == ENOENT) // somebody has just cleared the cache
        cloned = clone_file(MSB_TRY(ensure_template(home, rounded)), path);
    return cloned;
}

} // namespace msb::disk
