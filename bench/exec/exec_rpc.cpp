// What one command costs inside one connection, as a library call: from sending the request to the
// exit event. Beside it what the guest itself needs to fork, execute and reap the same program, in
// turns so that the machine's other work hits both alike.
//
// usage: exec_rpc AGENT_SOCKET [COMMANDS]
#include "exec_call.hpp"

#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <vector>

namespace {

using namespace msb;

Status bench(const std::string& socket, int commands) {
    constexpr int batch = 20;
    const auto loop = MSB_TRY(EventLoop::create());
    const auto client = MSB_TRY(AgentClient::connect(*loop, socket));
    // The shell forks and executes the program as the agent does, without any part of ours.
    const auto guest_loop = [](int count) {
        return command("sh", {"-c", fmt::format("i=0; while [ $i -lt {} ]; do /bin/true; "
                                                "i=$((i+1)); done",
                                                count)});
    };
    const wire::ExecRequest one = command("/bin/true", {});
    for (int i = 0; i < batch; ++i)
        MSB_TRY(run_command(*loop, *client, one));
    std::vector<double> ours;
    std::vector<double> guest;
    for (int i = 0; i < commands; i += batch) {
        for (int j = 0; j < batch; ++j)
            ours.push_back(MSB_TRY(run_command(*loop, *client, one)));
        const double empty = MSB_TRY(run_command(*loop, *client, guest_loop(0)));
        guest.push_back((MSB_TRY(run_command(*loop, *client, guest_loop(batch))) - empty) / batch);
    }
    const double p50 = percentile(ours, 0.5);
    const double inside = percentile(guest, 0.5);
    fmt::print("exec in one connection             p50 {:.2f} ms (wanted <= 12)  p90 {:.2f}  "
               "p99 {:.2f}  n={}\n",
               p50, percentile(ours, 0.9), percentile(ours, 0.99), ours.size());
    fmt::print("    the guest's own fork+exec+wait {:.2f} ms; outside of it {:.2f} ms "
               "(wanted <= 1)\n",
               inside, p50 - inside);
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: exec_rpc AGENT_SOCKET [COMMANDS]\n", stderr);
        return 2;
    }
    const auto done = bench(argv[1], argc > 2 ? std::atoi(argv[2]) : 400);
    if (!done) {
        std::fprintf(stderr, "exec_rpc: %s\n", done.error().to_string().c_str());
        return 1;
    }
    return 0;
}
