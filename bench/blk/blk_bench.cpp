// Disk throughput as a guest sees it: our virtio-blk against qemu-storage-daemon, on the same file,
// with the same kernel, taking turns so that the machine's other work hits both alike.
//
// usage: blk_bench FILE [ROUNDS [MiB]]     FILE is made (random content) if it does not exist
#include "base/process.hpp"
#include "base/system.hpp"
#include "device/blk/blk.hpp"
#include "device/guest_runner.hpp"
#include "virtio/device_thread.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <sstream>
#include <sys/random.h>
#include <thread>

namespace {

using namespace msb;

using Values = std::map<std::string, std::vector<double>>;

struct Setup {
    guest::Boot boot;
    std::string file;
    std::string directory;
    std::uint64_t bytes = 0;
};

Status make_file(const std::string& path, std::uint64_t bytes) {
    if (const auto info = sys::stat(path);
        info && static_cast<std::uint64_t>(info->st_size) >= bytes)
        return {};
    const OwnedFd fd = MSB_TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC));
    Bytes chunk(1 << 20);
    (void)!::getrandom(chunk.data(), 256, 0);
    for (std::size_t i = 256; i < chunk.size(); ++i)
        chunk[i] = static_cast<std::uint8_t>(chunk[i - 256] * 5 + 1);
    for (std::uint64_t done = 0; done < bytes; done += chunk.size())
        MSB_TRY(sys::write_all(fd.get(), chunk));
    return {};
}

/// Both start with the whole file in the host's page cache.
Status warm(const std::string& path) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY));
    Bytes chunk(1 << 20);
    while (MSB_TRY(sys::read(fd.get(), chunk)) != 0) {
    }
    return {};
}

Result<std::string> measure(const Setup& setup, const std::string& socket) {
    guest::Boot boot = setup.boot;
    boot.devices = {{static_cast<std::uint32_t>(virtio::DeviceId::block), socket}};
    boot.words = fmt::format("msb.tasks=benchblk msb.rounds=1 msb.bytes={}", setup.bytes);
    boot.deadline = std::chrono::seconds(120);
    return guest::run_guest(boot, setup.directory);
}

Result<std::string> run_ours(const Setup& setup) {
    const std::string socket = setup.directory + "/ours.sock";
    const OwnedFd file = MSB_TRY(sys::open(setup.file, O_RDONLY));
    auto disk = MSB_TRY(
        device::Blk::create({.extents = {{file.get(), 0, setup.bytes}}, .read_only = true}));
    auto thread =
        MSB_TRY(virtio::DeviceThread::start(MSB_TRY(sys::unix_listen(socket, 1)), *disk, "blk"));
    return measure(setup, socket);
}

Result<std::string> run_peer(const Setup& setup) {
    const std::string socket = setup.directory + "/peer.sock";
    MSB_TRY(sys::unlink(socket));
    Child daemon = MSB_TRY(spawn(
        {.argv =
             {"/usr/bin/qemu-storage-daemon", "--object", "iothread,id=io", "--blockdev",
              "driver=file,node-name=disk,read-only=on,filename=" + setup.file, "--export",
              "type=vhost-user-blk,id=export,node-name=disk,iothread=io,addr.type=unix,addr.path=" +
                  socket},
         .fds = {{2, 2}}}));
    for (int i = 0; i < 200 && !std::filesystem::exists(socket); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    auto output = measure(setup, socket);
    (void)daemon.signal(SIGTERM);
    (void)daemon.wait(std::chrono::seconds(5));
    return output;
}

/// Lines "msb:value NAME NUMBER".
void collect(const std::string& output, Values& values) {
    std::istringstream lines(output);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream words(line);
        std::string tag;
        std::string name;
        double number = 0;
        if (words >> tag >> name >> number && tag == "msb:value")
            values[name].push_back(number);
    }
}

double median(std::vector<double> numbers) {
    if (numbers.empty())
        return 0;
    std::ranges::sort(numbers);
    return numbers[numbers.size() / 2];
}

Status run(const Setup& setup, int rounds) {
    MSB_TRY(make_file(setup.file, setup.bytes));
    MSB_TRY(warm(setup.file));
    Values ours;
    Values peer;
    for (int i = 0; i < rounds; ++i) {
        collect(MSB_TRY(run_ours(setup)), ours);
        collect(MSB_TRY(run_peer(setup)), peer);
        fmt::print(stderr, "\rround {}/{}", i + 1, rounds);
    }
    fmt::print(stderr, "\n");
    fmt::print("{:<28} {:>12} {:>12} {:>8}   (medians of {})\n", "blk", "msb", "qemu-sd", "ratio",
               rounds);
    for (const auto& [name, numbers] : ours)
        fmt::print("{:<28} {:>12.1f} {:>12.1f} {:>7.2f}x\n", name, median(numbers),
                   median(peer[name]), median(numbers) / median(peer[name]));
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: blk_bench FILE [ROUNDS [MiB]]\n");
        return 2;
    }
    auto kernel = guest::find_kernel();
    if (!kernel || !std::filesystem::exists("/usr/bin/qemu-storage-daemon")) {
        fmt::print("SKIP: {}\n",
                   kernel ? "qemu-storage-daemon is not installed" : kernel.error().to_string());
        return 0;
    }
    std::string directory = (std::filesystem::temp_directory_path() / "msb-bench.XXXXXX").string();
    if (::mkdtemp(directory.data()) == nullptr)
        return 1;
    Setup setup{.boot = {.kernel = *kernel}, .file = argv[1], .directory = directory};
    setup.bytes = (argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1024) << 20;
    const Status status = run(setup, argc > 2 ? std::atoi(argv[2]) : 20);
    std::filesystem::remove_all(directory);
    if (!status)
        fmt::print(stderr, "{}\n", status.error().to_string());
    return status ? 0 : 1;
}
