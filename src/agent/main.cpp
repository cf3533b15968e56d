// Process 1 of the guest: boot, serve, stop. Under the name of modprobe, the kernel's helper.

#include "agent/boot/boot.hpp"
#include "agent/boot/console.hpp"
#include "agent/boot/freezer.hpp"
#include "agent/boot/growth.hpp"
#include "agent/boot/heartbeat_file.hpp"
#include "agent/boot/modules.hpp"
#include "agent/boot/root.hpp"
#include "agent/boot/stop.hpp"
#include "agent/boot/transport.hpp"
#include "agent/boot/usage.hpp"
#include "base/system.hpp"
#include "wire/console_report.hpp"

#include <algorithm>
#include <malloc.h>
#include <span>
#include <sys/epoll.h>
#include <unistd.h>

using namespace msb;
using namespace msb::agent;
using namespace std::chrono_literals;

namespace {

constexpr auto heartbeat_period = 1s;
constexpr std::size_t max_report_message = 1024;
constexpr std::chrono::nanoseconds clock_tolerance = 50ms;
constexpr auto report_time = 2s; ///< for the host to take the reason of a failed boot

[[noreturn]] void report_failure(Machine& machine, const char* stage, const Error& error) {
    complain(std::string("boot failed: ") + stage + ": " + error.to_string());
    if (machine.initramfs)
        (void)save_root(machine.initramfs.get());
    wire::BootFailed failed;
    failed.stage = stage;
    if (error.sys_errno() != 0)
        failed.sys_errno = error.sys_errno();
    failed.message = error.to_string().substr(0, max_report_message);
    if (!machine.control) { // the console is all there is to tell it by
        complain(wire::console_boot_report(failed));
    } else {
        machine.control.send(failed);
        machine.control.finish(report_time);
    }
    power_off();
}

/// The agent once it is ready: everything runs from its loop.
class Agent {
  public:
    Agent(EventLoop& loop, Server& server, Machine& machine)
        : loop_(loop), server_(server), machine_(machine), stopper_(server, machine),
          freezer_(loop,
                   [this](const wire::FreezeReport& report) { machine_.control.send(report); }),
          growth_(loop,
                  [this](const wire::RootDiskState& state) { machine_.control.send(state); }) {}

    Status serve() {
        server_.on_shutdown = [this](const wire::Shutdown& request) {
            freezer_.thaw(); // or what is written at the end would wait
            stopper_.begin(request);
        };
        // systemd spares the agent when it ends all others (handoff.cpp).
        if (machine_.has_init && running_init() != InitKind::systemd)
            server_.on_terminate = [this] { stopper_.leave(); };
        spare_ = MSB_TRY(sys::event_fd());
        MSB_TRY(loop_.watch(machine_.listener.get(), EPOLLIN, [this](std::uint32_t) { accept(); }));
        MSB_TRY(
            loop_.watch(machine_.control.fd(), EPOLLIN, [this](std::uint32_t) { on_control(); }));
        machine_.times.ready_time_ns = boot_clock_ns();
        machine_.control.send(machine_.times);
        if (!machine_.has_init)
            set_up_for_programs(machine_);
        schedule_heartbeat();
        for (;;) {
            MSB_TRY(server_.step(1h));
            report_drained();
            stopper_.poll();
        }
    }

  private:
    void accept() {
        auto client = accept_from_host(machine_.listener.get());
        if (client) {
            if (*client)
                server_.add_client(std::move(*client));
            return;
        }
        // Out of descriptors: take the connection with the spare one, so that it ends instead of
        // keeping the loop awake.
        spare_.reset();
        (void)accept_from_host(machine_.listener.get());
        if (auto spare = sys::event_fd())
            spare_ = std::move(*spare);
    }

    void on_control() {
        bool alive = machine_.control.receive();
        while (alive) {
            const auto frame = machine_.control.next();
            alive = frame.has_value() && (!*frame || handle_control(**frame));
            if (alive && !*frame)
                return;
        }
        // Without the runtime there is no way back in: save what there is and end.
        loop_.unwatch(machine_.control.fd());
        server_.request_shutdown({});
    }

