// msb metrics
#include "api/metrics.hpp"

#include "base/system.hpp"
#include "cli/commands.hpp"
#include "cli/live.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <csignal>
#include <deque>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <poll.h>
#include <thread>

namespace msb::cli {

namespace {

using namespace std::chrono_literals;
using State = SandboxMetrics::State;

/// For rates of a table that is printed once: windows to wait for a second sample.
constexpr auto rate_window = 500ms;
constexpr int most_windows = 4;
constexpr std::size_t most_trend = 20; ///< values of a sparkline
constexpr const char* unknown = "—";

struct MetricsOptions {
    std::string name;
    std::string format;
    std::string interval = "1s";
    std::string sort = "name";
    bool watch = false;
    bool follow = false;
    bool all = false;
};

std::string uptime_text(std::chrono::milliseconds uptime) {
    const auto seconds = uptime / 1s;
    if (seconds < 60)
        return fmt::format("{}s", seconds);
    if (seconds < 3600)
        return fmt::format("{}m{}s", seconds / 60, seconds % 60);
    if (seconds < 86'400)
        return fmt::format("{}h{}m", seconds / 3600, seconds % 3600 / 60);
    return fmt::format("{}d{}h", seconds / 86'400, seconds % 86'400 / 3600);
}

/// What changed between the last two samples of each run.
class Rates {
  public:
    struct Rate {
        double disk_read, disk_written, net_received, net_sent; ///< bytes in a second
    };

    void add(const std::vector<SandboxMetrics>& all) {
        std::map<std::uint64_t, Run> runs;
        for (const SandboxMetrics& one : all) {
            Run& run = runs[one.run] = std::move(runs_[one.run]);
            if (!run.sample || run.sample->sampled_at_ms != one.sample.sampled_at_ms)
                advance(run, one.sample);
        }
        runs_ = std::move(runs);
    }
    std::optional<Rate> of(std::uint64_t run) const { return runs_.at(run).rate; }
    std::vector<double> cpu_trend(std::uint64_t run, std::size_t length) const {
        return last(runs_.at(run).cpu, length);
    }
    std::vector<double> memory_trend(std::uint64_t run, std::size_t length) const {
        return last(runs_.at(run).memory, length);
    }

  private:
    struct Run {
        std::optional<metrics::Sample> sample;
        std::optional<Rate> rate; ///< stays as it is while there is no new sample
        std::deque<double> cpu, memory;
    };

    static std::vector<double> last(const std::deque<double>& values, std::size_t length) {
        return {values.end() - static_cast<std::ptrdiff_t>(std::min(values.size(), length)),
                values.end()};
    }

    static void advance(Run& run, const metrics::Sample& now) {
        if (run.sample && now.sampled_at_ms > run.sample->sampled_at_ms) {
            const metrics::Sample& before = *run.sample;
            const double seconds =
                static_cast<double>(now.sampled_at_ms - before.sampled_at_ms) / 1000;
            const auto rate = [seconds](std::uint64_t from, std::uint64_t to) {
                return to > from ? static_cast<double>(to - from) / seconds : 0;
            };
            run.rate = {
                rate(before.disk_read, now.disk_read), rate(before.disk_written, now.disk_written),
                rate(before.net_received, now.net_received), rate(before.net_sent, now.net_sent)};
        }
        run.sample = now;
        run.cpu.push_back(now.cpu_percent);
        run.memory.push_back(static_cast<double>(now.memory_used));
        for (auto* values : {&run.cpu, &run.memory})
            if (values->size() > most_trend)
                values->pop_front();
    }

    std::map<std::uint64_t, Run> runs_;
};

Result<std::vector<SandboxMetrics>> select_metrics(Context& context,
                                                   const MetricsOptions& options) {
    const Home home = MSB_TRY(context.home());
    if (options.name.empty())
        return read_metrics(home, options.all);
    auto sandboxes = MSB_TRY(Sandboxes::open(home, MSB_TRY(context.installation())));
    auto one = api::metrics(sandboxes, options.name, options.all);
    if (!one)
        return fail(std::move(one).error().error);
    return std::vector{std::move(*one)};
}

void sort_metrics(std::vector<SandboxMetrics>& all, const std::string& key) {
    const auto by = [&all](auto of) {
        std::ranges::sort(all, [&](const SandboxMetrics& left, const SandboxMetrics& right) {
            return of(left) != of(right) ? of(left) > of(right) : left.name < right.name;
        });
    };
    if (key == "cpu")
        by([](const SandboxMetrics& one) { return one.sample.cpu_percent; });
    if (key == "mem")
        by([](const SandboxMetrics& one) { return one.sample.memory_used; });
}

std::string pair_of_bytes(double left, double right) {
    return format_bytes(static_cast<std::uint64_t>(left)) + " / " +
           format_bytes(static_cast<std::uint64_t>(right));
}

/// Of a run that is over the totals are left.
std::vector<std::string> row_of(const SandboxMetrics& one, const Rates& rates) {
    const metrics::Sample& sample = one.sample;
    const std::string name = one.name;
    const std::string state(to_string(one.state));
    if (one.state == State::exited)
        return {name,
                state,
                unknown,
                unknown,
                pair_of_bytes(static_cast<double>(sample.disk_read),
                              static_cast<double>(sample.disk_written)),
                pair_of_bytes(static_cast<double>(sample.net_received),
                              static_cast<double>(sample.net_sent)),
                "ran " + uptime_text(one.uptime)};
    if (one.state == State::stalled)
        return {
            name, state, unknown, unknown, unknown, unknown, "no sample " + uptime_text(one.age)};
    const auto rate = rates.of(one.run);
    return {name,
            state,
            fmt::format("{:.2f} / {}c", sample.cpu_percent / 100, sample.cpus),
            format_bytes(sample.memory_used) + " / " + format_bytes(sample.memory_limit),
            rate ? pair_of_bytes(rate->disk_read, rate->disk_written) : unknown,
            rate ? pair_of_bytes(rate->net_received, rate->net_sent) : unknown,
            uptime_text(one.uptime)};
}

/// `trend`: how many values of the past to show.
std::string table_of(const std::vector<SandboxMetrics>& all, const Rates& rates,
                     std::size_t trend) {
    std::vector<std::string> header = {"NAME",        "STATE",        "CPU",   "MEM",
                                       "DISK R/W /s", "NET RX/TX /s", "UPTIME"};
    if (trend > 0)
        header.insert(header.end(), {"CPU TREND", "MEM TREND"});
    Table table(std::move(header));
    for (const SandboxMetrics& one : all) {
        auto row = row_of(one, rates);
        if (trend > 0) {
            row.push_back(sparkline(rates.cpu_trend(one.run, trend), 100.0 * one.sample.cpus));
            row.push_back(sparkline(rates.memory_trend(one.run, trend),
                                    static_cast<double>(one.sample.memory_limit)));
        }
        table.add(std::move(row));
    }
    return table.render();
}

Status watch_metrics(Context& context, const MetricsOptions& options,
                     std::chrono::milliseconds interval) {
    Rates rates;
    const auto render = [&](const WindowSize& window) -> Result<std::string> {
        auto all = MSB_TRY(select_metrics(context, options));
        rates.add(all);
        sort_metrics(all, options.sort);
        if (all.empty())
            return std::string("No running sandboxes.\n");
        for (const std::size_t trend : {most_trend, most_trend / 2})
            if (std::string text = table_of(all, rates, trend); text_width(text) <= window.cols)
                return text;
        return table_of(all, rates, 0);
    };
    return watch_on_terminal("--watch", interval, render);
}

/// A line for each sandbox and interval, until a signal, or until the one that was named has ended.
Status follow_metrics(Context& context, const MetricsOptions& options,
                      std::chrono::milliseconds interval) {
    const SignalWatch signals = MSB_TRY(SignalWatch::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
    for (bool first = true;; first = false) {
        auto all = select_metrics(context, options);
        if (!all && !first && !options.name.empty())
            return {};
        MSB_TRY(Status(all ? Status() : fail(all.error())));
        for (const SandboxMetrics& one : *all)
            if (!print(json::to_text(to_document(one)) + "\n"))
                return {};
        if (MSB_TRY(sys::wait_for(signals.fd(), POLLIN, interval)))
            return {};
    }
}

/// Two samples make a rate; what runs has a second one soon.
Status print_metrics(Context& context, const MetricsOptions& options) {
    auto all = MSB_TRY(select_metrics(context, options));
    if (options.format == "json") {
        json::Value list = json::array();
        for (const SandboxMetrics& one : all)
            list.push_back(to_document(one));
        (void)print(json::to_text(options.name.empty() ? list : list.elements().front(), 2) + "\n");
        return {};
    }
    Rates rates;
    rates.add(all);
    const auto lacks_rate = [&](const SandboxMetrics& one) {
        return one.state == State::running && !rates.of(one.run);
    };
    for (int i = 0; i < most_windows && std::ranges::any_of(all, lacks_rate); ++i) {
        std::this_thread::sleep_for(rate_window);
        all = MSB_TRY(select_metrics(context, options));
        rates.add(all);
    }
    sort_metrics(all, options.sort);
    if (all.empty())
        return print_stderr("No running sandboxes.\n"), Status();
    (void)print(table_of(all, rates, 0));
    return {};
}

Status metrics(Context& context, const MetricsOptions& options) {
    const std::uint32_t ms = MSB_TRY(parse_metrics_interval(options.interval));
    if (ms == 0)
        return fail(ErrorKind::invalid_argument, "--interval: 0 is no interval");
    const std::chrono::milliseconds interval(ms);
    if (options.watch)
        return watch_metrics(context, options, interval);
    if (options.follow)
        return follow_metrics(context, options, interval);
    return print_metrics(context, options);
}

void build_metrics(Command& command, Context& context) {
    auto options = std::make_shared<MetricsOptions>();
    command.option("name", &options->name, "Only this sandbox").names(ValueOf::sandbox);
    const Option format =
        command.option("--format", &options->format, "Output format").one_of({"json"});
    const Option watch =
        command.flag("-w,--watch", &options->watch, "A table that goes on, on a terminal")
            .excludes(format);
    command.flag("-f,--follow", &options->follow, "A line of JSON for each sandbox and interval")
        .excludes(watch);
    command.option("--interval", &options->interval, "Of --watch and --follow, e.g. 500ms")
        .shows_default();
    command.flag("-a,--all", &options->all, "Also the last sample of those that have stopped");
    command.option("--sort", &options->sort, "Order of the table")
        .one_of({"name", "cpu", "mem"})
        .shows_default();
    command.action(
        [&context, options] { run_command(context, [&] { return metrics(context, *options); }); });
}

} // namespace

void add_metrics(Command& parent, Context& context) {
    parent.add("metrics", "What running sandboxes use: CPU, memory, disk, network", group_sandboxes,
               [&context](Command& command) { build_metrics(command, context); });
}

} // namespace msb::cli
