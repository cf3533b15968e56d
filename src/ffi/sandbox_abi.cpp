// Sandboxes: making, reaching, ending.
#include "api/diff.hpp"
#include "api/liveness.hpp"
#include "base/time.hpp"
#include "ffi/abi.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <cctype>

namespace msb::ffi {

namespace {

constexpr std::int64_t ns_per_ms = 1'000'000;
constexpr std::chrono::milliseconds no_limit = std::chrono::hours(24 * 365 * 100);

/// Unix time of an event; null if it never was.
json::Value time_ms(std::int64_t ns) {
    return ns == 0 ? json::Value() : json::Value(ns / ns_per_ms);
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

json::Value ports_json(const SandboxView& view) {
    json::Value list = json::array();
    for (const PublishedPort& port : view.published())
        list.push_back({{"bind", port.bind},
                        {"host_port", port.host},
                        {"guest_port", port.guest},
                        {"protocol", port.udp ? "udp" : "tcp"}});
    return list;
}

json::Value view_json(const SandboxView& view) {
    const SandboxState& state = view.state;
    return {{"name", view.spec.name},
            {"status", lower(to_string(state.status))},
            {"reason", or_null(state.reason)},
            {"detail", or_null(state.detail)},
            {"exit_code", state.exit_code},
            {"engine", or_null(state.engine)},
            {"isolation", or_null(state.isolation)},
            {"kernel", state.kernel.to_document()},
            {"image", view.spec.image},
            {"ports", ports_json(view)},
            {"created_at_ms", time_ms(view.spec.created_at_ns)},
            {"started_at_ms", time_ms(state.started_at_ns)},
            {"stopped_at_ms", time_ms(state.stopped_at_ns)},
            {"updated_at_ms", time_ms(state.updated_at_ns)},
            {"config", view.spec.to_document()}};
}

json::Value stop_json(const StopObservation& seen) {
    return {{"name", seen.name},
            {"status", lower(to_string(seen.status))},
            {"exit_code", seen.exit_code},
            {"signal", seen.signal},
            {"observed_at_ms", seen.observed_at_ns / ns_per_ms},
            {"source", seen.source}};
}

json::Value give_handle(const std::shared_ptr<api::Sandbox>& sandbox) {
    json::Value result = {{"name", sandbox->name()},
                          {"owns_lifecycle", sandbox->owns_lifecycle()},
                          {"notices", sandbox->notices()}};
    result["handle"] = add_object(sandbox);
    return result;
}

std::chrono::milliseconds limit(std::int64_t timeout_ms, std::chrono::milliseconds otherwise) {
    return timeout_ms < 0 ? otherwise : std::min(std::chrono::milliseconds(timeout_ms), no_limit);
}

Outcome<api::Listing> page(Options& options, json::Value& next_cursor) {
    constexpr std::uint64_t largest_page = 100;
    LabelSelector labels = options.pairs("labels");
    const auto limit = options.number("limit", largest_page);
    const std::string cursor = options.text("cursor");
    if (limit == 0U)
        options.complain("'limit' is not a whole number from 1 to 100");
    MSB_TRY(options.done());
    api::Listing listing = MSB_TRY(api::list(labels));
    auto& views = listing.sandboxes;
    // The cursor is the name of the last sandbox of the page before, with its time, in case it has
    // been removed.
    if (!cursor.empty()) {
        const auto at = json::parse(cursor).value_or(json::Value()).elements();
        const auto created = at.size() == 2 ? at[0].integer() : std::nullopt;
        const std::string* name = at.size() == 2 ? at[1].text() : nullptr;
        if (!created || name == nullptr)
            return api::fail(FailureKind::invalid_cursor, "not a cursor of a list: " + cursor);
        const auto behind =
            std::ranges::find(views, *name, [](const auto& view) { return view.spec.name; });
        if (behind != views.end())
            views.erase(views.begin(), behind + 1);
        else
            std::erase_if(views,
                          [&](const auto& view) { return view.spec.created_at_ns >= *created; });
    }
    if (limit && views.size() > *limit) {
        views.resize(*limit);
        next_cursor =
            json::to_text(json::array({views.back().spec.created_at_ns, views.back().spec.name}));
    }
    return listing;
}

} // namespace

} // namespace msb::ffi

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_sandbox_create(std::uint64_t cancel, std::uint64_t progress, const char* name,
                                 const char* options, char** result) {
    return call_with_progress(
        cancel, progress, name,
        [&](const std::string& wanted, ReportQueue* queue,
            api::Cancel* cancelling) -> Outcome<void> {
            auto create = MSB_TRY(create_options(wanted, options));
            create.progress = queue;
            if (queue != nullptr)
                create.image_ready = [&](const image::Image& image) {
                    queue->complete(image.reference);
                };
            give(result, give_handle(MSB_TRY(api::Sandbox::create(create, cancelling))));
            return {};
        });
}

MSB_API char* msb_sandbox_fork(std::uint64_t cancel, std::uint64_t progress, const char* sandbox,
                               const char* options, char** result) {
    return call_with_progress(
        cancel, progress, sandbox,
        [&](const std::string& source, ReportQueue* queue,
            api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            const ForkRequest request{.source = source,
                                      .names =
                                          given.texts("names").value_or(std::vector<std::string>()),
                                      .copy_while_frozen = given.flag("copy_while_frozen")};
            const bool detached = given.flag("detached");
            if (request.names.empty())
                given.complain("'names' has no name of a new sandbox");
            MSB_TRY(given.done());
            json::Value list = json::array();
            for (const auto& made : MSB_TRY(api::Sandbox::fork(
                     request, detached, watch_of(queue, cancelling), cancelling)))
                list.push_back(give_handle(made));
            give(result, list);
            return {};
        });
}

MSB_API char* msb_sandbox_diff(std::uint64_t cancel, const char* name, char** result) {
    return call_on(
        cancel, name, [&](const std::string& known, api::Cancel* cancelling) -> Outcome<void> {
            give(result, changes_document(
                             MSB_TRY(api::sandbox_changes(known, watch_of(nullptr, cancelling)))));
            return {};
        });
}

MSB_API char* msb_sandbox_start(std::uint64_t cancel, const char* name, const char* options,
                                char** result) {
    return call_on(
        cancel, name, [&](const std::string& known, api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            const bool detached = given.flag("detached");
            MSB_TRY(given.done());
            give(result, give_handle(MSB_TRY(api::Sandbox::start(known, detached, cancelling))));
            return {};
        });
}

MSB_API char* msb_sandbox_connect(std::uint64_t cancel, const char* name, std::int64_t timeout_ms,
                                  char** result) {
    return call_on(
        cancel, name, [&](const std::string& known, api::Cancel* cancelling) -> Outcome<void> {
            const auto timeout = limit(timeout_ms, api::ConnectionPool::default_timeout);
            give(result, give_handle(MSB_TRY(api::Sandbox::connect(known, timeout, cancelling))));
            return {};
        });
}

MSB_API char* msb_sandbox_info(std::uint64_t sandbox, char** result) {
    return call([&]() -> Outcome<void> {
        const auto found = MSB_TRY(find<api::Sandbox>(sandbox));
        give(result, {{"name", found->name()},
                      {"owns_lifecycle", found->owns_lifecycle()},
                      {"config", found->spec().to_document()}});
        return {};
    });
}

MSB_API char* msb_sandbox_detach(std::uint64_t sandbox) {
    return call([&]() -> Outcome<void> { return MSB_TRY(find<api::Sandbox>(sandbox))->detach(); });
}

MSB_API char* msb_sandbox_close(std::uint64_t cancel, std::uint64_t sandbox) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        const auto found = MSB_TRY(take<api::Sandbox>(sandbox));
        MSB_TRY(locate_installation());
        return found->close(cancelling.get());
    });
}