    bool handle_control(const wire::Frame& frame) {
        const auto envelope = wire::decode_envelope(frame.body);
        if (!envelope)
            return false;
        if (envelope->type == wire::Shutdown::type) {
            server_.request_shutdown(
                wire::Shutdown::decode(envelope->payload).value_or(wire::Shutdown{}));
        } else if (envelope->type == wire::Drain::type) {
            server_.request_drain();
        } else if (envelope->type == wire::ReadersProgress::type) {
            stopper_.readers_moved();
        } else if (envelope->type == wire::Pong::type) {
            stopper_.host_answered();
        } else if (envelope->type == wire::ClockSync::type) {
            if (const auto sync = wire::ClockSync::decode(envelope->payload))
                follow_clock(*sync);
        } else if (envelope->type == wire::Freeze::type) {
            if (const auto freeze = wire::Freeze::decode(envelope->payload))
                freezer_.freeze(machine_.initramfs.get(), *freeze);
        } else if (envelope->type == wire::Thaw::type) {
            freezer_.thaw();
        } else if (envelope->type == wire::RootDiskGrow::type) {
            if (const auto grow = wire::RootDiskGrow::decode(envelope->payload))
                growth_.begin(machine_.initramfs.get(), *grow);
        } else if (envelope->type == wire::Ping::type) {
            machine_.control.send(wire::Pong{});
        }
        return true; // anything else is from a newer host and optional
    }

    /// The host read its clock after it got the heartbeat: at some moment between our sending it
    /// and now. A difference smaller than this uncertainty is ignored.
    void follow_clock(const wire::ClockSync& sync) {
        if (sync.heartbeat_seq && *sync.heartbeat_seq != heartbeats_)
            return; // very late; the next one is on its way
        std::chrono::nanoseconds half{0};
        if (sync.heartbeat_seq)
            half = (EventLoop::Clock::now() - heartbeat_sent_) / 2;
        set_clock(sync.unix_time_nanos + static_cast<std::uint64_t>(half.count()),
                  std::max(clock_tolerance, half));
    }

    void report_drained() {
        if (!drained_ && server_.drained()) {
            drained_ = true;
            machine_.control.send(wire::Drained{});
        }
    }

    void schedule_heartbeat() {
        loop_.after(heartbeat_period, [this] {
            wire::Heartbeat heartbeat = server_.heartbeat();
            heartbeat.heartbeat_seq = ++heartbeats_;
            if (machine_.report_usage && !usage_) // not before: booting is quick
                usage_.emplace();
            if (usage_)
                heartbeat.usage = usage_->read();
            heartbeat_sent_ = EventLoop::Clock::now();
            machine_.control.send(heartbeat);
            if (machine_.own_directory)
                write_heartbeat(machine_.own_directory.get(), heartbeat);
            schedule_heartbeat();
        });
    }

    EventLoop& loop_;
    Server& server_;
    Machine& machine_;
    Stopper stopper_;
    Freezer freezer_;
    Growth growth_;
    OwnedFd spare_;
    std::optional<UsageMeter> usage_;
    std::uint64_t heartbeats_ = 0;
    EventLoop::Clock::time_point heartbeat_sent_{};
    bool drained_ = false;
};

Status serve(Machine& machine) {
    const auto loop = MSB_TRY(EventLoop::create());
    const auto server = MSB_TRY(Server::create(*loop, std::move(machine.config)));
    return Agent(*loop, *server, machine).serve();
}

} // namespace

int main(int argc, char** argv) {
    const std::span<char* const> arguments(argv, static_cast<std::size_t>(argc));
    if (is_modprobe(arguments))
        return run_modprobe(arguments);
    if (::getpid() != 1) {
        complain("this program is the first process of a sandbox's guest, started by its kernel");
        return 1;
    }
    open_console();
    // Giving pages back and asking for them again costs more than keeping them: a page fault is
    // among the most expensive things in a guest. Setting one of these thresholds stops malloc from
    // adapting the other.
    ::mallopt(M_TRIM_THRESHOLD, 4 << 20);
    ::mallopt(M_MMAP_THRESHOLD, 8 << 20);
    Machine machine;
    if (const auto booted = boot(machine); !booted)
        report_failure(machine, booted.error().stage, booted.error().error);
    const Status served = serve(machine);
    report_failure(machine, "serve", served.error());
}
