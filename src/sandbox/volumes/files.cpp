#include "sandbox/volumes/files.hpp"

#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/system.hpp"
#include "image/helper.hpp"
#include "sandbox/volumes/disk_lock.hpp"
#include "tar/fd_stream.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

constexpr auto user_wait = 300ms;

class Watching : public image::Progress {
  public:
    explicit Watching(const disk::Watch& watch) : watch_(watch) {}
    bool cancelled() override { return watch_ && watch_(0, 0); }

  private:
    const disk::Watch& watch_;
};

Result<image::Json> ask(const image::Json& request, int stream, const disk::Watch& watch) {
    Watching progress(watch);
    auto answer =
        image::run_helper(MSB_TRY(libexec_program("volumefs")), request, stream, progress);
    if (!answer && answer.error().kind() == ErrorKind::busy)
        return fail(std::move(answer).error().with_hint(
            "mount the volume in a sandbox once, which plays its journal back"));
    return answer;
}

Status ask_for_nothing(const image::Json& request, int stream, const disk::Watch& watch) {
    MSB_TRY(ask(request, stream, watch));
    return {};
}

std::string descriptor_path(const OwnedFd& fd) {
    return "/proc/self/fd/" + std::to_string(fd.get());
}

} // namespace

Result<VolumeFiles> VolumeFiles::open(const Home& home, const std::string& name, Access access) {
    const Volumes volumes(home);
    const bool disk = MSB_TRY(volumes.open(name)).kind == VolumeKind::disk;
    const bool alone = disk && access == Access::write;
    const auto busy = [&name] {
        return fail(
            Error(ErrorKind::busy, "volume '" + name + "' is in use")
                .with_hint("copy by way of the sandbox that has it mounted, or stop that first"));
    };
    auto lock =
        volumes.lock(name, alone ? Volumes::Lock::exclusive : Volumes::Lock::shared, user_wait);
    if (!lock && lock.error().kind() == ErrorKind::busy)
        return busy();
    VolumeFiles files(MSB_TRY(volumes.open(name)), MSB_TRY(std::move(lock)));
    if (!disk) {
        files.top_ =
            MSB_TRY(sys::open(files.volume_.directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        return files;
    }
    files.disk_ = MSB_TRY(sys::open(files.volume_.disk(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    auto held = lock_disk(home, files.disk_.get(), files.volume_.disk(), !alone);
    if (!held && held.error().kind() == ErrorKind::busy)
        return busy();
    files.disk_lock_ = MSB_TRY(std::move(held));
    return files;
}

Result<OwnedFd> VolumeFiles::open_within(const std::string& path, int flags, mode_t mode) const {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    OwnedFd fd(
        static_cast<int>(::syscall(SYS_openat2, top_.get(), path.c_str(), &how, sizeof(how))));
    if (!fd)
        return fail_errno("open", path);
    return fd;
}

Result<std::optional<bool>> VolumeFiles::is_directory(const std::string& path) const {
    if (is_disk()) {
        const image::Json answer =
            MSB_TRY(ask({{"op", "stat"}, {"disk", volume_.disk()}, {"path", path}}, -1, {}));
        const std::string* kind = answer.find("kind") ? answer.find("kind")->text() : nullptr;
        return kind == nullptr ? std::optional<bool>() : *kind == "directory";
    }
    const auto found = open_within(path, O_PATH);
    if (found)
        return S_ISDIR(MSB_TRY(sys::fstat(found->get())).st_mode);
    if (found.error().sys_errno() == ENOENT)
        return std::nullopt;
    return fail(found.error());
}

Status VolumeFiles::pack(const std::string& path, PackOptions options, int to) const {
    if (is_disk())
        return ask_for_nothing({{"op", "pack"},
                                {"disk", volume_.disk()},
                                {"path", path},
                                {"follow", options.follow},
                                {"name", options.name}},
                               to, {});
    FdSink sink(to);
    TreeProgress progress;
    if (options.follow) {
        const OwnedFd found = MSB_TRY(open_within(path, O_PATH));
        return pack_tree(descriptor_path(found), options, sink, progress);
    }
    // The last name itself is not followed, wherever it leads.
    const OwnedFd parent = MSB_TRY(open_within(parent_of(path), O_PATH | O_DIRECTORY));
    return pack_tree(descriptor_path(parent) + path.substr(path.rfind('/')), options, sink,
                     progress);
}

Result<OwnedFd> VolumeFiles::open_directory(const std::string& path, bool make) const {
    if (path.size() > 1 && path.ends_with('/'))
        return open_directory(path.substr(0, path.size() - 1), make);
    auto found = open_within(path, O_RDONLY | O_DIRECTORY);
    if (found || !make || found.error().sys_errno() != ENOENT || path == "/")
        return found;
    const OwnedFd parent = MSB_TRY(open_directory(parent_of(path), true));
    const std::string name = path.substr(path.rfind('/') + 1);
    if (::mkdirat(parent.get(), name.c_str(), 0755) == -1 && errno != EEXIST)
        return fail_errno("mkdir", path);
    return open_within(path, O_RDONLY | O_DIRECTORY);
}

/// A file system is not changed in one step, so a copy of it is, which then takes its place.
Status VolumeFiles::unpack(const Unpacking& request, int from, const disk::Watch& watch) const {
    const std::string copy = volume_.directory + "/disk.raw.new";
    MSB_TRY(sys::unlink(copy)); // of a command that was killed
    Status done = disk::clone_file(volume_.disk(), copy);
    if (done)
        done = ask_for_nothing({{"op", "unpack"},
                                {"disk", copy},
                                {"path", request.directory},
                                {"only", request.only.value_or("")},
                                {"owners", request.owners},
                                {"parents", request.make_directory}},
                               from, watch);
    if (done)
        done = sys::rename(copy, volume_.disk());
    if (!done) {
        (void)sys::unlink(copy);
        return done;
    }
    const OwnedFd directory = MSB_TRY(sys::open(volume_.directory, O_RDONLY | O_DIRECTORY));
    return sys::fsync(directory.get(), volume_.directory);
}

} // namespace msb
