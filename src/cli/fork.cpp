// msb fork: sandboxes that begin with another one's disk as it is at one moment.
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "cli/snapshot.hpp"
#include "sandbox/disk_copy.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <unistd.h>

namespace msb::cli {

namespace {

struct ForkCommand {
    std::string source;
    std::vector<std::string> names;
    bool copy_while_frozen = false;
    bool quiet = false;
};

/// The disk that all of them begin with, for as long as this lives.
struct Origin {
    SandboxSpec spec;
    std::string disk;
    std::optional<Sandboxes::Still> still; ///< it is the sandbox's own
    std::optional<Staging> copy;           ///< it is in there
};

bool has_owned(const SandboxSpec& spec) {
    return std::ranges::any_of(spec.mounts,
                               [](const Mount& mount) { return mount.kind == MountKind::owned; });
}

Result<Origin> take_origin(Session& session, const ForkCommand& command) {
    Origin origin;
    auto still = session.sandboxes().hold_still(command.source);
    if (!still && still.error().kind() != ErrorKind::busy)
        return fail(still.error());
    if (still) {
        origin.spec = still->view.spec;
        origin.disk = MSB_TRY(own_disk(session.home(), origin.spec));
        origin.still = std::move(*still);
        return origin;
    }
    if (const auto view = MSB_TRY(session.sandboxes().get(command.source)); has_owned(view.spec))
        return fail(
            Error(ErrorKind::busy, "sandbox '" + command.source +
                                       "' runs, and has storage of its own (--mount-owned), "
                                       "which cannot be held still")
                .with_hint("stop it first: msb stop " + command.source));
    const std::string store = session.home().snapshots();
    Staging::sweep(store);
    origin.copy.emplace(MSB_TRY(Staging::begin(store + "/fork:" + std::to_string(::getpid()))));
    origin.disk = origin.copy->path() + "/upper.ext4";
    origin.spec = MSB_TRY(copy_disk(session.sandboxes(), command.source, origin.disk,
                                    command.copy_while_frozen, show_bytes(session)))
                      .spec;
    return origin;
}

/// Like its origin but for what there can only be one of.
SandboxSpec spec_of(const std::string& name, const SandboxSpec& origin) {
    SandboxSpec spec = origin;
    spec.name = name;
    spec.created_at_ns = unix_time_ns();
    spec.ephemeral = false;
    spec.network.published.clear();
    if (origin.hostname == derived_hostname(origin.name))
        spec.hostname = derived_hostname(name);
    return spec;
}

Status check_names(Session& session, const std::vector<std::string>& names) {
    std::set<std::string> seen;
    for (const std::string& name : names) {
        MSB_TRY(validate_name(name));
        if (session.sandboxes().get(name) || !seen.insert(name).second)
            return fail(sandbox_exists(name));
    }
    return {};
}

Status fork(Context& context, const ForkCommand& command) {
    Session session = MSB_TRY(Session::open(context, command.quiet));
    MSB_TRY(check_names(session, command.names));
    session.progress().begin("Copying", command.source);
    const auto origin = take_origin(session, command);
    if (!origin)
        return unless_interrupted(session, context, origin.error());
    session.progress().clear();
    const auto digest = MSB_TRY(image::Digest::parse(origin->spec.manifest_digest));
    const image::Image image = MSB_TRY(session.store().get_version(origin->spec.image, digest));
    if (!origin->spec.network.published.empty())
        print_warning("ports that '" + command.source + "' publishes stay with it");
    for (const std::string& name : command.names) {
        const auto begun = std::chrono::steady_clock::now();
        NewSandbox sandbox{spec_of(name, origin->spec),
                           image,
                           {.upper = origin->disk, .owned_of = command.source},
                           {}};
        const auto running = session.create(sandbox, session.launch_options());
        if (!running)
            return session.report_failure(context, running.error(), sandbox.spec), Status();
        if (!command.quiet)
            print_done("Forked", name, std::chrono::steady_clock::now() - begun);
    }
    return {};
}

} // namespace

void add_fork(Command& parent, Context& context) {
    parent.add("fork", "Create sandboxes that begin with another one's disk", group_sandboxes,
               [&context](Command& command) {
                   auto values = std::make_shared<ForkCommand>();
                   command.option("source", &values->source, "Sandbox").required();
                   command.option("names", &values->names, "New sandboxes").required();
                   command.flag(
                       "--copy-while-frozen", &values->copy_while_frozen,
                       "A source that runs cannot write to its disk for as long as copying takes");
                   command.flag("-q,--quiet", &values->quiet, "No progress");
                   command.action([&context, values] {
                       run_command(context, [&] { return fork(context, *values); });
                   });
               });
}

} // namespace msb::cli
