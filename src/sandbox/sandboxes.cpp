#include "sandbox/sandboxes.hpp"

#include "base/closest.hpp"
#include "base/file.hpp"
#include "base/lock_holder.hpp"
#include "base/log.hpp"
#include "base/sizes.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "disk/ext4.hpp"
#include "disk/sparse_copy.hpp"
#include "logs/exec_log.hpp"
#include "sandbox/disk_patch.hpp"
#include "sandbox/group.hpp"
#include "sandbox/launch/launch.hpp"
#include "sandbox/metrics.hpp"
#include "sandbox/networks/networks.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <set>

namespace msb {

namespace {

using namespace std::chrono_literals;

/// A process that holds the lock longer than this is a runtime, not another command.
constexpr auto lock_wait = 300ms;
/// For a runtime that has ended to let go of the lock.
constexpr auto release_wait = 5s;
constexpr auto release_tick = 20ms;
// The specification's bounds are those of what makes the disk: one refusal, before anything is
// made.
static_assert(min_root_disk_mib << 20 == disk::min_size);
static_assert(max_root_disk_mib << 20 == disk::max_size);

/// Names of all directories that could be a sandbox's.
std::vector<std::string> directory_names(const Home& home) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(home.sandboxes().c_str()), ::closedir);
    while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr)
        if (validate_name(entry->d_name))
            names.emplace_back(entry->d_name);
    return names;
}

std::unexpected<Error> not_found(const Home& home, const std::string& name) {
    Error error(ErrorKind::not_found, "sandbox not found: " + name);
    if (const auto meant = closest(name, directory_names(home)))
        return fail(std::move(error).with_hint("did you mean '" + *meant + "'?"));
    return fail(std::move(error));
}

disk::Sharing sharing_of(RootDisk::Clone clone) {
    switch (clone) {
    case RootDisk::Clone::automatic: break;
    case RootDisk::Clone::copy: return disk::Sharing::never;
    case RootDisk::Clone::reflink: return disk::Sharing::required;
    }
    return disk::Sharing::if_possible;
}

} // namespace

std::vector<PublishedPort> SandboxView::published() const {
    std::vector<PublishedPort> ports = spec.network.published;
    if (is_active(state.status) && state.host_ports.size() == ports.size())
        for (std::size_t i = 0; i < ports.size(); ++i)
            ports[i].host = state.host_ports[i];
    return ports;
}

Error sandbox_exists(const std::string& name) {
    return Error(ErrorKind::already_exists, "sandbox '" + name + "' already exists")
        .with_hint("remove it (msb rm), start it (msb start), or use --replace");
}

Status Running::leave(std::uint64_t session) {
    MSB_TRY(sys::write_all(parent_watch.get(), object_bytes(session)));
    parent_watch.reset();
    return {};
}

Result<Sandboxes> Sandboxes::open(const Home& home, const Installation& installation) {
    return Sandboxes(home, installation);
}

Result<OwnedFd> Sandboxes::lock(const std::string& name, std::chrono::milliseconds wait) const {
    const std::string path = home_.lifecycle_lock(name);
    OwnedFd fd = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    MSB_TRY(sys::lock_exclusive(fd.get(), wait, path));
    return fd;
}

Result<OwnedFd> Sandboxes::lock_or_say(const std::string& name,
                                       std::chrono::milliseconds wait) const {
    auto held = lock(name, wait);
    if (held || held.error().kind() != ErrorKind::busy)
        return held;
    // Its starter took it, and left it to the runtime.
    const auto pid = read_file(home_.runtime_pid(name), 32);
    std::string holder = pid ? describe_process(std::atoi(pid->c_str())) : std::string();
    if (const auto file = sys::open(home_.lifecycle_lock(name), O_RDONLY))
        if (std::string other = lock_holder(file->get()); holder.empty() || other[0] == 'p')
            holder = std::move(other);
    return fail(Error(ErrorKind::busy, "sandbox '" + name + "' is locked by " + holder)
                    .with_hint("try again when that has ended"));
}

