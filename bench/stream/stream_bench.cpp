// Throughput of a command's output and input through agent, vsock, runtime and agent socket,
// beside a bare vsock stream in a guest with the same kernel: there one program reads the same kind
// of file and sends it, or receives and drops; nothing is in between, nothing is logged. For
// reference, also what it sends from memory, without reading. The two take turns, so that the
// machine's other work hits both alike.
//
// usage: stream_bench AGENT_SOCKET DIRECTORY [ROUNDS [MiB]]
#include "base/system.hpp"
#include "client/exec_session.hpp"
#include "device/guest_runner.hpp"
#include "device/vsock/vsock.hpp"
#include "virtio/vhost_user_server.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sstream>
#include <thread>
#include <vector>

namespace {

using namespace msb;
using Clock = std::chrono::steady_clock;

constexpr std::size_t chunk = std::size_t{64} << 10;
constexpr double mib = 1 << 20;

struct Rates {
    std::vector<double> out; ///< guest to host, MiB/s
    std::vector<double> in;
    std::vector<double> from_memory; ///< bare streams only: no file is read
};

// --- a bare stream ------------------------------------------------------------------------------

void make_sink(const std::shared_ptr<device::VsockConnection>& connection) {
    connection->on_readable = [raw = connection.get()] {
        raw->consume(raw->readable().size());
        if (raw->at_end())
            raw->shutdown_write();
    };
}

void make_source(const std::shared_ptr<device::VsockConnection>& connection, std::uint64_t bytes) {
    const auto data = std::make_shared<Bytes>(chunk, std::uint8_t{0x55});
    const auto left = std::make_shared<std::uint64_t>(bytes);
    const auto pump = [raw = connection.get(), data, left] {
        while (*left > 0) {
            const std::size_t count =
                raw->write(BytesView(*data).first(std::min<std::uint64_t>(chunk, *left)));
            if (count == 0)
                return;
            *left -= count;
        }
        raw->shutdown_write();
    };
    connection->on_writable = pump;
    pump();
}

Status run_bare(const std::string& directory, std::uint64_t bytes, Rates& rates) {
    const auto loop = MSB_TRY(EventLoop::create());
    device::Vsock vsock(*loop, 3);
    const std::string socket = directory + "/vsock.sock";
    MSB_TRY(sys::unlink(socket));
    const auto server = MSB_TRY(
        virtio::VhostUserServer::create(*loop, MSB_TRY(sys::unix_listen(socket, 1)), vsock));
    vsock.listen(1030, make_sink);
    vsock.listen(1031, [bytes](const auto& connection) { make_source(connection, bytes); });
    guest::Boot boot;
    boot.kernel = MSB_TRY(guest::find_kernel());
    boot.devices = {{static_cast<std::uint32_t>(vsock.id()), socket}};
    boot.words = fmt::format("msb.tasks=benchvsock msb.bytes={}", bytes);
    boot.deadline = std::chrono::seconds(300);
    Result<std::string> output = std::string();
    std::thread guest([&] {
        output = guest::run_guest(boot, directory);
        loop->stop();
    });
    const Status served = loop->run();
    guest.join();
    MSB_TRY(Status(served));
    std::istringstream lines(MSB_TRY(std::move(output)));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string tag;
        std::string name;
        double number = 0;
        if (words >> tag >> name >> number && tag == "msb:value")
            (name == "vsock_out"  ? rates.out
             : name == "vsock_in" ? rates.in
                                  : rates.from_memory)
                .push_back(number);
    }
    return {};
}

// --- through a command --------------------------------------------------------------------------

class Stream {
  public:
    Stream(EventLoop& loop, AgentClient& client) : loop_(loop), client_(client) {}