MSB_API void msb_sandbox_release(std::uint64_t sandbox) {
    const PipeSignalGuard guard;
    (void)take<api::Sandbox>(sandbox);
}

MSB_API char* msb_sandbox_get(const char* name, char** result) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        give(result, view_json(MSB_TRY(api::get(known))));
        return {};
    });
}

MSB_API char* msb_sandbox_list(const char* options, char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        Options given(options);
        json::Value next_cursor;
        const api::Listing listing = MSB_TRY(page(given, next_cursor));
        json::Value views = json::array();
        for (const SandboxView& view : listing.sandboxes)
            views.push_back(view_json(view));
        json::Value damaged = json::array();
        for (const Error& error : listing.damaged)
            damaged.push_back(error.to_string());
        give(result, {{"sandboxes", views}, {"next_cursor", next_cursor}, {"damaged", damaged}});
        return {};
    });
}

MSB_API char* msb_sandbox_remove(const char* name, const char* options) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) -> Outcome<void> {
        Options given(options);
        const bool force = given.flag("force");
        MSB_TRY(given.done());
        return api::remove(known, force);
    });
}

MSB_API char* msb_sandbox_stop(std::uint64_t cancel, const char* name, std::int64_t timeout_ms) {
    return call_on(cancel, name, [&](const std::string& known, api::Cancel* cancelling) {
        return api::stop(known, limit(timeout_ms, default_stop_grace), cancelling);
    });
}