Status Sandboxes::erase_files(const std::string& name) {
    // The spec goes first: from here on the directory is rubbish, whatever happens to us. A damaged
    // one may be anything, even a directory.
    if (Status gone = remove_tree(SandboxFiles{home_.sandbox(name)}.spec());
        !gone && gone.error().sys_errno() != ENOTDIR)
        return gone;
    MSB_TRY(sys::unlink(home_.runtime_pid(name)));
    MSB_TRY(sys::unlink(home_.kill_request(name)));
    MSB_TRY(remove_tree(home_.sandbox(name)));
    MSB_TRY(clear_run(name));
    (void)metrics_registry(home_).forget(name); // or the slot's next owner does
    return catalogue_.erase(name);
}

/// The sandbox's runtime and users can write to its directory; nothing that they write there may
/// have an effect beyond this sandbox.
std::optional<SandboxView> Sandboxes::load(const std::string& name) const {
    const SandboxFiles files{home_.sandbox(name)};
    SandboxView view;
    view.state = SandboxState::load(files.state());
    auto spec = [&]() -> Result<SandboxSpec> {
        const std::string text = MSB_TRY(read_regular_file(files.spec(), max_spec_bytes));
        const std::string path = "'" + files.spec() + "'";
        SandboxSpec read = MSB_TRY_WRAP(SandboxSpec::from_json(text), path);
        if (read.name != name)
            return fail(ErrorKind::corrupt, path + " is of another sandbox");
        MSB_TRY_WRAP(validate_spec(read), path);
        return read;
    }();
    if (spec) {
        view.spec = std::move(*spec);
        return view;
    }
    if (spec.error().sys_errno() == ENOENT)
        return std::nullopt;
    view.spec.name = name;
    view.damage = std::move(spec)
                      .error()
                      .wrap("sandbox '" + name + "' is damaged")
                      .with_hint("remove it (msb rm -f " + name + "), or use --replace");
    return view;
}

void Sandboxes::note_death(const std::string& name, SandboxState& state) const {
    const bool draining = state.status == SandboxStatus::draining;
    const auto killed = read_file(home_.kill_request(name), 32);
    const bool requested = killed && *killed == read_file(home_.runtime_pid(name), 32).value_or("");
    state.status = draining || requested ? SandboxStatus::stopped : SandboxStatus::crashed;
    // A draining sandbox has recorded its reason, unless that is the drain itself.
    if (!draining)
        state.reason = requested ? reason::shutdown_requested : reason::internal_error;
    else if (state.reason.empty())
        state.reason = requested ? reason::shutdown_requested : reason::drain_requested;
    state.detail = requested ? "killed" : "the runtime was killed";
    state.stopped_at_ns = state.updated_at_ns = unix_time_ns();
}

Result<std::optional<SandboxView>> Sandboxes::reconcile_locked(const std::string& name) {
    const SandboxFiles files{home_.sandbox(name)};
    auto found = load(name);
    if (!found) {
        MSB_TRY(erase_files(name));
        return std::nullopt;
    }
    SandboxView& view = *found;
    if (is_active(view.state.status)) {
        note_death(name, view.state);
        (void)metrics_registry(home_).release(name);
        // Not being able to write this down must not hide the sandbox: the next look tries again.
        if (view.state.store(files.state()))
            (void)sys::unlink(home_.kill_request(name));
        // The line that a runtime writes when it ends by itself.
        if (auto directory = sys::open(files.logs(), O_RDONLY | O_DIRECTORY))
            if (const auto log = ExecLog::open(std::move(*directory)))
                (*log)->mark("sandbox stopped");
    }
    if (view.spec.ephemeral) {
        MSB_TRY(erase_files(name));
        return std::nullopt;
    }
    MSB_TRY(clear_run(name));
    return found;
}

/// Removes what a run that is over has left: processes, sockets, the control group.
Status Sandboxes::clear_run(const std::string& name) {
    // A process that is stuck in a disk must not hide the sandbox: the next look tries again.
    if (const Status ended = end_helpers(home_, name); !ended)
        log::warn("sandbox '{}': {}", name, ended.error().to_string());
    MSB_TRY(remove_tree(home_.socket_directory(name)));
    MSB_TRY(sys::unlink(home_.secrets_door(name)));
    MSB_TRY(sys::unlink(home_.member_socket(name)));
    return remove_sandbox_group(home_, name);
}

