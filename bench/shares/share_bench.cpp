// Shares as a guest sees them: our virtio-fs, strict and cached, against another vhost-user server,
// with the same kernel and a directory each, taking turns so that the machine's other work hits all
// alike. Both serve without a jail.
//
// usage: share_bench DIRECTORY ROUNDS FILES MiB [SERVER ARGUMENT...]
//
// SERVER is virtiofsd, once with --cache auto (the guest may use what it was told for a second, as our
// cache=cached) and once with never (as our cache=strict); without it, ours alone is measured.
#include "base/process.hpp"
#include "base/system.hpp"
#include "device/fs/fs.hpp"
#include "device/guest_runner.hpp"
#include "virtio/device_thread.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

namespace {

using namespace msb;
namespace stdfs = std::filesystem;

using Values = std::map<std::string, std::vector<double>>;

struct Setup {
    engine::KernelBundle kernel;
    stdfs::path directory;
    unsigned files = 0;
    std::uint64_t mebibytes = 0;
    std::vector<std::string> server;
};

/// The tree that is looked at; see bench_fs of the guest.
Status make_tree(const stdfs::path& tree, unsigned files) {
    for (unsigned i = 0; i < files; ++i) {
        const unsigned directory = i / 100;
        const stdfs::path path = tree / std::to_string(directory / 10) / std::to_string(directory);
        if (i % 100 == 0)
            stdfs::create_directories(path);
        MSB_TRY(sys::open(path / std::to_string(i), O_WRONLY | O_CREAT));
    }
    return {};
}

Result<std::string> measure(const Setup& setup, const std::string& socket) {
    guest::Boot boot{.kernel = setup.kernel};
    boot.memory_mib = 512;
    boot.devices = {{static_cast<std::uint32_t>(virtio::DeviceId::fs), socket}};
    boot.words = fmt::format("msb.tasks=benchfs msb.files={} msb.known={} msb.bytes={}",
                             setup.files, setup.files * 3 / 2, setup.mebibytes << 20);
    boot.deadline = std::chrono::seconds(120);
    auto output = guest::run_guest(boot, setup.directory);
    for (const char* made : {"new", "empty", "large"})
        stdfs::remove_all(setup.directory / "shared" / made);
    return output;
}

Result<std::string> run_ours(const Setup& setup, bool cached) {
    const std::string socket = setup.directory / "ours.sock";
    std::vector<device::Shares::Share> shares;
    shares.push_back(
        {"", MSB_TRY(device::Passthrough::create(
                 MSB_TRY(sys::open(setup.directory / "shared", O_PATH)), {.cached = cached}))});
    auto device = MSB_TRY(device::Fs::create("share", device::Shares(std::move(shares))));
    auto thread =
        MSB_TRY(virtio::DeviceThread::start(MSB_TRY(sys::unix_listen(socket, 1)), *device, "fs"));
    return measure(setup, socket);
}

Result<std::string> run_peer(const Setup& setup, const std::string& cache) {
    const std::string socket = setup.directory / "peer.sock";
    MSB_TRY(sys::unlink(socket));
    std::vector<std::string> argv = setup.server;
    argv.insert(argv.end(), {"--socket-path", socket, "--shared-dir", setup.directory / "shared",
                             "--tag", "share", "--cache", cache});
    Child daemon = MSB_TRY(spawn({.argv = argv, .fds = {{2, 2}}}));
    for (int i = 0; i < 500 && !stdfs::exists(socket); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    auto output = measure(setup, socket);
    (void)daemon.signal(SIGTERM);
    (void)daemon.wait(std::chrono::seconds(5));
    return output;
}

/// Lines "msb:value NAME NUMBER"; what failed is shown.
void collect(const std::string& output, Values& values) {
    std::istringstream lines(output);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string tag;
        std::string name;
        double number = 0;
        words >> tag;
        if (tag == "msb:value" && words >> name >> number)
            values[name].push_back(number);
        else if (tag == "msb:fail")
            fmt::print(stderr, "{}\n", line);
    }
}

/// The kernel loses an interrupt of virtiofsd now and then, and waits for ever.
void collect_if_done(const Result<std::string>& output, Values& values) {
    if (output)
        collect(*output, values);
    else
        fmt::print(stderr, "virtiofsd: {}\n", output.error().message().substr(0, 60));
}

double median(std::vector<double> numbers) {
    if (numbers.empty())
        return 0;
    std::ranges::sort(numbers);
    return numbers[numbers.size() / 2];
}

Status run(const Setup& setup, int rounds) {
    MSB_TRY(make_tree(setup.directory / "shared/tree", setup.files * 3 / 2));
    Values strict, cached, peer_never, peer_auto;
    for (int i = 0; i < rounds; ++i) {
        collect(MSB_TRY(run_ours(setup, false)), strict);
        collect(MSB_TRY(run_ours(setup, true)), cached);
        if (!setup.server.empty()) {
            collect_if_done(run_peer(setup, "never"), peer_never);
            collect_if_done(run_peer(setup, "auto"), peer_auto);
        }
        fmt::print(stderr, "\rround {}/{}", i + 1, rounds);
    }
    fmt::print(stderr, "\n");
    fmt::print("{:<22} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>12}   (medians of {})\n", "shares",
               "strict", "never", "ratio", "cached", "auto", "ratio", "strict/auto", rounds);
    for (const auto& [name, numbers] : strict) {
        const double ours = median(numbers), ours_cached = median(cached[name]),
                     never = median(peer_never[name]), automatic = median(peer_auto[name]);
        fmt::print("{:<22} {:>8.0f} {:>8.0f} {:>7.2f}x {:>8.0f} {:>8.0f} {:>7.2f}x {:>11.2f}x\n",
                   name, ours, never, ours / never, ours_cached, automatic, ours_cached / automatic,
                   ours / automatic);
    }
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 5) {
        fmt::print(stderr, "usage: share_bench DIRECTORY ROUNDS FILES MiB [SERVER ARGUMENT...]\n");
        return 2;
    }
    auto kernel = guest::find_kernel();
    if (!kernel) {
        fmt::print("SKIP: {}\n", kernel.error().to_string());
        return 0;
    }
    const Setup setup{.kernel = *kernel,
                      .directory = argv[1],
                      .files = static_cast<unsigned>(std::atoi(argv[3])),
                      .mebibytes = std::strtoull(argv[4], nullptr, 10),
                      .server = {argv + 5, argv + argc}};
    if (const Status status = run(setup, std::atoi(argv[2])); !status) {
        fmt::print(stderr, "{}\n", status.error().to_string());
        return 1;
    }
    return 0;
}
