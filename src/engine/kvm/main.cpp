// The program `kvm`: started by the engine in its jail, with /dev/kvm on device_fd and the console on 1.
#include "engine/kvm/machine.hpp"

#include <csignal>
#include <fmt/core.h>
#include <unistd.h>

namespace {

using namespace msb;
using namespace msb::engine::kvm;

Status run(std::span<char* const> arguments) {
    OwnedFd device(device_fd);
    const auto machine = MSB_TRY(MachineRunner::create(MSB_TRY(parse_arguments(arguments)),
                                                       std::move(device), STDOUT_FILENO));
    return machine->run();
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const Status done = run({argv + 1, static_cast<std::size_t>(argc - 1)});
    fmt::print(stderr, "microvm: {}: {}\n", describe(End::not_started),
               done ? "the loop has ended" : done.error().to_string());
    ::_exit(static_cast<int>(End::not_started));
}