/// Whether those who hold its lock change nothing.
bool Sandboxes::only_read(const std::string& name) const {
    const std::string path = home_.lifecycle_lock(name);
    const auto fd = sys::open(path, O_RDWR);
    return fd && sys::lock_shared(fd->get(), path);
}

Result<Sandboxes::Still> Sandboxes::hold_still(const std::string& name) {
    SandboxView view = MSB_TRY(get(name));
    const auto busy = [&] {
        return fail(ErrorKind::busy, "sandbox '" + name + "' is not stopped");
    };
    if (is_active(view.state.status))
        return busy();
    const std::string path = home_.lifecycle_lock(name);
    OwnedFd held = MSB_TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    const Status locked = sys::lock_shared(held.get(), path);
    if (!locked)
        return locked.error().kind() == ErrorKind::busy ? busy() : fail(locked.error());
    // As it is now: it may have run, or have gone, before we had the lock.
    auto now = load(name);
    if (!now)
        return not_found(home_, name);
    if (now->damage)
        return fail(std::move(*now->damage));
    if (is_active(now->state.status))
        return busy();
    return Still{std::move(*now), std::move(held)};
}

Result<std::optional<SandboxView>> Sandboxes::look(const std::string& name) {
    // It is alive, so believe the files. If they show no run, its start or its end is under way; do
    // not take an ending sandbox for a running one.
    const auto deadline = std::chrono::steady_clock::now() + release_wait;
    for (auto wait = 0ms;; wait = release_tick) {
        auto held = lock(name, wait);
        if (held)
            return reconcile_locked(name);
        if (held.error().kind() != ErrorKind::busy)
            return fail(held.error());
        auto view = load(name); // nothing: being made or removed right now
        if (!view || is_active(view->state.status) || only_read(name))
            return view;
        if (std::chrono::steady_clock::now() >= deadline) {
            view->state.status = SandboxStatus::starting;
            return view;
        }
    }
}

Result<SandboxView> Sandboxes::find(const std::string& name) {
    MSB_TRY(validate_name(name));
    if (!exists(home_.sandbox(name)))
        return not_found(home_, name);
    auto view = MSB_TRY(look(name));
    if (!view)
        return not_found(home_, name);
    return std::move(*view);
}

Result<SandboxView> Sandboxes::get(const std::string& name) {
    SandboxView view = MSB_TRY(find(name));
    if (view.damage)
        return fail(std::move(*view.damage));
    return view;
}

Result<std::vector<SandboxView>> Sandboxes::list(const LabelSelector& labels) {
    damaged_.clear();
    // A damaged sandbox must not hide the others.
    const auto usable = [&](const std::string& name) -> std::optional<SandboxView> {
        auto view = look(name);
        if (!view)
            damaged_.push_back(std::move(view).error().wrap("sandbox '" + name + "'"));
        else if (*view && (*view)->damage)
            damaged_.push_back(std::move(*(*view)->damage));
        else
            return std::move(*view);
        return std::nullopt;
    };
    // Directories that the index does not know: a command was killed between the two.
    std::set<std::string> known;
    for (const CatalogueRow& row : MSB_TRY(catalogue_.list()))
        known.insert(row.name);
    for (const std::string& name : directory_names(home_)) {
        if (known.contains(name))
            continue;
        if (const auto view = usable(name))
            MSB_TRY(catalogue_.put(view->spec));
    }
    std::vector<SandboxView> views;
    for (const CatalogueRow& row : MSB_TRY(catalogue_.list(labels)))
        if (auto view = usable(row.name))
            views.push_back(std::move(*view));
    return views;
}

Result<std::vector<std::string>> Sandboxes::images_in_use() {
    std::vector<std::string> digests;
    for (const SandboxView& view : MSB_TRY(list()))
        digests.push_back(view.spec.manifest_digest);
    return digests;
}

