#include "api/fork.hpp"

#include "base/time.hpp"
#include "sandbox/disk_copy.hpp"

#include <set>
#include <unistd.h>

namespace msb {

namespace {

Status check_names(Launcher& launcher, const std::vector<std::string>& names) {
    if (names.empty())
        return invalid("a fork needs a name");
    std::set<std::string> seen;
    for (const std::string& name : names) {
        MSB_TRY(validate_name(name));
        if (launcher.sandboxes().get(name) || !seen.insert(name).second)
            return fail(sandbox_exists(name));
    }
    return {};
}

} // namespace

Result<Fork> Fork::begin(Launcher& launcher, const ForkRequest& request, const disk::Watch& watch) {
    MSB_TRY(check_names(launcher, request.names));
    Sandboxes& sandboxes = launcher.sandboxes();
    auto still = sandboxes.hold_still(request.source);
    if (!still && still.error().kind() != ErrorKind::busy)
        return fail(still.error());
    if (still) {
        Fork fork(still->view.spec, MSB_TRY(launcher.image_of(still->view.spec)),
                  MSB_TRY(own_disk(launcher.home(), still->view.spec)));
        fork.storage_ = owned_storage_of(launcher.home(), still->view.spec);
        fork.still_ = std::move(*still);
        return fork;
    }
    const std::string store = launcher.home().snapshots();
    Staging::sweep(store);
    auto copy = MSB_TRY(Staging::begin(store + "/fork:" + std::to_string(::getpid())));
    const std::string disk = copy.path() + "/upper.ext4";
    const SandboxSpec spec =
        MSB_TRY(copy_disk(sandboxes, request.source, disk, request.copy_while_frozen, watch)).spec;
    Fork fork(spec, MSB_TRY(launcher.image_of(spec)), disk);
    fork.copy_.emplace(std::move(copy));
    return fork;
}

NewSandbox Fork::sandbox(const std::string& name) const {
    SandboxSpec spec = spec_;
    spec.name = name;
    spec.created_at_ns = unix_time_ns();
    spec.ephemeral = false;
    spec.network.published.clear();
    if (spec_.hostname == derived_hostname(spec_.name))
        spec.hostname = derived_hostname(name);
    Sandboxes::Origin origin{.storage = storage_};
    (spec.root_disk.kind == RootDisk::Kind::flat ? origin.flat : origin.upper) = disk_;
    return {std::move(spec), image_, std::move(origin), {}};
}

} // namespace msb
