// Boots kernels the way a sandbox does: a process in the runtime's jail starts the engine in a jail
// inside it, locks itself down, and sees the machine's end. Plays both the CLI and the runtime.
//
// usage: boot BUNDLE SCENARIO...     prints "SCENARIO: how it ended; what the console said"
//        boot BUNDLE --time N        prints the milliseconds from spawn() to the end, and the share
//                                    of the jails in them
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "engine/engine.hpp"
#include "jail/jail.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <functional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace msb;
using namespace std::chrono_literals;

constexpr std::uint64_t memory = 128 << 20;

// ---- the runtime's part, in its jail ------------------------------------------------------------

Result<int> run_machine(const std::string& scenario) {
    engine::Machine machine;
    machine.memory_bytes = memory;
    machine.kernel = MSB_TRY(engine::load_kernel_bundle("/kernel"));
    machine.initramfs = "/initramfs";
    machine.console_fd = 1;
    machine.isolate_guest_users = scenario.ends_with("-restricted");
    machine.extra_cmdline =
        "msb.do=" + (scenario == "orphan" ? "hang" : scenario.substr(0, scenario.find('-')));
    OwnedFd listener;
    if (scenario == "device") {
        listener = MSB_TRY(sys::unix_listen("/run/0.sock", 1));
        machine.devices = {{.virtio_id = 4, .path = "/run/0.sock"}};
    }
    const auto engine = MSB_TRY(engine::Engine::start(engine::EngineKind::uml, machine));
    MSB_TRY(jail::lock_down(jail::Role::runtime, {.writable = {"/run"}, .readable = {}}));
    if (listener) {
        if (!MSB_TRY(sys::wait_for(listener.get(), POLLIN, 10s)))
            return fail(ErrorKind::timed_out, "no connection from the engine");
        // Refused as a device: the guest goes on without it.
        const OwnedFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    std::string note;
    if (scenario == "hang") {
        MSB_TRY(sys::wait_for(4, POLLIN, 30s)); // until the guest is up
        const auto activity = engine->activity();
        note = !activity                        ? ", CPU time unknown"
               : activity->cpu_time.count() > 0 ? ", used CPU time"
                                                : ", idle";
        MSB_TRY(engine->stop());
    }
    const auto exit = MSB_TRY(engine->wait(60s));
    if (!exit)
        return fail(ErrorKind::timed_out, "the machine does not end");
    MSB_TRY(sys::write_all(3, as_bytes(std::string(to_string(exit->reason)) + note)));
    return 0;
}

int runtime_main(const char* scenario) {
    const auto code = run_machine(scenario);
    if (!code)
        (void)sys::write_all(3, as_bytes(code.error().to_string()));
    return code.value_or(1);
}

// ---- the CLI's part -----------------------------------------------------------------------------

/// A newc archive (Documentation/driver-api/early-userspace/buffer-format.rst) with /init only.
std::string make_initramfs(const std::string& init) {
    std::string archive;
    int inode = 1;
    const auto add = [&](const std::string& name, unsigned mode, const std::string& content) {
        archive +=
            fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                        "{:08x}{:08x}{:08x}",
                        inode++, mode, 0, 0, 1, 0, content.size(), 0, 0, 0, 0, name.size() + 1, 0);
        archive += name + '\0';
        archive.resize(align_up<std::size_t>(archive.size(), 4));
        archive += content;
        archive.resize(align_up<std::size_t>(archive.size(), 4));
    };
    add("init", S_IFREG | 0755, init);
    add("TRAILER!!!", 0, "");
    return archive;
}

struct Outcome {
    std::string verdict, console;
    std::int64_t spawned_ns = 0, ended_ns = 0;
};

/// Reads all; calls `when_up` once the guest has said that it is.
Result<std::string> drain(int fd, std::function<Status()> when_up = nullptr) {
    std::string text;
    std::array<std::uint8_t, 4096> part{};
    for (;;) {
        if (!MSB_TRY(sys::wait_for(fd, POLLIN, 60s)))
            return fail(ErrorKind::timed_out, "output does not end");
        const auto count = MSB_TRY(sys::read(fd, part));
        if (count == 0)
            return text;
        text += as_text({part.data(), count});
        if (when_up && text.find("guest is up") != std::string::npos)
            MSB_TRY(std::exchange(when_up, nullptr)());
    }
}