Status Sandboxes::make_patches(const SandboxSpec& spec, const image::Image& image,
                               const std::vector<Patch>& patches, const disk::Watch& watch) {
    patch_failed_ = !patches.empty();
    if (patches.empty())
        return {};
    const SandboxFiles files{home_.sandbox(spec.name)};
    const bool flat = spec.root_disk.kind == RootDisk::Kind::flat;
    MSB_TRY(patch_disk(flat ? files.flat_root() : files.upper(), image, patches, flat,
                       !spec.ephemeral, watch));
    patch_failed_ = false;
    return {};
}

Status Sandboxes::make_root_disk(const SandboxSpec& spec, const Origin& origin) {
    const RootDisk& disk = spec.root_disk;
    const SandboxFiles files{home_.sandbox(spec.name)};
    const std::uint64_t size = disk.size_mib * mib;
    if (spec.root != RootSource::image || !disk.owned())
        return {};
    if (disk.kind == RootDisk::Kind::flat)
        return disk::clone_file(origin.flat, files.flat_root(), size, sharing_of(disk.clone));
    if (!origin.upper.empty())
        return disk::clone_file(origin.upper, files.upper(), size);
    return disk::create_disk(home_.root(), files.upper(),
                             {.size = size, .journal = !spec.ephemeral});
}

Status Sandboxes::make_files(const SandboxSpec& spec, const image::Image& image,
                             const LaunchOptions& options, const Origin& origin) {
    const SandboxFiles files{home_.sandbox(spec.name)};
    MSB_TRY(make_directories(files.logs(), 0700));
    MSB_TRY(make_root_disk(spec, origin));
    const auto watch = [&](std::uint64_t done, std::uint64_t) {
        if (options.copied)
            options.copied(done);
        return options.wait_tick && options.wait_tick();
    };
    MSB_TRY(make_owned_storage(home_, spec, origin.storage, watch));
    MSB_TRY(make_patches(spec, image, origin.patches, watch));
    // A sandbox that is thrown away need not survive a power cut.
    return write_file_atomic(files.spec(), spec.to_json(), 0600, !spec.ephemeral);
}

Result<Running> Sandboxes::create(const SandboxSpec& asked, const image::Image& image,
                                  const EngineSelection& engine, const LaunchOptions& options,
                                  const Origin& origin, VolumeClaims volumes) {
    SandboxSpec spec = asked;
    MSB_TRY(validate_spec(spec));
    const auto taken = [&] { return fail(sandbox_exists(spec.name)); };
    auto held = lock(spec.name, lock_wait);
    if (!held)
        return held.error().kind() == ErrorKind::busy ? taken() : fail(held.error());
    if (exists(home_.sandbox(spec.name)))
        if (auto old = MSB_TRY(reconcile_locked(spec.name))) {
            if (old->damage)
                return fail(std::move(*old->damage));
            if (!old->state.never_ran)
                return taken();
            MSB_TRY(erase_files(spec.name));
        }
    OwnedFd network; // locked until the others can see which address this one has
    if (spec.network.joined)
        network = MSB_TRY(Networks(home_).allot(spec.name, spec.network.joined));
    Status made = make_files(spec, image, options, origin);
    network.reset();
    if (made)
        made = catalogue_.put(spec);
    if (!made) {
        (void)erase_files(spec.name);
        return fail(std::move(made).error().wrap("cannot create sandbox '" + spec.name + "'"));
    }
    auto running = launch(std::move(*held), spec, image, engine, options, true, std::move(volumes));
    // After a cancelled start remove the half-made sandbox.
    if (!running && running.error().kind() == ErrorKind::cancelled)
        if (const auto again = lock(spec.name, lock_wait))
            (void)erase_files(spec.name);
    return running;
}

/// A start while the sandbox is ending means that it shall run afterwards, so wait for the end.
Result<OwnedFd> Sandboxes::lock_for_start(const std::string& name,
                                          const std::function<bool()>& cancelled) {
    const auto begin = std::chrono::steady_clock::now();
    for (;;) {
        auto held = lock(name, lock_wait);
        if (held || held.error().kind() != ErrorKind::busy)
            return held;
        const auto view = MSB_TRY(look(name));
        const auto patience =
            default_stop_grace + (view ? power_off_margin(view->spec) : 0ms) + release_wait;
        const bool ending = !view || !is_active(view->state.status) ||
                            view->state.status == SandboxStatus::draining;
        if (!ending || std::chrono::steady_clock::now() - begin >= patience)
            return fail(ErrorKind::busy, "sandbox still running: cannot start sandbox '" + name +
                                             "': already running");
        if (cancelled && cancelled())
            return fail(ErrorKind::cancelled, "cancelled");
    }
}

