// What one client's commands cost beside other clients: one whose command writes 1 GiB that the
// client never reads, and as many idle ones as a sandbox takes. In turns, so that the machine's
// other work hits all alike.
//
// usage: exec_isolation AGENT_SOCKET [ROUNDS]
#include "exec_call.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <vector>

namespace {

using namespace msb;
using namespace std::chrono_literals;

constexpr int batch = 20;
constexpr std::size_t idle_clients = 127; // and we are the 128th

/// A client that starts a command which writes for long, and then never reads again.
class StuckClient {
  public:
    static Result<std::unique_ptr<StuckClient>> make(EventLoop& loop, const std::string& socket) {
        auto stuck = std::unique_ptr<StuckClient>(new StuckClient);
        stuck->client_ = MSB_TRY(AgentClient::connect(loop, socket));
        bool started = false;
        ExecEvents events;
        events.started = [&](std::uint32_t) {
            started = true;
            loop.stop();
        };
        events.out = events.err = [](BytesView) {};
        events.stdin_error = [](const wire::ExecStdinError&) {};
        events.exited = [](const wire::ExecExited&) {};
        events.failed = [&](const wire::ExecFailed&) { loop.stop(); };
        events.broken = [&](const Error&) { loop.stop(); };
        stuck->session_.emplace(*stuck->client_,
                                command("sh", {"-c", "exec dd if=/dev/zero bs=64k count=16384"}),
                                std::move(events));
        MSB_TRY(loop.run());
        if (!started)
            return fail(ErrorKind::system, "the command that writes did not start");
        stuck->client_->pause_reading(true);
        return stuck;
    }

  private:
    StuckClient() = default;
    std::unique_ptr<AgentClient> client_;
    std::optional<ExecSession> session_;
};

Status measure(EventLoop& loop, AgentClient& client, std::vector<double>& times) {
    const wire::ExecRequest request = command("/bin/true", {});
    for (int i = 0; i < batch; ++i)
        times.push_back(MSB_TRY(run_command(loop, client, request)));
    return {};
}

Status bench(const std::string& socket, int rounds) {
    const auto loop = MSB_TRY(EventLoop::create());
    const auto client = MSB_TRY(AgentClient::connect(*loop, socket));
    std::vector<double> warm_up;
    MSB_TRY(measure(*loop, *client, warm_up));
    std::vector<double> alone;
    std::vector<double> beside_stuck;
    std::vector<double> beside_idle;
    for (int round = 0; round < rounds; ++round) {
        MSB_TRY(measure(*loop, *client, alone));
        {
            const auto stuck = MSB_TRY(StuckClient::make(*loop, socket));
            MSB_TRY(measure(*loop, *client, beside_stuck));
        }
        std::vector<std::unique_ptr<AgentClient>> idle;
        while (idle.size() < idle_clients) {
            // The place of a client that has just gone may not be free yet.
            auto another = AgentClient::connect(*loop, socket);
            if (another)
                idle.push_back(std::move(*another));
            else if (idle.size() + 1 < idle_clients)
                return fail(std::move(another).error());
        }
        MSB_TRY(measure(*loop, *client, beside_idle));
    }
    const double base = percentile(alone, 0.5);
    fmt::print("exec alone in one connection       p50 {:.2f} ms  p90 {:.2f}  n={}\n", base,
               percentile(alone, 0.9), alone.size());
    const auto print = [base](const char* name, const std::vector<double>& times) {
        const double p50 = percentile(times, 0.5);
        fmt::print("    {:<31}p50 {:.2f} ms  p90 {:.2f}  ratio {:.2f} (wanted <= 1.2)\n", name, p50,
                   percentile(times, 0.9), p50 / base);
    };
    print("beside 1 GiB that nobody reads", beside_stuck);
    print("beside 127 idle clients", beside_idle);
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: exec_isolation AGENT_SOCKET [ROUNDS]\n", stderr);
        return 2;
    }
    const auto done = bench(argv[1], argc > 2 ? std::atoi(argv[2]) : 5);
    if (!done) {
        std::fprintf(stderr, "exec_isolation: %s\n", done.error().to_string().c_str());
        return 1;
    }
    return 0;
}