    /// MiB/s of so many bytes of input (0: of what the command writes).
    Result<double> run(std::string script, std::uint64_t input) {
        wire::ExecRequest request;
        request.cmd = "sh";
        request.args = {"-c", std::move(script)};
        request.env = {"PATH=/bin:/usr/bin"};
        request.flow = true;
        left_ = input;
        received_ = 0;
        const auto done = [this](Status status) {
            status_ = std::move(status);
            loop_.stop();
        };
        ExecEvents events;
        events.started = [this](std::uint32_t) { pump(); };
        events.out = [this](BytesView data) { received_ += data.size(); };
        events.err = [](BytesView data) { std::fwrite(data.data(), 1, data.size(), stderr); };
        events.stdin_error = [](const wire::ExecStdinError&) {};
        events.exited = [&](const wire::ExecExited&) { done({}); };
        events.failed = [&](const wire::ExecFailed& failed) {
            done(fail(ErrorKind::system, failed.message));
        };
        events.broken = [&](const Error& error) { done(fail(error)); };
        events.input_room = [this] { pump(); };
        client_.on_drained([this] { pump(); });
        const auto begun = Clock::now();
        ExecSession session(client_, request, std::move(events));
        session_ = &session;
        MSB_TRY(loop_.run());
        client_.on_drained({});
        MSB_TRY(std::move(status_));
        const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
        return static_cast<double>(input > 0 ? input : received_) / mib / seconds;
    }

  private:
    void pump() {
        if (ended_input_ == session_)
            return;
        while (left_ > 0 && session_->wants_input() &&
               client_.queued() <= AgentClient::high_water) {
            const auto size = std::min<std::uint64_t>(chunk, left_);
            left_ -= size;
            session_->write_stdin(BytesView(data_).first(size));
        }
        if (left_ == 0 && session_->wants_input()) {
            ended_input_ = session_;
            session_->close_stdin();
        }
    }

    EventLoop& loop_;
    AgentClient& client_;
    ExecSession* session_ = nullptr;
    const ExecSession* ended_input_ = nullptr;
    Bytes data_ = Bytes(chunk, std::uint8_t{0x55});
    std::uint64_t left_ = 0;
    std::uint64_t received_ = 0;
    Status status_;
};

Status run_through_command(const std::string& socket, std::uint64_t bytes, Rates& rates) {
    const auto loop = MSB_TRY(EventLoop::create());
    const auto client = MSB_TRY(AgentClient::connect(*loop, socket));
    // A file in the guest's page cache: its disk has no part in this.
    const std::uint64_t file = std::min<std::uint64_t>(bytes, std::uint64_t{64} << 20);
    MSB_TRY(Stream(*loop, *client).run("cat >/tmp/stream", file));
    const std::string script =
        fmt::format("i=0; while [ $i -lt {} ]; do dd if=/tmp/stream bs=256k 2>/dev/null; "
                    "i=$((i+1)); done",
                    bytes / file);
    rates.out.push_back(MSB_TRY(Stream(*loop, *client).run(script, 0)));
    rates.in.push_back(
        MSB_TRY(Stream(*loop, *client).run("dd of=/dev/null bs=256k 2>/dev/null", bytes)));
    return {};
}

double median(std::vector<double> values) {
    if (values.empty())
        return 0;
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void report(const char* name, const std::vector<double>& ours, const std::vector<double>& bare) {
    fmt::print("{:<34} {:8.1f} MiB/s  bare vsock stream {:8.1f} MiB/s  ratio {:.2f} (wanted >= "
               "0.6)  n={}\n",
               name, median(ours), median(bare), median(ours) / median(bare), ours.size());
}

Status bench(const std::string& socket, const std::string& directory, int rounds,
             std::uint64_t bytes) {
    Rates ours;
    Rates bare;
    for (int i = 0; i < rounds; ++i) {
        MSB_TRY(run_bare(directory, bytes, bare));
        MSB_TRY(run_through_command(socket, bytes, ours));
    }
    report("output of a command", ours.out, bare.out);
    report("the same, bare from memory", ours.out, bare.from_memory);
    report("input of a command", ours.in, bare.in);
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: stream_bench AGENT_SOCKET DIRECTORY [ROUNDS [MiB]]\n", stderr);
        return 2;
    }
    const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
    const auto size = static_cast<std::uint64_t>(argc > 4 ? std::atoi(argv[4]) : 1024) << 20;
    if (const auto done = bench(argv[1], argv[2], rounds, size); !done) {
        std::fprintf(stderr, "stream_bench: %s\n", done.error().to_string().c_str());
        return 1;
    }
    return 0;
}
