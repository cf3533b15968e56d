#include "sandbox/volumes/volumes.hpp"

#include "base/closest.hpp"
#include "base/file.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "disk/ext4.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"
#include "sandbox/staging.hpp"
#include "sandbox/volumes/tree.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// Others hold a lock for as long as making or removing a volume takes.
constexpr auto lock_wait = 5s;
constexpr std::size_t max_record_bytes = std::size_t{1} << 20;
constexpr mode_t directory_mode = 0755; // a guest's users other than root may enter it

std::vector<std::string> names_in(const std::string& store) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(store.c_str()), ::closedir);
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
        if (validate_volume_name(entry->d_name))
            names.emplace_back(entry->d_name);
    return names;
}

std::unexpected<Error> not_found(const Home& home, const std::string& name) {
    Error error(ErrorKind::not_found, "volume not found: " + name);
    if (const auto meant = closest(name, names_in(home.volumes())))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    return fail(std::move(error));
}

std::unexpected<Error> taken(const std::string& name) {
    return fail(Error(ErrorKind::already_exists, "volume already exists: " + name)
                    .with_hint("choose another name, or remove it: msb volume rm " + name));
}

Result<Volume> read_record(std::string_view text) {
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    Volume volume;
    if (document.get<std::uint64_t>("schema") != 1)
        document.complain("written by a newer msb");
    const auto kind = parse_volume_kind(document.get<std::string>("kind"));
    if (!kind)
        document.complain(kind.error().message());
    document.get("quota_mib", volume.quota_mib);
    document.get("labels", volume.labels);
    document.get("created_at_ns", volume.created_at_ns);
    MSB_TRY(document.status());
    volume.kind = *kind;
    return volume;
}

Status mismatch(const Volume& volume, const std::string& what, const std::string& is,
                const std::string& wanted) {
    return fail(Error(ErrorKind::invalid_argument,
                      "volume '" + volume.name + "' has the " + what + " " + is + ", not " + wanted)
                    .with_hint("a volume is never changed: use another name, or ask for nothing "
                               "else than it is"));
}

} // namespace

Status Volume::check(const VolumeRequest& wanted) const {
    const auto size = [](std::uint64_t mebibytes) { return std::to_string(mebibytes) + " MiB"; };
    if (wanted.kind && *wanted.kind != kind)
        return mismatch(*this, "kind", std::string(to_string(kind)),
                        std::string(to_string(*wanted.kind)));
    if (wanted.size_mib && *wanted.size_mib * mib != size_bytes)
        return mismatch(*this, "size", size(size_bytes / mib), size(*wanted.size_mib));
    if (wanted.quota_mib && wanted.quota_mib != quota_mib)
        return mismatch(*this, "quota", quota_mib ? size(*quota_mib) : "unlimited",
                        size(*wanted.quota_mib));
    for (const auto& [key, value] : wanted.labels) {
        const auto ours = labels.find(key);
        if (ours == labels.end() || ours->second != value)
            return mismatch(*this, "label " + key,
                            ours == labels.end() ? "-" : "'" + ours->second + "'",
                            "'" + value + "'");
    }
    return {};
}

std::string Volumes::record_path(const std::string& name) const {
    return home_.volumes() + "/.meta/" + name + ".json";
}

Status Volumes::write_record(const Volume& volume) const {
    MSB_TRY(make_directories(home_.volumes() + "/.meta", 0700));
    const json::Value document = {{"schema", 1},
                                  {"kind", to_string(volume.kind)},
                                  {"quota_mib", volume.quota_mib},
                                  {"labels", volume.labels},
                                  {"created_at_ns", volume.created_at_ns}};
    return write_file_atomic(record_path(volume.name), json::to_text(document, 2) + "\n", 0600);
}

