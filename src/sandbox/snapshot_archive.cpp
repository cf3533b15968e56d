#include "sandbox/snapshot_archive.hpp"

#include "archive/inventory.hpp"
#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/system.hpp"
#include "disk/content_hash.hpp"
#include "image/collect.hpp"
#include "image/helper.hpp"
#include "image/layout.hpp"
#include "sandbox/staging.hpp"
#include "spec/paths.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <set>
#include <sys/statvfs.h>
#include <unistd.h>

namespace msb {

namespace {

/// Shows what the program reports to who watches.
class WatchedProgress : public image::Progress {
  public:
    explicit WatchedProgress(const disk::Watch& watch) : watch_(watch) {}
    void layer_bytes(std::size_t, std::uint64_t done, std::uint64_t total) override {
        done_ = done;
        total_ = total;
    }
    bool cancelled() override { return watch_ && watch_(done_, total_); }

  private:
    const disk::Watch& watch_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
};

Result<image::Json> ask_program(const image::Json& request, int archive, const disk::Watch& watch) {
    WatchedProgress progress(watch);
    return image::run_helper(MSB_TRY(libexec_program("archive")), request, archive, progress);
}

// ---- export -------------------------------------------------------------------------------------

/// Itself last, and before it what it came from.
Result<std::vector<Snapshot>> ancestry(Snapshots& snapshots, Snapshot head) {
    const std::vector<Snapshot> known = MSB_TRY(snapshots.list());
    std::vector<Snapshot> line = {std::move(head)};
    while (const auto& parent = line.back().manifest.parent) {
        const auto found = std::ranges::find(known, *parent, &Snapshot::digest);
        if (found == known.end())
            return fail(ErrorKind::not_found, "snapshot '" + line.back().name() + "' came from " +
                                                  *parent + ", which is not here");
        if (line.size() == archive::max_snapshots)
            return fail(ErrorKind::limit_exceeded, "too many parents for one archive");
        line.push_back(*found);
    }
    std::ranges::reverse(line);
    return line;
}

/// What it is called in an archive, in which names are those of snapshots in a store.
std::string archived_name(const Snapshot& snapshot) {
    constexpr std::size_t prefix = 7; // "sha256:"
    constexpr std::size_t digits = 12;
    return validate_snapshot_name(snapshot.name())
               ? snapshot.name()
               : "snapshot-" + snapshot.digest.substr(prefix, digits);
}

Result<image::Json> describe_export(Snapshots& snapshots, const ExportRequest& request) {
    std::vector<Snapshot> chosen = {MSB_TRY(snapshots.open(request.which))};
    if (request.with_parents)
        chosen = MSB_TRY(ancestry(snapshots, std::move(chosen.front())));
    image::Json items = image::Json(json::array());
    for (const Snapshot& snapshot : chosen) {
        image::Json item{{"name", archived_name(snapshot)},
                         {"descriptor", snapshot.manifest.to_json()},
                         {"directory", snapshot.directory}};
        if (!request.since.empty()) {
            const Snapshot base = MSB_TRY(snapshots.open(request.since));
            item["base"] = base.digest;
            item["base_disk"] = base.disk();
        }
        items.push_back(std::move(item));
    }
    return image::Json{{"operation", "export"},
                       {"snapshots", items},
                       {"with_image", request.with_image},
                       {"home", snapshots.home().root()},
                       {"plain", request.plain}};
}

std::unexpected<Error> taken(const std::string& path) {
    return fail(Error(ErrorKind::already_exists, "'" + path + "' exists")
                    .with_hint("choose another file, or use --force"));
}

// ---- import -------------------------------------------------------------------------------------

constexpr std::size_t receive_size = std::size_t{1} << 20;
constexpr std::chrono::milliseconds receive_tick{100};

/// One snapshot on its way in.
struct Arrival {
    const archive::SnapshotItem* item = nullptr;
    std::string directory;
    std::optional<Staging> staging; ///< none: it is here already

