#include "sandbox/disk_copy.hpp"

#include "base/system.hpp"
#include "disk/ext4_options.hpp"
#include "sandbox/frozen_guest.hpp"
#include "sandbox/owned_storage.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <fmt/format.h>

namespace msb {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds connect_timeout{2};
/// How much is copied to see how fast that is.
constexpr std::uint64_t sample = std::uint64_t{64} << 20;

struct Files {
    OwnedFd from;
    OwnedFd to;
    std::uint64_t size = 0;
};

/// What can be written by its runtime is not believed to be a file of some size.
Result<Files> open_files(const std::string& source, const std::string& target) {
    Files files{.from = MSB_TRY(open_disk(source)), .to = {}};
    files.size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(files.from.get())).st_size);
    if (files.size < disk::min_size || files.size > disk::max_size)
        return fail(ErrorKind::corrupt, "'" + source + "' has no size that a disk has");
    files.to = MSB_TRY(sys::open(target, O_RDWR | O_CREAT | O_EXCL, 0600));
    return files;
}

/// How long copying all of it takes, by a part of it.
Result<std::chrono::duration<double>> estimate(const Files& files) {
    const auto total =
        static_cast<std::uint64_t>(MSB_TRY(sys::fstat(files.from.get())).st_blocks) * 512;
    std::uint64_t done = 0;
    const auto begun = Clock::now();
    const Status copied =
        disk::copy_sparse(files.from.get(), files.to.get(), [&](std::uint64_t now, std::uint64_t) {
            done = now;
            return done >= sample;
        });
    const std::chrono::duration<double> took = Clock::now() - begun;
    if (!copied && copied.error().kind() != ErrorKind::cancelled)
        return fail(copied.error());
    MSB_TRY(sys::truncate(files.to.get(), 0));
    return took *
           (static_cast<double>(total) / static_cast<double>(std::max<std::uint64_t>(done, 1)));
}

/// What was copied is on its way to storage while the rest is copied: it is to be durable soon.
disk::Watch writing_out(const Files& files, const disk::Watch& watch) {
    return [to = files.to.get(), &watch](std::uint64_t done, std::uint64_t total) {
        (void)::sync_file_range(to, 0, 0, SYNC_FILE_RANGE_WRITE);
        return watch && watch(done, total);
    };
}

std::unexpected<Error> runs(const std::string& name, std::string hint) {
    return fail(Error(ErrorKind::busy, "snapshot source sandbox '" + name + "' is not stopped")
                    .with_hint(std::move(hint)));
}

Status copy_from_running(const Home& home, const std::string& name, const Files& files,
                         const disk::Watch& watch) {
    FrozenGuest guest = MSB_TRY(FrozenGuest::freeze(
        MSB_TRY(RuntimeDoor::connect(home.runtime_socket(name), connect_timeout))));
    Status kept;
    const Status copied = disk::copy_sparse(files.from.get(), files.to.get(),
                                            [&](std::uint64_t done, std::uint64_t total) {
                                                kept = guest.keep();
                                                return !kept || (watch && watch(done, total));
                                            });
    MSB_TRY(std::move(kept));
    MSB_TRY(Status(copied));
    return guest.thaw();
}

} // namespace

Result<OwnedFd> open_disk(const std::string& path) {
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!S_ISREG(MSB_TRY(sys::fstat(fd.get())).st_mode))
        return fail(ErrorKind::corrupt, "'" + path + "' is not a file");
    return fd;
}

Result<std::string> own_disk(const Home& home, const SandboxSpec& spec) {
    const std::string who = "sandbox '" + spec.name + "' ";
    if (spec.root == RootSource::disk)
        return fail(ErrorKind::unsupported, who + "has a disk image of the user's as root");
    switch (spec.root_disk.kind) {
    case RootDisk::Kind::managed: return SandboxFiles{home.sandbox(spec.name)}.upper();
    case RootDisk::Kind::flat: return SandboxFiles{home.sandbox(spec.name)}.flat_root();
    case RootDisk::Kind::tmpfs:
        return fail(ErrorKind::unsupported,
                    who + "uses a tmpfs root disk, which is gone when it stops");
    case RootDisk::Kind::image:
        return fail(ErrorKind::unsupported, who + "uses a user-owned disk image as root disk");
    }
    return fail(ErrorKind::unsupported, who + "has no root disk");
}

Result<DiskCopy> copy_disk(Sandboxes& sandboxes, const std::string& sandbox,
                           const std::string& path, bool while_frozen, const disk::Watch& watch) {
    const Home& home = sandboxes.home();
    auto still = sandboxes.hold_still(sandbox);
    if (still) {
        const SandboxSpec& spec = still->view.spec;
        const Files files = MSB_TRY(open_files(MSB_TRY(own_disk(home, spec)), path));
        MSB_TRY(disk::copy_sparse(files.from.get(), files.to.get(), writing_out(files, watch)));
        return DiskCopy{spec, files.size, std::move(*still)};
    }
    const std::string stop = "stop it first: msb stop " + sandbox;
    if (still.error().kind() != ErrorKind::busy)
        return fail(still.error());
    const SandboxView view = MSB_TRY(sandboxes.get(sandbox));
    if (view.state.status != SandboxStatus::running)
        return runs(sandbox, stop);
    if (has_owned_storage(view.spec))
        return fail(Error(ErrorKind::busy,
                          "sandbox '" + sandbox +
                              "' runs, and has storage of its own (--mount-owned), which is not "
                              "held still")
                        .with_hint(stop));
    const Files files = MSB_TRY(open_files(MSB_TRY(own_disk(home, view.spec)), path));
    if (!while_frozen && !disk::can_share(files.from.get(), files.to.get()))
        return runs(sandbox,
                    fmt::format("{}; or --copy-while-frozen: here the guest could not write to its "
                                "disk for about {:.1f} s",
                                stop, std::max(0.1, MSB_TRY(estimate(files)).count())));
    MSB_TRY_WRAP(copy_from_running(home, sandbox, files, watch),
                 "cannot copy the disk of '" + sandbox + "' while it runs");
    return DiskCopy{view.spec, files.size, {}};
}

} // namespace msb
