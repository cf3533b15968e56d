// msb jobs, wait --job, eof: detached commands by another name, from the side of who waits for them.
#include "base/time.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/running_sandbox.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct JobsOptions {
    std::string name;
    std::string format;
    bool all = false;
    bool quiet = false;
};

Status list(Session& session, const JobsOptions& options) {
    const auto connection = MSB_TRY(connect_running(session, options.name));
    auto jobs = MSB_TRY(list_sessions(*connection.loop, *connection.client));
    std::erase_if(jobs, [&](const wire::SessionInfo& info) {
        return !info.kept || (info.ended_at_ns && !options.all);
    });
    if (options.format == "json") {
        json::Value rows = json::array();
        for (const wire::SessionInfo& info : jobs)
            rows.push_back(to_json(info));
        (void)print(json::to_text(rows, 2) + "\n");
        return {};
    }
    if (options.quiet) {
        for (const wire::SessionInfo& info : jobs)
            (void)print(fmt::format("{}\n", info.session));
        return {};
    }
    if (jobs.empty())
        return print_stderr(options.all ? "No jobs found.\n" : "No jobs are running.\n"), Status();
    Table table({"JOB", "STATE", "STARTED", "EXIT", "COMMAND"});
    for (const wire::SessionInfo& info : jobs) {
        const auto exit = exit_of(info);
        table.add({fmt::format("{}", info.session), info.ended_at_ns ? "exited" : "running",
                   format_local(info.started_at_ns), exit ? fmt::format("{}", *exit) : "-",
                   command_line(info)});
    }
    (void)print(table.render());
    return {};
}

/// Runs the loop for `time`, or until a signal.
Status pause(Session& session, const AgentConnection& connection, std::chrono::milliseconds time) {
    const auto timer = connection.loop->after(time, [&connection] { connection.loop->stop(); });
    const Status ran = connection.loop->run();
    connection.loop->cancel(timer);
    MSB_TRY(Status(ran));
    if (session.interrupted())
        return fail(ErrorKind::cancelled, "cancelled");
    return {};
}

/// The agent tells only the owner of a session about its end, so we ask: soon at first, for a job
/// that is nearly done. None: it runs on at the deadline.
Result<std::optional<wire::SessionInfo>> wait_for_end(Session& session, const std::string& sandbox,
                                                      std::uint64_t id,
                                                      Clock::time_point deadline) {
    constexpr std::chrono::milliseconds longest = 500ms;
    const auto connection = MSB_TRY(connect_running(session, sandbox));
    for (std::chrono::milliseconds interval = 10ms;; interval = std::min(interval * 2, longest)) {
        auto info = MSB_TRY(find_session(connection, id, sandbox));
        if (info.ended_at_ns)
            return std::optional(std::move(info));
        if (!info.kept)
            return fail(
                ErrorKind::unsupported,
                fmt::format("session {} is no job: it belongs to the client that started it", id));
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left <= 0ms)
            return std::optional<wire::SessionInfo>();
        MSB_TRY(pause(session, connection, std::min(interval, left)));
    }
}

} // namespace

Status wait_for_job(Context& context, Session& session, const std::string& sandbox,
                    const std::string& job, std::chrono::milliseconds timeout,
                    const std::string& format) {
    const std::uint64_t id = MSB_TRY(parse_session(job, sandbox));
    const auto ended = MSB_TRY(wait_for_end(session, sandbox, id, Clock::now() + timeout));
    const auto exit = ended ? exit_of(*ended) : std::nullopt;
    if (format == "json") {
        const json::Value document = {
            {"code", exit}, {"success", exit == 0}, {"timed_out", !ended.has_value()}};
        (void)print(json::to_text(document, 2) + "\n");
    }
    context.exit_code = exit.value_or(exit_failure);
    if (!ended && format.empty())
        return fail(
            Error(ErrorKind::timed_out,
                  fmt::format("timed out waiting for job {}; the job was not terminated", id))
                .with_hint(fmt::format("end it with `msb signal {} {}`", sandbox, id)));
    return {};
}

void add_jobs(Command& parent, Context& context) {
    parent.add(
        "jobs", "List the detached commands of a sandbox", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<JobsOptions>();
            command.footer("msb exec -d starts one; attach, signal, logs --job and wait --job "
                           "go on with it.\nJobs end with their sandbox.");
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.flag("-a,--all", &options->all, "Those that have ended, too");
            command.option("--format", &options->format, "Output format").one_of({"json"});
            command.flag("-q,--quiet", &options->quiet, "Only the ids");
            command.action([&context, options] {
                run_with_session(context, options->name,
                                 [&](Session& session) { return list(session, *options); });
            });
        });
}

} // namespace msb::cli