class Cli {
  public:
    Cli(std::string bundle, std::string scratch)
        : bundle_(std::move(bundle)), scratch_(std::move(scratch)) {}

    Status prepare() {
        const std::string here = MSB_TRY(executable_directory());
        program_ = here + "/boot";
        MSB_TRY(make_directories(scratch_ + "/run", 0700));
        return write_file_atomic(scratch_ + "/initramfs",
                                 make_initramfs(MSB_TRY(read_file(here + "/guest"))), 0644, false);
    }

    Result<Outcome> run(const std::string& scenario) {
        auto console = MSB_TRY(sys::pipe());
        auto verdict = MSB_TRY(sys::pipe());
        auto up = MSB_TRY(sys::pipe());
        Outcome outcome;
        const auto start = monotonic_ns();
        Child runtime = MSB_TRY(jail::spawn({
            .role = jail::Role::runtime,
            .argv = {"/runtime", "--inside", scenario},
            .binds = {{program_, "/runtime", false, true},
                      {bundle_, "/kernel", false, true},
                      {scratch_ + "/initramfs", "/initramfs"},
                      {scratch_ + "/run", "/run", true}},
            .fds = {{1, console[1].get()}, {2, 2}, {3, verdict[1].get()}, {4, up[0].get()}},
        }));
        outcome.spawned_ns = monotonic_ns() - start;
        console[1].reset();
        verdict[1].reset();
        // The console ends when the last process that holds it does.
        outcome.console = MSB_TRY(drain(console[0].get(), [&] {
            if (scenario == "orphan") // the engine must not survive its runtime
                return runtime.signal(SIGKILL);
            return sys::write_all(up[1].get(), as_bytes("u"));
        }));
        outcome.verdict = MSB_TRY(drain(verdict[0].get()));
        if (!MSB_TRY(runtime.wait(10s)))
            return fail(ErrorKind::timed_out, "the runtime does not end");
        outcome.ended_ns = monotonic_ns() - start;
        MSB_TRY(sys::unlink(scratch_ + "/run/0.sock"));
        return outcome;
    }

  private:
    std::string bundle_, scratch_, program_;
};

double median_ms(std::vector<std::int64_t> values) {
    std::ranges::sort(values);
    return static_cast<double>(values[values.size() / 2]) / 1e6;
}

Status time_boots(Cli& cli, int count) {
    std::vector<std::int64_t> spawned, ended;
    for (int i = 0; i < count; ++i) {
        const Outcome outcome = MSB_TRY(cli.run("poweroff"));
        spawned.push_back(outcome.spawned_ns);
        ended.push_back(outcome.ended_ns);
    }
    fmt::print("runtime's jail {:.2f} ms, whole {:.2f} ms\n", median_ms(spawned), median_ms(ended));
    return {};
}

Status play(Cli& cli, int argc, char** argv) {
    MSB_TRY(cli.prepare());
    if (argc == 4 && std::string(argv[2]) == "--time")
        return time_boots(cli, std::max(1, std::atoi(argv[3])));
    for (int i = 2; i < argc; ++i) {
        Outcome outcome = MSB_TRY(cli.run(argv[i]));
        std::ranges::replace(outcome.console, '\n', ' ');
        fmt::print("{}: {}; {}\n", argv[i], outcome.verdict, outcome.console);
    }
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::string(argv[1]) == "--inside")
        return runtime_main(argv[2]);
    if (argc < 3)
        return 2;
    std::string scratch = "/tmp/msb-boot-test.XXXXXX";
    if (::mkdtemp(scratch.data()) == nullptr)
        return 2;
    Cli cli(argv[1], scratch);
    const Status status = play(cli, argc, argv);
    (void)remove_tree(scratch);
    if (!status)
        fmt::print(stderr, "{}\n", status.error().to_string());
    return status ? 0 : 1;
}
