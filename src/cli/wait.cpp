// msb wait: until sandboxes, or a job in one, have ended, without causing it.
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/running_sandbox.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <memory>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;

struct WaitOptions {
    std::vector<std::string> names;
    std::string job;
    std::string timeout;
    std::string format;
    bool quiet = false;
};

constexpr std::chrono::milliseconds longest = 24h * 365 * 100;

json::Value to_json(const StopObservation& seen) {
    return {{"name", seen.name},
            {"status", to_string(seen.status)},
            {"exit_code", seen.exit_code},
            {"signal", seen.signal},
            {"observed_at", format_rfc3339(seen.observed_at_ns, 3)},
            {"source", seen.source}};
}

Result<std::chrono::milliseconds> timeout_of(const WaitOptions& options) {
    if (options.timeout.empty())
        return longest;
    const std::uint64_t given = MSB_TRY(parse_duration_ms(options.timeout, true));
    const auto most = static_cast<std::uint64_t>(longest.count());
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(given, most)));
}

Status wait_for_all(Context& context, const WaitOptions& options) {
    const std::chrono::milliseconds timeout = MSB_TRY(timeout_of(options));
    Session session = MSB_TRY(Session::open(context, options.quiet || !options.format.empty()));
    json::Value list = json::array();
    for (const std::string& name : options.names) {
        const auto begun = std::chrono::steady_clock::now();
        session.progress().begin("Waiting", name);
        const auto seen =
            session.sandboxes().wait_until_stopped(name, timeout, [&] { return session.tick(); });
        session.progress().clear();
        if (!seen) {
            SandboxSpec named;
            named.name = name;
            session.report_failure(context, seen.error(), named);
            if (session.interrupted())
                break;
        } else if (!options.format.empty()) {
            list.push_back(to_json(*seen));
        } else if (!options.quiet) {
            print_done(to_string(seen->status), name, std::chrono::steady_clock::now() - begun);
        }
    }
    if (!options.format.empty())
        (void)print(json::to_text(list, 2) + "\n");
    return {};
}

void wait(Context& context, const WaitOptions& options) {
    if (options.job.empty())
        return run_command(context, [&] { return wait_for_all(context, options); });
    run_with_session(context, options.names.front(), [&](Session& session) -> Status {
        if (options.names.size() > 1)
            return fail(ErrorKind::invalid_argument, "a job is one sandbox's: name one with --job");
        return wait_for_job(context, session, options.names.front(), options.job,
                            MSB_TRY(timeout_of(options)), options.format);
    });
}

} // namespace

void add_wait(Command& parent, Context& context) {
    parent.add(
        "wait", "Wait until sandboxes have stopped, or a job has ended", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<WaitOptions>();
            command.option("names", &options->names, "Sandboxes")
                .names(ValueOf::sandbox)
                .required();
            command
                .option("--job", &options->job,
                        "Wait for this detached command (see `msb jobs`), and exit as it did")
                .value_name("ID");
            command.option("-t,--timeout", &options->timeout, "Fail after this long, e.g. 30s");
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.flag("-q,--quiet", &options->quiet, "No ticks");
            command.action([&context, options] { wait(context, *options); });
        });
}

} // namespace msb::cli