Result<Running> Sandboxes::start(const std::string& name, const image::Image& image,
                                 const EngineSelection& engine, const LaunchOptions& options) {
    MSB_TRY(validate_name(name));
    OwnedFd held = MSB_TRY(lock_for_start(name, options.wait_tick));
    auto view = MSB_TRY(reconcile_locked(name));
    if (!view)
        return not_found(home_, name);
    if (view->damage)
        return fail(std::move(*view->damage));
    // Of one that has never run they may be missing still, or again.
    VolumeClaims volumes(home_);
    for (Mount& mount : view->spec.mounts) {
        if (mount.kind != MountKind::named)
            continue;
        if (!view->state.never_ran)
            mount.volume_mode = VolumeMode::existing;
        if (const Status claimed = volumes.add(mount); !claimed) {
            record_boot_error(name, BootError::from("mount", claimed.error()));
            return fail(claimed.error());
        }
    }
    return launch(std::move(held), view->spec, image, engine, options, false, std::move(volumes));
}

Result<Running> Sandboxes::launch(OwnedFd lock, const SandboxSpec& spec, const image::Image& image,
                                  const EngineSelection& engine, const LaunchOptions& options,
                                  bool first, VolumeClaims volumes) {
    const Launch::Subject subject{home_,  installation_, spec,  image,
                                  engine, options,       first, volumes};
    Launch launch(subject, std::move(lock));
    auto running = launch.run();
    if (running) {
        volumes.keep();
        return running;
    }
    if (launch.boot_error())
        record_boot_error(spec.name, *launch.boot_error());
    clean_up_after_launch(spec, running.error(), first);
    return fail(std::move(running).error().wrap("failed to start \"" + spec.name + "\""));
}

void Sandboxes::clean_up_after_launch(const SandboxSpec& spec, const Error& error, bool first) {
    const auto held = lock(spec.name, release_wait);
    if (!held)
        return;
    if (spec.ephemeral)
        return (void)erase_files(spec.name);
    (void)clear_run(spec.name);
    (void)metrics_registry(home_).release(spec.name);
    const SandboxFiles files{home_.sandbox(spec.name)};
    SandboxState state = SandboxState::load(files.state());
    state.status = SandboxStatus::stopped;
    state.reason = reason::failed;
    state.detail = error.to_string();
    state.never_ran = first || state.never_ran;
    state.updated_at_ns = state.stopped_at_ns = unix_time_ns();
    (void)state.store(files.state());
}

void Sandboxes::record_boot_error(const std::string& name, BootError error) {
    const SandboxFiles files{home_.sandbox(name)};
    // A runtime writes to the directory: a link in the place of the logs is not followed.
    if (sys::open(files.logs(), O_PATH | O_DIRECTORY | O_NOFOLLOW))
        (void)write_file_atomic(files.boot_error(), error.to_json(), 0600, false);
    boot_error_ = std::move(error);
}

void Sandboxes::load_boot_error(const std::string& name) {
    boot_error_.reset();
    if (const auto text =
            read_regular_file(SandboxFiles{home_.sandbox(name)}.boot_error(), 1 << 20))
        if (auto error = BootError::from_json(*text))
            boot_error_ = std::move(*error);
}

Status Sandboxes::remove(const std::string& name, bool force) {
    SandboxView view = MSB_TRY(find(name));
    if (view.damage && !force)
        return fail(std::move(*view.damage));
    if (is_active(view.state.status)) {
        if (!force)
            return fail(Error(ErrorKind::busy,
                              "sandbox still running: cannot remove sandbox '" + name + "'")
                            .with_hint("stop it first (msb stop), or use --force"));
        MSB_TRY(stop(name, 0ms));
    }
    const OwnedFd held = MSB_TRY(lock_or_say(name, release_wait));
    return erase_files(name);
}

} // namespace msb
