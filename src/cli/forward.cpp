// msb forward: ports and sockets of this machine that lead into a sandbox.
#include "client/forward.hpp"

#include "base/out_buffer.hpp"
#include "base/system.hpp"
#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "json/text.hpp"

#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>

namespace msb::cli {

namespace {

struct ForwardOptions {
    std::string name;
    std::vector<std::string> rules;
    std::string stdio;
    std::string format;
    std::size_t max_connections = 128;
    bool quiet = false;
};

/// Our own stdin and stdout as one connection, for ProxyCommand and the like.
class StdioLink {
  public:
    StdioLink(EventLoop& loop, AgentClient& client, const TcpTarget& target);

    void start();
    const std::optional<std::string>& failure() const { return failure_; }

  private:
    TcpEvents events();
    void push();
    void take(BytesView data);
    void written();
    void close_output();
    void give_up(std::optional<std::string> failure);
    void end(std::optional<std::string> failure);

    EventLoop& loop_;
    std::optional<OutputPump> out_;
    OutBuffer pending_; ///< read from stdin, for the guest
    bool input_ended_ = false;
    std::size_t not_consumed_ = 0;
    bool guest_done_ = false;
    bool ended_ = false;
    std::optional<std::string> failure_;
    TcpStream stream_;
    InputPump in_;
};

StdioLink::StdioLink(EventLoop& loop, AgentClient& client, const TcpTarget& target)
    : loop_(loop), out_(std::in_place, loop, STDOUT_FILENO), stream_(client, target, events()),
      in_(loop, STDIN_FILENO,
          InputPump::Events{
              .data =
                  [this](BytesView data) {
                      pending_.append(data);
                      push();
                  },
              .end =
                  [this] {
                      if (in_.error())
                          return give_up(in_.error()->to_string());
                      input_ended_ = true;
                      push();
                  },
              .has_room = [this] { return pending_.empty() && stream_.room() > 0; },
          }) {
    out_->on_change = [this] { written(); };
    client.on_drained([this] { push(); });
}

void StdioLink::start() {
    in_.start();
}

TcpEvents StdioLink::events() {
    return TcpEvents{
        .connected = [this] { push(); },
        .data = [this](BytesView data) { take(data); },
        .end_of_data =
            [this] {
                guest_done_ = true;
                written();
            },
        .room = [this] { push(); },
        .closed = [this] { end(std::nullopt); },
        .failed = [this](const wire::TcpFailed& failed) { end(failed.error); },
        .broken = [this](const Error& error) { end(error.to_string()); },
    };
}

void StdioLink::push() {
    while (!pending_.empty() && stream_.room() > 0)
        pending_.consume(stream_.write(pending_.view()));
    if (!pending_.empty() || !stream_.connected())
        return;
    if (!input_ended_)
        in_.resume();
    if (input_ended_ && pending_.empty()) {
        input_ended_ = false; // said once
        stream_.finish_writing();
    }
}

void StdioLink::take(BytesView data) {
    if (!out_)
        return;
    not_consumed_ += data.size();
    out_->write(data);
    written();
}

/// Something was written, or there is nothing more to write.
void StdioLink::written() {
    if (out_ && out_->broken() && !ended_) {
        // The reader of our output has seen enough.
        return give_up(out_->reader_gone() ? std::nullopt
                                           : std::optional(out_->error()->to_string()));
    }
    if (out_ && !out_->full())
        stream_.consumed(std::exchange(not_consumed_, 0));
    if (ended_ && (!out_ || out_->empty()))
        return loop_.stop();
    if (guest_done_ && out_ && out_->empty())
        close_output();
}

/// Passes the guest's end of data on to the reader of our output. On a terminal nothing needs to be
/// passed on.
void StdioLink::close_output() {
    guest_done_ = false; // said once
    if (is_terminal(STDIN_FILENO))
        return stream_.close(false);
    // Not from inside the pump's own event.
    loop_.post([this] {
        out_.reset();
        (void)::shutdown(STDOUT_FILENO, SHUT_WR);
        if (const auto nothing = sys::open("/dev/null", O_WRONLY))
            (void)::dup2(nothing->get(), STDOUT_FILENO);
    });
}

void StdioLink::give_up(std::optional<std::string> failure) {
    stream_.close(true);
    end(std::move(failure));
    loop_.stop();
}

void StdioLink::end(std::optional<std::string> failure) {
    if (std::exchange(ended_, true))
        return;
    failure_ = std::move(failure);
    written();
}

Status announce(const ForwardOptions& options, const ForwardListen& where,
                const TcpTarget& target) {
    if (options.format == "json") {
        const json::Value line = {{"listen", where.to_string()}, {"target", target.to_string()}};
        if (!print(json::to_text(line) + "\n"))
            return fail(*print_failure());
    } else if (!options.quiet && !print(fmt::format("{} -> {}\n", where.to_string(),
                                                    printable(target.to_string())))) {
        return fail(*print_failure());
    }
    if (where.path.empty() && !where.address.starts_with("127.") && where.address != "::1")
        print_warning(where.to_string() + " can be reached from other machines");
    return {};
}

/// Until the loop is stopped: by a signal, by the connection's end, or by the link itself.
Status run_until_stopped(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                         std::optional<int>& signal) {
    std::optional<Error> lost;
    client.on_closed([&](const Error& error) {
        lost = error;
        loop.stop();
    });
    MSB_TRY(signals.attach(loop, [&](int number) {
        if (number == SIGWINCH)
            return;
        signal = number;
        loop.stop();
    }));
    const Status ran = loop.run();
    signals.detach();
    client.on_closed({});
    MSB_TRY(Status(ran));
    if (lost)
        return fail(Error(*lost).wrap("forwarding ended"));
    return {};
}

Status forward_stdio(Context& context, EventLoop& loop, AgentClient& client, SignalWatch& signals,
                     const TcpTarget& target) {
    StdioLink link(loop, client, target);
    link.start();
    std::optional<int> signal;
    const Status ran = run_until_stopped(loop, client, signals, signal);
    client.on_drained({});
    MSB_TRY(Status(ran));
    if (signal)
        context.exit_code = 128 + *signal;
    if (link.failure())
        return fail(ErrorKind::unreachable, printable(*link.failure()));
    return {};
}

Status forward_ports(EventLoop& loop, AgentClient& client, SignalWatch& signals,
                     const ForwardOptions& options, const std::vector<ForwardRule>& rules) {
    Forwarder forwarder(loop, client, options.max_connections,
                        [](const TcpTarget&, const std::string& peer, const std::string& message) {
                            print_warning(
                                fmt::format("connection from {}: {}", peer, printable(message)));
                        });
    std::vector<ForwardListen> places;
    places.reserve(rules.size());
    for (const ForwardRule& rule : rules)
        places.push_back(MSB_TRY(forwarder.listen(rule)));
    // Announce the rules only now, when all of them work.
    for (std::size_t i = 0; i < rules.size(); ++i)
        MSB_TRY(announce(options, places[i], rules[i].target));
    std::optional<int> signal; // a signal is the usual end, not a failure
    return run_until_stopped(loop, client, signals, signal);
}

Status forward(Context& context, const ForwardOptions& options) {
    std::vector<ForwardRule> rules;
    TcpTarget target;
    if (options.stdio.empty() == options.rules.empty())
        return fail(Error(ErrorKind::invalid_argument,
                          options.stdio.empty() ? "nothing to forward"
                                                : "--stdio forwards one connection and no ports")
                        .with_hint("msb forward " + options.name + " 8080:80, or msb forward " +
                                   options.name + " --stdio localhost:80"));
    rules.reserve(options.rules.size());
    for (const std::string& text : options.rules)
        rules.push_back(MSB_TRY(parse_forward_rule(text)));
    if (!options.stdio.empty())
        target = MSB_TRY(parse_tcp_target(options.stdio));
    Session session = MSB_TRY(Session::open(context, options.quiet || !options.stdio.empty()));
    const auto view = MSB_TRY(session.sandboxes().get(options.name));
    if (!is_active(view.state.status))
        return fail(Error(ErrorKind::unreachable, "\"" + options.name + "\" is not running")
                        .with_hint("start it with `msb start " + options.name + "`"));
    const auto loop = MSB_TRY(EventLoop::create());
    const auto client = MSB_TRY(session.connect_agent(*loop, options.name));
    if (!options.stdio.empty())
        return forward_stdio(context, *loop, *client, session.signals(), target);
    return forward_ports(*loop, *client, session.signals(), options, rules);
}

} // namespace

void add_forward(Command& parent, Context& context) {
    parent.add(
        "forward", "Forward ports and sockets into a sandbox", group_sandboxes,
        [&context](Command& command) {
            auto options = std::make_shared<ForwardOptions>();
            command.footer(
                "RULE is [BIND:]PORT[:GUEST_HOST][:GUEST_PORT]; either side may be a Unix socket:\n"
                "  8080                      127.0.0.1:8080 to port 8080 of the guest\n"
                "  8080:80  0:80             to port 80; from any free port\n"
                "  0.0.0.0:8080:80           from other machines, too\n"
                "  8080:db:5432              to what the guest reaches as db:5432\n"
                "  8080:/run/app.sock        to a Unix socket of the guest (@name: abstract)\n"
                "  ./app.sock:/run/app.sock  from a Unix socket\n"
                "Runs until Ctrl-C.");
            command.option("name", &options->name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("rules", &options->rules, "What to forward (several)")
                .value_name("RULE");
            command.option(
                "--stdio", &options->stdio,
                "Connect stdin and stdout to [GUEST_HOST:]PORT or a socket of the guest");
            command
                .option("--max-connections", &options->max_connections,
                        "At once; more wait to be accepted (128)")
                .within(1, Forwarder::most_connections);
            command.option("--format", &options->format, "json: one line per rule")
                .one_of({"text", "json"});
            command.flag("-q,--quiet", &options->quiet, "Do not print what is forwarded");
            command.action([&context, options] {
                run_command(context, [&] { return forward(context, *options); });
            });
        });
}

} // namespace msb::cli