    /// Of its files, the disk first.
    std::vector<std::string> paths() const {
        std::vector<std::string> all;
        for (const SnapshotPayload& payload : item->manifest.payloads())
            all.push_back(staging ? staging->path() + "/" + payload.file : std::string());
        return all;
    }
};

Status check_space(const archive::Inventory& inventory, const std::string& directory) {
    struct statvfs info{};
    if (::statvfs(directory.c_str(), &info) == -1)
        return fail_errno("statvfs", directory);
    const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
    if (inventory.total_bytes() <= free)
        return {};
    return fail(ErrorKind::no_space,
                "the archive holds " + std::to_string(inventory.total_bytes() >> 20) +
                    " MiB, and '" + directory + "' has room for " + std::to_string(free >> 20));
}

class Import {
  public:
    Import(Snapshots& snapshots, const ImportRequest& request, const disk::Watch& watch)
        : snapshots_(snapshots), request_(request), watch_(watch) {}

    Result<Snapshot> run() {
        const OwnedFd archive = MSB_TRY(open_archive());
        const auto answer =
            MSB_TRY(ask_program({{"operation", "inventory"}}, archive.get(), watch_));
        inventory_ =
            MSB_TRY(archive::Inventory::from_json(image::json_string(answer, "inventory")));
        MSB_TRY(choose_places());
        // The image that arrives belongs to nobody until its snapshot is here.
        const image::Layout cache(snapshots_.home().root());
        MSB_TRY(cache.create_directories());
        image::clean_temporary(cache); // what an import that was killed left
        const OwnedFd keep = MSB_TRY(cache.lock_store_shared());
        MSB_TRY(begin());
        MSB_TRY(unpack(archive.get()));
        for (Arrival& arrival : arrivals_)
            if (arrival.staging)
                MSB_TRY(publish(arrival));
        return snapshots_.open(arrivals_.back().directory);
    }

  private:
    /// A file, which is read twice. Nobody waits for the writer of a FIFO that only has a path.
    Result<OwnedFd> open_archive() {
        const bool input = request_.file == "-";
        OwnedFd given =
            input ? MSB_TRY(sys::dup(STDIN_FILENO))
                  : MSB_TRY_WRAP(sys::open(request_.file, O_RDONLY | O_NONBLOCK | O_NOCTTY),
                                 "cannot open the archive");
        const mode_t mode = MSB_TRY(sys::fstat(given.get())).st_mode;
        if (S_ISREG(mode))
            return given;
        if (input && (S_ISFIFO(mode) || S_ISSOCK(mode)))
            return receive(given.get());
        return invalid(input ? "standard input is neither a file nor a pipe"
                             : "'" + request_.file + "' is not a file");
    }

    /// What comes from a pipe, in a file that has no name and goes with us.
    Result<OwnedFd> receive(int pipe) {
        const std::string store = snapshots_.home().snapshots();
        MSB_TRY(make_directories(store, 0700));
        const std::string path = temporary_name(store + "/.import");
        OwnedFd file = MSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
        MSB_TRY(sys::unlink(path));
        Bytes buffer(receive_size);
        for (std::uint64_t done = 0;;) {
            while (!MSB_TRY(sys::wait_for(pipe, POLLIN, receive_tick)))
                if (watch_ && watch_(done, 0))
                    return fail(ErrorKind::cancelled, "cancelled");
            const std::size_t count = MSB_TRY(sys::read(pipe, buffer));
            if (count == 0)
                return file;
            MSB_TRY(sys::write_all(file.get(), BytesView(buffer).first(count)));
            done += count;
            if (watch_ && watch_(done, 0))
                return fail(ErrorKind::cancelled, "cancelled");
        }
    }

    Status choose_places() {
        const std::vector<Snapshot> known = MSB_TRY(snapshots_.list());
        std::set<std::string> places;
        for (const archive::SnapshotItem& item : inventory_.snapshots) {
            const bool head = &item == &inventory_.head();
            const auto here = std::ranges::find(known, item.manifest.digest(), &Snapshot::digest);
            if (!head && here != known.end()) {
                arrivals_.push_back({.item = &item, .directory = here->directory});
                continue;
            }
            const std::string& name = head && !request_.name.empty() ? request_.name : item.name;
            MSB_TRY(validate_snapshot_name(name));
            const std::string place =
                MSB_TRY(snapshots_.place_for(name, request_.directory, head && request_.force));
            if (!places.insert(place).second)
                return fail(ErrorKind::already_exists,
                            "the archive has two snapshots '" + name + "'");
            arrivals_.push_back({.item = &item, .directory = place});
            missing_.insert(&item);
        }
        return {};
    }

