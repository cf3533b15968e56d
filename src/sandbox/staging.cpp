#include "sandbox/staging.hpp"

#include "base/file.hpp"
#include "base/system.hpp"

#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view suffix = ".staging";

std::string staging_path(const std::string& target, const std::string& more = {}) {
    return parent_of(target) + "/." + target.substr(target.rfind('/') + 1) + more +
           std::string(suffix);
}

/// The directory, locked, if nobody else has it; none if it went away meanwhile.
Result<OwnedFd> lock_directory(const std::string& path) {
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    MSB_TRY(sys::lock_exclusive(fd.get(), 0ms, path));
    const struct stat ours = MSB_TRY(sys::fstat(fd.get()));
    const struct stat there = MSB_TRY(sys::lstat(path));
    if (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
        return fail(ErrorKind::not_found, "'" + path + "' was replaced");
    return fd;
}

Status sync_directory(const std::string& path) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    return sys::fsync(fd.get(), path);
}

Status rename_with(const std::string& from, const std::string& to, unsigned flags) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == -1)
        return fail_errno("rename", to);
    return {};
}

} // namespace

Result<Staging> Staging::begin(const std::string& target) {
    MSB_TRY(make_directories(parent_of(target), 0700));
    const std::string path = staging_path(target);
    for (;;) {
        if (::mkdir(path.c_str(), 0700) == 0) {
            // Another process may take it for rubbish until it is locked.
            auto fd = lock_directory(path);
            if (fd)
                return Staging(target, path, std::move(*fd));
            if (fd.error().kind() == ErrorKind::not_found || fd.error().kind() == ErrorKind::busy)
                continue;
            return fail(fd.error());
        }
        if (errno != EEXIST)
            return fail_errno("mkdir", path);
        auto left = lock_directory(path);
        if (left)
            MSB_TRY(remove_tree(path));
        else if (left.error().kind() == ErrorKind::busy)
            return fail(ErrorKind::busy, "'" + target + "' is being made by another command");
        else if (left.error().kind() != ErrorKind::not_found)
            return fail(left.error());
    }
}

Staging::~Staging() {
    if (lock_)
        (void)remove_tree(path_);
}

Status Staging::publish(bool replace) {
    MSB_TRY(sys::fsync(lock_.get(), path_));
    Status placed = rename_with(path_, target_, RENAME_NOREPLACE);
    bool replaced = false;
    if (!placed && placed.error().kind() == ErrorKind::already_exists && replace) {
        placed = rename_with(path_, target_, RENAME_EXCHANGE);
        replaced = placed.has_value();
    }
    MSB_TRY(Status(placed));
    lock_.reset();
    MSB_TRY(sync_directory(parent_of(target_)));
    if (replaced) // or somebody sweeps it
        (void)remove_tree(path_);
    return {};
}

Status Staging::remove(const std::string& directory) {
    const OwnedFd lock = MSB_TRY(lock_directory(directory));
    const std::string away = staging_path(directory, ":" + std::to_string(::getpid()));
    MSB_TRY(sys::rename(directory, away));
    MSB_TRY(sync_directory(parent_of(directory)));
    return remove_tree(away);
}

void Staging::sweep(const std::string& parent) {
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(parent.c_str()), ::closedir);
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (!name.starts_with('.') || !name.ends_with(suffix))
            continue;
        const std::string path = parent + "/" + std::string(name);
        if (const auto lock = lock_directory(path))
            (void)remove_tree(path);
    }
}

} // namespace msb