Result<OwnedFd> Volumes::lock(const std::string& name, Lock kind,
                              std::chrono::milliseconds wait) const {
    const std::string directory = home_.volumes() + "/.locks";
    MSB_TRY(make_directories(directory, 0700));
    const std::string path = directory + "/" + name + ".lock";
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    if (kind == Lock::exclusive) {
        MSB_TRY(sys::lock_exclusive(fd.get(), wait, path));
        return fd;
    }
    const auto deadline = std::chrono::steady_clock::now() + wait;
    for (;;) {
        const Status locked = sys::lock_shared(fd.get(), path);
        if (locked)
            return fd;
        if (locked.error().kind() != ErrorKind::busy || std::chrono::steady_clock::now() > deadline)
            return fail(locked.error());
        ::usleep(10'000);
    }
}

Result<Volume> Volumes::open(const std::string& name) const {
    MSB_TRY(validate_volume_name(name));
    const std::string directory = home_.volumes() + "/" + name;
    const auto damaged = [&](Error error) {
        return fail(std::move(error)
                        .with_kind(ErrorKind::corrupt)
                        .wrap("volume '" + name + "' is damaged"));
    };
    const auto info = sys::lstat(directory);
    if (!info && info.error().sys_errno() == ENOENT)
        return not_found(home_, name);
    if (!info)
        return damaged(info.error());
    if (!S_ISDIR(info->st_mode))
        return damaged(Error(ErrorKind::corrupt, "'" + directory + "' is no directory"));
    Volume volume;
    const auto text = read_regular_file(record_path(name), max_record_bytes);
    if (text) {
        auto read = read_record(*text);
        if (!read)
            return damaged(std::move(read).error().wrap(record_path(name)));
        volume = std::move(*read);
    } else if (text.error().kind() == ErrorKind::not_found) {
        volume.created_at_ns = info->st_mtim.tv_sec * 1'000'000'000 + info->st_mtim.tv_nsec;
    } else {
        return damaged(text.error());
    }
    volume.name = name;
    volume.directory = directory;
    if (volume.kind == VolumeKind::directory)
        return volume;
    const auto disk = sys::lstat(volume.disk());
    if (!disk)
        return damaged(disk.error());
    if (!S_ISREG(disk->st_mode))
        return damaged(Error(ErrorKind::corrupt, "'" + volume.disk() + "' is no file"));
    volume.size_bytes = static_cast<std::uint64_t>(disk->st_size);
    return volume;
}

/// Gives a volume its place when `fill` has filled it elsewhere.
Result<Volume> Volumes::publish(Volume volume,
                                const std::function<Status(const Volume& staged)>& fill) {
    volume.created_at_ns = unix_time_ns();
    volume.directory = home_.volumes() + "/" + volume.name;
    Staging::sweep(home_.volumes());
    Staging staging = MSB_TRY(Staging::begin(volume.directory));
    Volume staged = volume;
    staged.directory = staging.path();
    MSB_TRY(fill(staged));
    if (volume.kind == VolumeKind::disk) {
        const OwnedFd disk = MSB_TRY(sys::open(staged.disk(), O_RDWR | O_NOFOLLOW));
        MSB_TRY(sys::fsync(disk.get(), staged.disk()));
        volume.size_bytes = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(disk.get())).st_size);
    } else if (::chmod(staging.path().c_str(), directory_mode) == -1) {
        return fail_errno("chmod", staging.path());
    }
    MSB_TRY(write_record(volume));
    MSB_TRY(staging.publish(false));
    return volume;
}

Result<Volume> Volumes::create_locked(const std::string& name, const VolumeRequest& request) {
    MSB_TRY(validate_volume_request(request));
    if (exists(home_.volumes() + "/" + name))
        return taken(name);
    Volume volume;
    volume.name = name;
    volume.kind = request.kind.value_or(VolumeKind::directory);
    volume.quota_mib = request.quota_mib;
    volume.labels = request.labels;
    return publish(std::move(volume), [&](const Volume& staged) -> Status {
        if (staged.kind == VolumeKind::directory)
            return {};
        return disk::create_disk(home_.root(), staged.disk(),
                                 {.size = *request.size_mib * mib, .overlay = false});
    });
}