    /// The files that are to be filled. A disk that changes begins as a copy of its base.
    Status begin() {
        for (Arrival& arrival : arrivals_) {
            if (!missing_.contains(arrival.item))
                continue;
            arrival.staging.emplace(MSB_TRY(Staging::begin(arrival.directory)));
            for (const std::string& path : arrival.paths())
                (void)MSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
            if (const auto& changes = arrival.item->changes) {
                const auto base = snapshots_.open(changes->base);
                if (!base)
                    return fail(
                        Error(base.error())
                            .wrap("the archive only has what changed since another snapshot")
                            .with_hint("import that first"));
                const OwnedFd from = MSB_TRY(sys::open(base->disk(), O_RDONLY | O_NOFOLLOW));
                const OwnedFd disk = MSB_TRY(sys::open(arrival.paths().front(), O_RDWR));
                MSB_TRY(disk::copy_sparse(from.get(), disk.get(), watch_));
            }
        }
        return check_space(inventory_, parent_of(arrivals_.back().directory));
    }

    Status unpack(int archive) {
        image::Json files = image::Json(json::array());
        for (const Arrival& arrival : arrivals_)
            for (const std::string& path : arrival.paths())
                files.push_back(path);
        MSB_TRY(ask_program({{"operation", "unpack"},
                             {"inventory", inventory_.to_json()},
                             {"files", files},
                             {"home", snapshots_.home().root()}},
                            archive, watch_));
        return {};
    }

    Status publish(Arrival& arrival) {
        const archive::SnapshotItem& item = *arrival.item;
        const std::vector<std::string> paths = arrival.paths();
        const OwnedFd disk = MSB_TRY(sys::open(paths.front(), O_RDWR | O_NOFOLLOW));
        if (item.changes &&
            MSB_TRY(disk::content_hash(disk.get(), watch_)) != item.changes->content_hash)
            return fail(ErrorKind::corrupt, "the changes do not fit the disk of " +
                                                item.changes->base + " as it is here");
        for (const std::string& path : paths)
            MSB_TRY(sys::fsync(MSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW)).get(), path));
        const bool replace = request_.force && arrival.item == &inventory_.head();
        return snapshots_.publish(*arrival.staging, item.manifest, arrival.directory, replace);
    }

    Snapshots& snapshots_;
    const ImportRequest& request_;
    const disk::Watch& watch_;
    archive::Inventory inventory_;
    std::vector<Arrival> arrivals_;
    std::set<const archive::SnapshotItem*> missing_;
};

} // namespace

Result<std::string> export_snapshot(Snapshots& snapshots, const ExportRequest& request,
                                    const disk::Watch& watch) {
    const image::Json description = MSB_TRY(describe_export(snapshots, request));
    std::string target = MSB_TRY(absolute_path(request.file));
    if (!request.force && exists(target))
        return taken(target);
    if (!exists(parent_of(target)))
        return fail(ErrorKind::not_found, "directory not found: " + parent_of(target));
    Staging::sweep(parent_of(target));
    const Staging staging = MSB_TRY(Staging::begin(target));
    const std::string file = staging.path() + "/archive";
    const OwnedFd output = MSB_TRY(sys::open(file, O_WRONLY | O_CREAT | O_EXCL, 0644));
    MSB_TRY_WRAP(ask_program(description, output.get(), watch), "cannot write the archive");
    MSB_TRY(sys::fsync(output.get(), target));
    if (::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, target.c_str(),
                    request.force ? 0 : RENAME_NOREPLACE) == -1)
        return errno == EEXIST ? taken(target) : fail_errno("rename", target);
    MSB_TRY(image::sync_directory(parent_of(target)));
    return target;
}

Result<Snapshot> import_snapshot(Snapshots& snapshots, const ImportRequest& request,
                                 const disk::Watch& watch) {
    return Import(snapshots, request, watch).run();
}

} // namespace msb
