#include "api/launcher.hpp"

#include "base/file.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "engine/engine.hpp"
#include "sandbox/disk_patch.hpp"
#include "sandbox/engine_selection.hpp"
#include "sandbox/metrics.hpp"
#include "spec/files.hpp"

#include <filesystem>
#include <thread>

namespace msb {

namespace {
constexpr const char* default_image = "microsandbox/default:latest";

/// Without links, also of what is not there yet.
Result<std::string> real_path(const std::string& path) {
    std::error_code error;
    const auto real = std::filesystem::weakly_canonical(path, error);
    if (error)
        return fail(Error::from_errno(error.value(), "realpath", path));
    return real.string();
}
/// What a snapshot's source had to itself the new sandbox has, too, at the same places. A mount that
/// was asked for at such a place says how: of the same kind it gets what was kept, and another takes
/// its place.
Status take_storage(NewSandbox& sandbox, const Snapshot& snapshot) {
    for (const auto& [kept, payload] : snapshot.manifest.storage()) {
        std::vector<Mount>& mounts = sandbox.spec.mounts;
        const auto asked = std::ranges::find(mounts, kept.guest, &Mount::guest);
        if (asked != mounts.end() && asked->kind != MountKind::owned)
            continue;
        if (asked == mounts.end())
            mounts.push_back(kept);
        else if (asked->volume.kind != kept.volume.kind ||
                 asked->volume.size_mib != kept.volume.size_mib)
            return fail(ErrorKind::invalid_argument,
                        "snapshot '" + snapshot.name() + "' has an " + describe_source(kept) +
                            " for " + kept.guest + ", not an " + describe_source(*asked));
        sandbox.origin.storage[kept.guest] = snapshot.path_of(payload);
    }
    return {};
}

} // namespace

Launcher::Launcher(const Home& home, const Installation& installation)
    : installation_(installation), sandboxes_(Sandboxes::open(home, installation).value()),
      store_(home.root()), snapshots_(home) {}

Result<image::Image> Launcher::resolve_image(const std::string& reference,
                                             const image::PullOptions& options,
                                             image::Progress& progress) {
    if (is_root_path(reference))
        return image_of_directory(MSB_TRY(parse_root_path(reference)).path, progress);
    if (!reference.empty())
        return MSB_TRY(store_.pull(reference, options, progress)).image;
    return store_.ensure_embedded(installation_.share() + "/images/default.tar", default_image,
                                  progress);
}

/// A copy of it as it is now; a link that leads to it is that directory.
Result<image::Image> Launcher::image_of_directory(const std::string& path,
                                                  image::Progress& progress) {
    const std::string real = MSB_TRY(real_path(path));
    const std::string home = MSB_TRY(real_path(sandboxes_.home().root()));
    if (real == "/" || (home + "/").starts_with(real + "/"))
        return fail(ErrorKind::invalid_argument,
                    "'" + path + "' cannot be an image: msb keeps its own files in it");
    auto image = store_.ensure_directory(real, progress);
    if (!image && image.error().kind() != ErrorKind::cancelled)
        return fail(Error(image.error()).wrap("cannot make an image of directory '" + real + "'"));
    return image;
}

/// By digest: the reference may name another image by now.
Result<image::Image> Launcher::image_of(const SandboxSpec& spec) {
    if (spec.root != RootSource::image) {
        image::Image none;
        none.reference = spec.image;
        return none;
    }
    const auto digest = MSB_TRY(image::Digest::parse(spec.manifest_digest));
    auto image = store_.get_version(spec.image, digest);
    if (!image)
        return fail(std::move(image).error().with_hint(
            "load or pull that version again, or make a new sandbox"));
    return image;
}

/// The version that the snapshot was made with, wherever its reference leads by now.
Result<image::Image> Launcher::image_of(const SnapshotManifest& manifest,
                                        const image::PullOptions& options,
                                        image::Progress& progress) {
    const auto digest = MSB_TRY(image::Digest::parse(manifest.image_digest));
    auto image = store_.get_version(manifest.image, digest);
    if (image || options.policy == image::PullPolicy::never)
        return image;
    const auto reference = MSB_TRY(image::Reference::parse(manifest.image));
    if (reference.to_string() == MSB_TRY(image::Reference::parse(default_image)).to_string()) {
        MSB_TRY(resolve_image({}, options, progress));
        return store_.get_version(manifest.image, digest);
    }
    return MSB_TRY(
               store_.pull(reference.repository() + "@" + digest.to_string(), options, progress))
        .image;
}

Result<std::vector<std::string>> Launcher::images_in_use() {
    std::vector<std::string> digests = MSB_TRY(sandboxes_.images_in_use());
    for (const Snapshot& snapshot : MSB_TRY(snapshots_.list()))
        digests.push_back(snapshot.manifest.image_digest);
    return digests;
}

Result<EngineSelection> Launcher::select_engine(const SandboxSpec& spec) {
    auto selection = MSB_TRY(msb::select_engine(home(), installation_, spec));
    for (const auto& [notice, name] : {std::pair(selection.notice, "isolation-notice"),
                                       std::pair(selection.ptrace_notice, "ptrace-notice")}) {
        const std::string marker = home().root() + "/run/" + name;
        if (notice.empty() || exists(marker))
            continue;
        notices_.push_back(notice);
        (void)write_file_atomic(marker, "shown\n", 0600, false);
    }
    return selection;
}

Status Launcher::replace(const std::string& name, std::chrono::milliseconds grace,
                         const Tick& tick) {
    Status done = sandboxes_.stop(name, grace, tick);
    if (done)
        done = sandboxes_.remove(name, true);
    if (!done && done.error().kind() == ErrorKind::not_found)
        return {};
    return done;
}

Status Launcher::make_room(const CreateRequest& request, const Tick& tick) {
    const std::string& name = request.spec.name;
    if (request.replace)
        return replace(name, *request.replace, tick);
    const auto view = sandboxes_.get(name);
    return view && !view->state.never_ran ? fail(sandbox_exists(name)) : Status();
}

/// A root disk that is larger than the snapshot's is one that the guest extends.
Result<NewSandbox> Launcher::prepare_fork(const CreateRequest& request, image::Progress& progress) {
    const Snapshot snapshot = MSB_TRY(snapshots_.open(request.snapshot));
    const SnapshotManifest& manifest = snapshot.manifest;
    if (const auto unknown = manifest.unknown_requirement())
        return fail(ErrorKind::unsupported, "snapshot '" + snapshot.name() + "' needs '" +
                                                *unknown + "', which this msb does not know");
    auto image = image_of(manifest, request.pull, progress);
    if (!image && image.error().kind() == ErrorKind::cancelled)
        return fail(image.error());
    if (!image)
        return fail(std::move(image).error().wrap("snapshot image missing: " + manifest.image +
                                                  " (" + manifest.image_digest + ")"));
    NewSandbox sandbox{request.spec, std::move(*image), {}, {}};
    (manifest.flat() ? sandbox.origin.flat : sandbox.origin.upper) = snapshot.disk();
    if (manifest.flat())
        sandbox.spec.root_disk.kind = RootDisk::Kind::flat;
    sandbox.spec.snapshot = snapshot.digest;
    MSB_TRY(take_storage(sandbox, snapshot));
    const std::uint64_t needed = (manifest.upper_size + mib - 1) / mib;
    if (!request.root_disk_given)
        sandbox.spec.root_disk.size_mib = needed;
    else if (sandbox.spec.root_disk.size_mib < needed)
        return fail(ErrorKind::invalid_argument, "the disk of snapshot '" + snapshot.name() +
                                                     "' has " + std::to_string(needed) +
                                                     " MiB: a root disk cannot be smaller");
    return sandbox;
}

/// As large as was asked for, or as usual, or as the image needs.
Status Launcher::prepare_flat(NewSandbox& sandbox, image::Progress& progress) {
    progress.merging(sandbox.image.reference);
    const auto watch = [&progress](std::uint64_t, std::uint64_t) { return progress.cancelled(); };
    sandbox.origin.flat = MSB_TRY(flat_image(home().root(), sandbox.image, watch));
    const std::uint64_t needed =
        static_cast<std::uint64_t>(MSB_TRY(sys::stat(sandbox.origin.flat)).st_size) / mib;
    std::uint64_t& size = sandbox.spec.root_disk.size_mib;
    if (size == 0)
        size = std::max(RootDisk().size_mib, needed);
    if (size < needed)
        return fail(ErrorKind::invalid_argument, "a flat root disk of image '" +
                                                     sandbox.image.reference + "' has at least " +
                                                     std::to_string(needed) + " MiB");
    return {};
}

/// With what the image and the user's configuration say.
Status Launcher::complete(NewSandbox& sandbox, const UserChoice& choice) {
    merge_image(sandbox.spec, sandbox.image, choice);
    sandbox.spec.metrics_interval_ms =
        choice.metrics_interval_ms ? *choice.metrics_interval_ms
                                   : MSB_TRY(MetricsConfig::read(home().root())).interval_ms;
    return validate_spec(sandbox.spec);
}

/// What has no image has nothing to take from one.
Result<NewSandbox> Launcher::prepare_path(const CreateRequest& request, const RootPath& root) {
    if (request.root_disk_given)
        return fail(ErrorKind::invalid_argument,
                    "a root disk is only for images: '" + root.path + "' is the root itself");
    if (!request.patches.empty())
        return fail(ErrorKind::invalid_argument,
                    "patches are only for images: '" + root.path + "' can be changed as it is");
    NewSandbox sandbox;
    sandbox.spec = request.spec;
    sandbox.image.reference = root.path;
    sandbox.spec.root = RootSource::disk;
    sandbox.spec.root_fstype = root.fstype;
    MSB_TRY(complete(sandbox, request.choice));
    sandbox.spec.manifest_digest.clear();
    return sandbox;
}

Result<NewSandbox> Launcher::prepare(const CreateRequest& request, image::Progress& progress) {
    if (request.snapshot.empty() && is_root_path(request.image)) {
        const RootPath root = MSB_TRY(parse_root_path(request.image));
        if (!root.directory)
            return prepare_path(request, root);
    }
    const RootDisk& disk = request.spec.root_disk;
    if (disk.kind == RootDisk::Kind::image)
        MSB_TRY_WRAP(sys::stat(disk.path), "root disk");
    if (!request.snapshot.empty() && disk.kind != RootDisk::Kind::managed)
        return fail(ErrorKind::invalid_argument,
                    "a snapshot has its own root disk: only its size can be said, not '" +
                        describe(disk) + "'");
    if (!request.patches.empty() && !disk.owned())
        return fail(ErrorKind::invalid_argument,
                    "patches need a root disk of msb's own: managed or flat, not '" +
                        describe(disk) + "'");
    if (!request.snapshot.empty() && !request.patches.empty())
        return fail(Error(ErrorKind::invalid_argument,
                          "patches are for images: a snapshot has its own files")
                        .with_hint("use msb cp and msb exec in the new sandbox"));
    NewSandbox sandbox =
        request.snapshot.empty()
            ? NewSandbox{request.spec,
                         MSB_TRY(resolve_image(request.image, request.pull, progress)),
                         {.patches = request.patches},
                         {}}
            : MSB_TRY(prepare_fork(request, progress));
    if (sandbox.spec.root_disk.kind == RootDisk::Kind::flat && sandbox.origin.flat.empty())
        MSB_TRY(prepare_flat(sandbox, progress));
    MSB_TRY(complete(sandbox, request.choice));
    return sandbox;
}

Status Launcher::claim_volumes(NewSandbox& sandbox, std::string* which) {
    VolumeClaims& claims = sandbox.volumes.emplace(home());
    for (Mount& mount : sandbox.spec.mounts) {
        if (mount.kind != MountKind::named)
            continue;
        if (which != nullptr)
            *which = mount.source;
        MSB_TRY_WRAP(claims.add(mount), "cannot mount on " + mount.guest);
    }
    return {};
}

Result<Running> Launcher::create(NewSandbox& sandbox, const LaunchOptions& options) {
    const auto engine = MSB_TRY(select_engine(sandbox.spec));
    if (!sandbox.volumes)
        MSB_TRY(claim_volumes(sandbox));
    return noted(sandboxes_.create(sandbox.spec, sandbox.image, engine, options, sandbox.origin,
                                   *std::exchange(sandbox.volumes, std::nullopt)));
}

Result<Running> Launcher::noted(Result<Running> running) {
    if (running && !running->notice.empty())
        notices_.push_back(running->notice);
    return running;
}

Result<Running> Launcher::start(const SandboxSpec& spec, const LaunchOptions& options) {
    const auto image = image_of(spec);
    if (!image) {
        sandboxes_.record_boot_error(spec.name, BootError::from("image", image.error()));
        return fail(image.error());
    }
    const auto engine = MSB_TRY(select_engine(spec));
    const std::string last =
        SandboxState::load(SandboxFiles{home().sandbox(spec.name)}.state()).kernel.name;
    if (spec.kernel == engine::auto_kernel && !last.empty() && last != engine.kernel_name)
        notices_.push_back("sandbox '" + spec.name + "' ran with the kernel " + last +
                           " and runs with " + engine.kernel_name +
                           " now; --kernel and MSB_KERNEL choose one");
    return noted(sandboxes_.start(spec.name, *image, engine, options));
}

Result<std::unique_ptr<AgentClient>>
Launcher::connect_agent(EventLoop& loop, const std::string& name, ConnectOptions options) {
    // Its runtime notes the reason before it lets go of its clients; a run that goes on has none.
    options.why_ended = [path = SandboxFiles{home().sandbox(name)}.state()] {
        const SandboxState state = SandboxState::load(path);
        return state.detail.empty() ? state.reason : state.reason + ": " + state.detail;
    };
    const auto deadline = std::chrono::steady_clock::now() + options.handshake_timeout;
    for (;;) {
        auto client = AgentClient::connect(loop, home().agent_socket(name), options);
        if (client || client.error().kind() == ErrorKind::cancelled)
            return client;
        // Another command may have just started it: its runtime lives and binds its socket soon.
        const auto view = sandboxes_.get(name);
        if (client.error().kind() == ErrorKind::unreachable && view &&
            view->state.status == SandboxStatus::starting &&
            std::chrono::steady_clock::now() < deadline &&
            !(options.cancelled && options.cancelled())) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            continue;
        }
        // The error that the failing stage recorded says more than ours about the connection.
        sandboxes_.load_boot_error(name);
        if (const auto& boot = sandboxes_.boot_error())
            return fail(Error(client.error().kind(), "failed to start \"" + name + "\": " +
                                                         boot->stage + ": " + boot->message)
                            .with_hint(boot->hint));
        return client;
    }
}

} // namespace msb