Result<Volume> Volumes::create(const std::string& name, const VolumeRequest& request) {
    MSB_TRY(validate_volume_name(name));
    if (exists(home_.volumes() + "/" + name)) // its users may hold the lock for long
        return taken(name);
    const auto held = lock(name, Lock::exclusive, lock_wait);
    if (!held && held.error().kind() == ErrorKind::busy)
        return taken(name);
    if (!held)
        return fail(held.error());
    return create_locked(name, request);
}

Result<std::vector<Volume>> Volumes::list() {
    damaged_.clear();
    std::vector<Volume> volumes;
    for (const std::string& name : names_in(home_.volumes())) {
        auto volume = open(name);
        if (volume)
            volumes.push_back(std::move(*volume));
        else if (volume.error().kind() != ErrorKind::not_found)
            damaged_.push_back(volume.error());
    }
    std::ranges::sort(volumes, [](const Volume& a, const Volume& b) {
        return a.created_at_ns != b.created_at_ns ? a.created_at_ns > b.created_at_ns
                                                  : a.name < b.name;
    });
    return volumes;
}

Status Volumes::remove_locked(const std::string& name) {
    Staging::sweep(home_.volumes());
    const std::string directory = home_.volumes() + "/" + name;
    const auto info = sys::lstat(directory);
    if (info && S_ISDIR(info->st_mode))
        MSB_TRY(Staging::remove(directory));
    else
        MSB_TRY(sys::unlink(directory));
    return sys::unlink(record_path(name));
}

Status Volumes::remove(const std::string& name) {
    MSB_TRY(validate_volume_name(name));
    if (!exists(home_.volumes() + "/" + name))
        return not_found(home_, name);
    const auto held = lock(name, Lock::exclusive, 300ms);
    if (!held && held.error().kind() == ErrorKind::busy)
        return fail(ErrorKind::busy, "volume '" + name + "' is in use");
    if (!held)
        return fail(held.error());
    return remove_locked(name);
}

Result<Volume> Volumes::clone(const std::string& from, const std::string& to,
                              const std::map<std::string, std::string>& labels,
                              const disk::Watch& watch) {
    MSB_TRY(validate_volume_name(to));
    if (from == to || exists(home_.volumes() + "/" + to))
        return taken(to);
    MSB_TRY(open(from));
    const auto source_lock = lock(from, Lock::exclusive, 300ms);
    if (!source_lock && source_lock.error().kind() == ErrorKind::busy)
        return fail(Error(ErrorKind::busy, "volume '" + from + "' is in use")
                        .with_hint("stop the sandboxes that mount it first"));
    if (!source_lock)
        return fail(source_lock.error());
    const auto target_lock = lock(to, Lock::exclusive, lock_wait);
    if (!target_lock && target_lock.error().kind() == ErrorKind::busy)
        return taken(to);
    if (!target_lock)
        return fail(target_lock.error());
    const Volume source = MSB_TRY(open(from));
    if (exists(home_.volumes() + "/" + to))
        return taken(to);
    Volume volume = source;
    volume.name = to;
    volume.labels = labels;
    return publish(std::move(volume), [&](const Volume& staged) -> Status {
        if (source.kind == VolumeKind::directory)
            return copy_tree(source.directory, staged.directory, watch);
        const OwnedFd disk = MSB_TRY(sys::open(source.disk(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        const OwnedFd copy = MSB_TRY(sys::open(staged.disk(), O_RDWR | O_CREAT | O_EXCL, 0600));
        return disk::copy_sparse(disk.get(), copy.get(), watch);
    });
}

Result<std::uint64_t> Volumes::used_bytes(const Volume& volume) {
    if (volume.kind == VolumeKind::directory)
        return tree_bytes(volume.directory);
    return static_cast<std::uint64_t>(MSB_TRY(sys::lstat(volume.disk())).st_blocks) * 512;
}

} // namespace msb