MSB_API char* msb_sandbox_kill(std::uint64_t cancel, const char* name, std::int64_t timeout_ms) {
    return call_on(cancel, name, [&](const std::string& known, api::Cancel* cancelling) {
        return api::kill(known, limit(timeout_ms, api::kill_timeout), cancelling);
    });
}

MSB_API char* msb_sandbox_drain(std::uint64_t cancel, const char* name) {
    return call_on(cancel, name, [&](const std::string& known, api::Cancel* cancelling) {
        return api::drain(known, cancelling);
    });
}

MSB_API char* msb_sandbox_request_stop(const char* name, std::int64_t timeout_ms) {
    return call_on(0, name, [&](const std::string& known, api::Cancel*) {
        return api::request_stop(known, limit(timeout_ms, default_stop_grace));
    });
}

MSB_API char* msb_sandbox_request_kill(const char* name) {
    return call_on(0, name,
                   [](const std::string& known, api::Cancel*) { return api::request_kill(known); });
}

MSB_API char* msb_sandbox_request_drain(const char* name) {
    return call_on(
        0, name, [](const std::string& known, api::Cancel*) { return api::request_drain(known); });
}

MSB_API char* msb_sandbox_wait_until_stopped(std::uint64_t cancel, std::uint64_t sandbox,
                                             const char* name, std::int64_t timeout_ms,
                                             char** result) {
    return call_on(
        cancel, name, [&](const std::string& known, api::Cancel* cancelling) -> Outcome<void> {
            const auto timeout = limit(timeout_ms, no_limit);
            const StopObservation seen =
                sandbox == 0 ? MSB_TRY(api::wait_until_stopped(known, timeout, cancelling))
                             : MSB_TRY(MSB_TRY(find<api::Sandbox>(sandbox))
                                           ->wait_until_stopped(timeout, cancelling));
            give(result, stop_json(seen));
            return {};
        });
}

MSB_API char* msb_sandbox_ping(std::uint64_t cancel, const char* name, char** result) {
    return call_on(
        cancel, name, [&](const std::string& known, api::Cancel* cancelling) -> Outcome<void> {
            const auto took = MSB_TRY(api::ping(known, cancelling));
            give(result,
                 {{"name", known}, {"latency_ms", static_cast<double>(took.count()) / 1e6}});
            return {};
        });
}

MSB_API char* msb_sandbox_touch(std::uint64_t cancel, const char* name, char** result) {
    return call_on(
        cancel, name, [&](const std::string& known, api::Cancel* cancelling) -> Outcome<void> {
            give(result,
                 {{"name", known}, {"activity_seq", MSB_TRY(api::touch(known, cancelling))}});
            return {};
        });
}

MSB_API char* msb_agent_socket_path(const char* name, char** path) {
    return call([&]() -> Outcome<void> {
        const std::string found =
            MSB_TRY(api::agent_socket_path(MSB_TRY(text_argument(name, "name"))));
        if (path != nullptr)
            *path = copy_text(found);
        return {};
    });
}
