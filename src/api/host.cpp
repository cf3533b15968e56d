#include "api/host.hpp"

#include "base/file.hpp"
#include "sandbox/engine_selection.hpp"

#include <thread>

namespace msb {

namespace {
constexpr const char* default_image = "microsandbox/default:latest";
}

Host::Host(const Home& home, const Installation& installation)
    : installation_(installation), sandboxes_(Sandboxes::open(home, installation).value()),
      store_(home.root()) {}

Result<image::Image> Host::resolve_image(const std::string& reference,
                                         const image::PullOptions& options,
                                         image::Progress& progress) {
    if (!reference.empty())
        return MSB_TRY(store_.pull(reference, options, progress)).image;
    return store_.ensure_embedded(installation_.share() + "/images/default.tar", default_image,
                                  progress);
}

Result<image::Image> Host::image_of(const SandboxSpec& spec) {
    // By digest: the reference may name another image by now.
    const auto digest = MSB_TRY(image::Digest::parse(spec.manifest_digest));
    auto image = store_.get_version(spec.image, digest);
    if (!image)
        return fail(std::move(image).error().with_hint(
            "load or pull that version again, or make a new sandbox"));
    return image;
}

Result<EngineSelection> Host::select_engine(const SandboxSpec& spec,
                                            std::vector<std::string>& notices) {
    auto selection = MSB_TRY(msb::select_engine(home(), installation_, spec));
    for (const auto& [notice, name] : {std::pair(selection.notice, "isolation-notice"),
                                       std::pair(selection.ptrace_notice, "ptrace-notice")}) {
        const std::string marker = home().root() + "/run/" + name;
        if (notice.empty() || exists(marker))
            continue;
        notices.push_back(notice);
        (void)write_file_atomic(marker, "shown\n", 0600, false);
    }
    return selection;
}

Status Host::replace(const std::string& name, std::chrono::milliseconds grace, const Tick& tick) {
    Status done = sandboxes_.stop(name, grace, tick);
    if (done)
        done = sandboxes_.remove(name, true);
    if (!done && done.error().kind() == ErrorKind::not_found)
        return {};
    return done;
}

Result<std::unique_ptr<AgentClient>> Host::connect_agent(EventLoop& loop, const std::string& name,
                                                         const ConnectOptions& options) {
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
        // What the failing stage wrote down says more than what became of our connection.
        sandboxes_.load_boot_error(name);
        if (const auto& boot = sandboxes_.boot_error())
            return fail(Error(client.error().kind(), "failed to start \"" + name + "\": " +
                                                         boot->stage + ": " + boot->message)
                            .with_hint(boot->hint));
        return client;
    }
}

} // namespace msb
