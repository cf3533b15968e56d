#include "cli/volume_copy.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "cli/confined_child.hpp"
#include "sandbox/volumes/files.hpp"
#include "tar/extract.hpp"
#include "tar/fd_stream.hpp"

#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace msb::cli {

namespace {

/// One end of the copy.
struct End {
    CopyEndpoint endpoint;
    std::optional<VolumeFiles> volume; ///< none: local
};

Result<End> open_end(Session& session, const CopyEndpoint& endpoint, VolumeFiles::Access access) {
    End end{endpoint, {}};
    if (!endpoint.sandbox.empty())
        end.volume = MSB_TRY(VolumeFiles::open(session.home(), endpoint.sandbox, access));
    return end;
}

class Copying {
  public:
    Copying(Session& session, const VolumeCopy& copy, End from, End to)
        : session_(session), copy_(copy), from_(std::move(from)), to_(std::move(to)) {}

    Status run();

  private:
    Result<CopyTarget> find_target();
    Status pack(const std::string& name, int to) const;
    Status unpack(const CopyTarget& target, int from);
    Status extract(int directory, const std::optional<std::string>& only, int from);
    Status tick() { return session_.tick() ? fail(ErrorKind::cancelled, "interrupted") : Status(); }

    Session& session_;
    const VolumeCopy& copy_;
    End from_;
    End to_;
    bool make_directory_ = false; ///< that the copy goes into
};

Result<CopyTarget> Copying::find_target() {
    CopyView view;
    if (to_.volume) {
        view.is_directory = [&](const std::string& path) { return to_.volume->is_directory(path); };
        view.real_path = [](const std::string& path) { return Result<std::string>(path); };
        view.make_directories = [&](const std::string&) {
            make_directory_ = true;
            return Status();
        };
    } else {
        view = local_view();
    }
    std::optional<std::string> name = base_name(from_.endpoint.path);
    if (name == "..")
        return invalid("the source ends in '..': name the directory itself");
    return resolve_target(view, to_.endpoint.path, name);
}

Status Copying::pack(const std::string& name, int to) const {
    const std::string& path = from_.endpoint.path;
    PackOptions options;
    options.name = name;
    options.follow = !base_name(path) || path.ends_with('/');
    if (from_.volume)
        return from_.volume->pack(path, options, to);
    FdSink sink(to);
    TreeProgress progress;
    return pack_tree(path, options, sink, progress);
}

Status Copying::extract(int directory, const std::optional<std::string>& only, int from) {
    ExtractOptions options;
    options.only = only;
    options.owners = copy_.archive;
    if (!to_.volume) // links of a guest's that lead elsewhere do so here
        options.links = copy_.links == "keep"   ? LinkPolicy::keep
                        : copy_.links == "skip" ? LinkPolicy::skip
                                                : LinkPolicy::confine;
    options.origin = from_.endpoint.path;
    std::size_t skipped = 0;
    options.skipped_links = &skipped;
    const auto work = [&]() -> Status {
        FdSource source(from);
        TreeProgress progress;
        MSB_TRY(extract_tree(directory, options, source, progress));
        if (skipped > 0)
            print_warning(fmt::format("{} links that lead out of the tree were left out", skipped));
        return {};
    };
    return run_confined(directory, work, [this] { return tick(); });
}

Status Copying::unpack(const CopyTarget& target, int from) {
    if (to_.volume && to_.volume->volume().kind == VolumeKind::disk)
        return to_.volume->unpack({target.directory, target.name, copy_.archive, make_directory_},
                                  from,
                                  [this](std::uint64_t, std::uint64_t) { return session_.tick(); });
    const OwnedFd directory =
        to_.volume ? MSB_TRY(to_.volume->open_directory(target.directory, make_directory_))
                   : MSB_TRY(sys::open(target.directory, O_RDONLY | O_DIRECTORY));
    return extract(directory.get(), target.name, from);
}

/// One process writes an archive of the source into a pipe, and another one unpacks it.
Status Copying::run() {
    if (from_.endpoint.archive)
        return unpack({to_.endpoint.path, std::nullopt}, STDIN_FILENO);
    if (to_.endpoint.archive)
        return pack(base_name(from_.endpoint.path).value_or("."), STDOUT_FILENO);
    const CopyTarget target = MSB_TRY(find_target());
    auto pipe = MSB_TRY(sys::pipe());
    WorkingChild packing = MSB_TRY(WorkingChild::start(-1, [&] {
        std::signal(SIGPIPE, SIG_IGN);
        pipe[0].reset();
        return pack(target.name.value_or("."), pipe[1].get());
    }));
    pipe[1].reset();
    const Status unpacked = unpack(target, pipe[0].get());
    pipe[0].reset();
    const Status packed = packing.wait([] { return Status(); });
    // One that failed makes the other fail: who wrote into a pipe that was left is not to blame.
    if (!packed && packed.error().to_string().find("Broken pipe") == std::string::npos)
        return packed;
    return unpacked;
}

} // namespace

bool is_in_volume(Session& session, const CopyEndpoint& endpoint) {
    const std::string& name = endpoint.sandbox;
    return !name.empty() && validate_volume_name(name) && !exists(session.home().sandbox(name)) &&
           exists(session.home().volumes() + "/" + name);
}

Status copy_volume(Session& session, const VolumeCopy& copy) {
    End from = MSB_TRY(open_end(session, copy.from, VolumeFiles::Access::read));
    End to = MSB_TRY(open_end(session, copy.to, VolumeFiles::Access::write));
    return Copying(session, copy, std::move(from), std::move(to)).run();
}

} // namespace msb::cli
