// The devices against the driver that matters: Linux, in a real guest.
#include "base/event_loop.hpp"
#include "base/file.hpp"
#include "base/process.hpp"
#include "base/system.hpp"
#include "device/blk/blk.hpp"
#include "device/rng/rng.hpp"
#include "device/vsock/vsock.hpp"
#include "guest_runner.hpp"
#include "virtio/device_thread.hpp"
#include "virtio/vhost_user_server.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <random>
#include <sys/syscall.h>
#include <thread>

namespace {
/// What a test wants to know of each flush of a disk, before it is made.
std::function<void(int fd)> before_flush;
} // namespace

/// Stands in front of that of the C library, for the devices that this program serves.
extern "C" int fdatasync(int fd) {
    if (before_flush)
        before_flush(fd);
    return static_cast<int>(::syscall(SYS_fdatasync, fd));
}

namespace msb::device {
namespace {

using virtio::DeviceThread;

std::uint64_t pattern(std::uint64_t block, std::uint64_t word) { // as guest_tasks.cpp
    std::uint64_t x = block * 512 + word + 1;
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    return x;
}

class GuestTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto found = guest::find_kernel();
        if (!found)
            GTEST_SKIP() << "SKIP: " << found.error().to_string() << "; " << found.error().hint();
        boot_.kernel = *found;
        std::string name = (std::filesystem::temp_directory_path() / "msb-guest.XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override {
        threads_.clear();
        if (!directory_.empty())
            std::filesystem::remove_all(directory_);
    }

    std::string path(const std::string& name) const { return directory_ + "/" + name; }

    OwnedFd file(const std::string& name, std::uint64_t size) {
        OwnedFd fd = *sys::open(path(name), O_RDWR | O_CREAT);
        EXPECT_TRUE(sys::truncate(fd.get(), size));
        return fd;
    }
    /// A socket for a device, put last on the kernel's command line.
    OwnedFd socket_for(virtio::Device& device) {
        const std::string socket = path(fmt::format("device{}.sock", boot_.devices.size()));
        boot_.devices.push_back({static_cast<std::uint32_t>(device.id()), socket});
        return *sys::unix_listen(socket, 1);
    }
    void serve(virtio::Device& device) {
        threads_.push_back(*DeviceThread::start(socket_for(device), device, "device"));
    }
    std::string run(const std::string& words) {
        boot_.words = words;
        auto output = guest::run_guest(boot_, directory_);
        EXPECT_TRUE(output) << output.error().to_string();
        return output ? *output : "";
    }

    guest::Boot boot_;
    std::string directory_;
    std::vector<std::unique_ptr<DeviceThread>> threads_;
};

void expect_passed(const std::string& output, const std::string& name) {
    EXPECT_NE(output.find("msb:ok " + name + "\n"), std::string::npos) << output;
}

void write_pattern(int fd, std::uint64_t file_offset, std::uint64_t first_block,
                   std::uint64_t bytes) {
    std::vector<std::uint64_t> words(bytes / 8);
    for (std::uint64_t i = 0; i < words.size(); ++i)
        words[i] = pattern(first_block + i / 512, i % 512);
    ASSERT_TRUE(sys::pwrite_all(fd, {reinterpret_cast<const std::uint8_t*>(words.data()), bytes},
                                file_offset));
}

int run_program(std::vector<std::string> argv) {
    auto child = spawn({.argv = std::move(argv), .fds = {{1, 1}, {2, 2}}});
    if (!child)
        return -1;
    const auto status = child->wait(std::chrono::seconds(30));
    return status && *status ? shell_exit_code(**status) : -1;
}

TEST_F(GuestTest, DisksServeAFileSystemAConcatenationAndRawRequests) {
    if (!std::filesystem::exists("/sbin/mkfs.ext4"))
        GTEST_SKIP() << "SKIP: mkfs.ext4 is not installed";
    const OwnedFd root = file("root.img", 64 << 20);
    ASSERT_EQ(run_program({"/sbin/mkfs.ext4", "-q", path("root.img")}), 0);
    auto root_disk = *Blk::create({.extents = {{root.get(), 0, 64 << 20}}});
    serve(*root_disk);

    // Three extents whose seams cut the guest's requests: 12 KiB, 1 MiB + 4 KiB, 200 KiB.
    const OwnedFd a = file("a", 1 << 20);
    const OwnedFd b = file("b", 2 << 20);
    constexpr std::uint64_t first = 12288;
    constexpr std::uint64_t second = (1 << 20) + 4096;
    constexpr std::uint64_t third = 204800;
    write_pattern(a.get(), 4096, 0, first);
    write_pattern(b.get(), 0, first / 4096, second);
    write_pattern(a.get(), 262144, (first + second) / 4096, third);
    auto joined = *Blk::create(
        {.extents = {{a.get(), 4096, first}, {b.get(), 0, second}, {a.get(), 262144, third}},
         .read_only = true,
         .serial = "test-serial-20-bytes"});
    serve(*joined);

    const OwnedFd c = file("c", 1 << 20);
    const OwnedFd d = file("d", 7 << 20);
    auto raw = *Blk::create({.extents = {{c.get(), 0, 1 << 20}, {d.get(), 0, 7 << 20}},
                             .durability = Durability::none});
    serve(*raw);

    const std::string output = run("msb.tasks=fs,ro,raw msb.blocks=2048");
    expect_passed(output, "fs");
    expect_passed(output, "ro");
    expect_passed(output, "raw");
    EXPECT_NE(output.find(fmt::format("msb:value ro_bytes {}.000", first + second + third)),
              std::string::npos)
        << output;
    threads_.clear();
    EXPECT_EQ(run_program({"/sbin/e2fsck", "-fn", path("root.img")}), 0);
}

/// What a power cut between two flushes may leave: of what was written since the first, each block or not.
std::string cut_between(const std::string& flushed, const std::string& next, std::mt19937& dice) {
    constexpr std::size_t sector_block = 4096;
    std::string mixed = flushed;
    for (std::size_t at = 0; at < mixed.size(); at += sector_block)
        if (dice() % 2 == 0)
            next.copy(mixed.data() + at, sector_block, at);
    return mixed;
}

std::string content_of(std::uint64_t file) { // as guest_blk.cpp
    std::string text;
    for (std::uint64_t word = 0; word < 8 * 512; ++word) {
        const std::uint64_t value = pattern(file * 8 + word / 512, word % 512);
        text.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    return text;
}

TEST_F(GuestTest, DisksKeepWhatWasSyncedThroughAPowerCut) {
    if (!std::filesystem::exists("/sbin/mkfs.ext4") || !std::filesystem::exists("/sbin/debugfs"))
        GTEST_SKIP() << "SKIP: e2fsprogs is not installed";
    constexpr std::uint64_t size = 16 << 20;
    const OwnedFd disk = file("disk.img", size);
    ASSERT_EQ(run_program({"/sbin/mkfs.ext4", "-q", "-J", "size=4", path("disk.img")}), 0);
    const OwnedFd said = file("said", 1 << 20);
    struct Moment {
        std::string disk;
        std::uint64_t said = 0; ///< the last file of which the guest knew that it was safe
    };
    std::vector<Moment> moments; // one for each flush, before it
    const auto look = [&] {
        Moment moment{std::string(size, '\0')};
        std::array<std::uint8_t, 8> number{};
        EXPECT_TRUE(sys::pread_all(said.get(), number, 0));
        EXPECT_TRUE(sys::pread_all(disk.get(),
                                   {reinterpret_cast<std::uint8_t*>(moment.disk.data()), size}, 0));
        moment.said = load_le<std::uint64_t>(number);
        moments.push_back(std::move(moment));
    };
    auto served = *Blk::create({.extents = {{disk.get(), 0, size}}});
    auto saying =
        *Blk::create({.extents = {{said.get(), 0, 1 << 20}}, .durability = Durability::none});
    serve(*served);
    serve(*saying);
    before_flush = [&](int) { look(); }; // the other disk has none
    const std::string output = run("msb.tasks=powercut msb.files=12");
    threads_.clear();
    before_flush = nullptr;
    expect_passed(output, "powercut");
    look();
    ASSERT_GT(moments.size(), 12U);
    EXPECT_EQ(moments.back().said, 12U);

    std::mt19937 dice(1);
    const std::string image = path("cut.img");
    for (std::size_t i = 0; i + 1 < moments.size(); ++i) {
        const std::string left = cut_between(moments[i].disk, moments[i + 1].disk, dice);
        const OwnedFd cut = file("cut.img", size);
        ASSERT_TRUE(sys::pwrite_all(cut.get(), as_bytes(left), 0));
        EXPECT_LE(run_program({"/sbin/e2fsck", "-p", image}), 1) << "flush " << i;
        EXPECT_EQ(run_program({"/sbin/e2fsck", "-fn", image}), 0) << "flush " << i;
        for (std::uint64_t number = 1; number <= moments[i + 1].said; ++number) {
            const std::string out = path("out");
            run_program({"/sbin/debugfs", "-R", fmt::format("dump /{} {}", number, out), image});
            EXPECT_EQ(read_file(out).value_or(""), content_of(number))
                << "file " << number << " after flush " << i;
            std::filesystem::remove(out);
        }
    }
}

/// Echoes what it reads, with back-pressure, and ends its stream when the peer does.
void make_echo(const std::shared_ptr<VsockConnection>& connection) {
    const auto pump = [raw = connection.get()] {
        while (!raw->readable().empty()) {
            const std::size_t count = raw->write(raw->readable());
            if (count == 0)
                return;
            raw->consume(count);
        }
        if (raw->at_end())
            raw->shutdown_write();
    };
    connection->on_readable = pump;
    connection->on_writable = pump;
    connection->on_connected = pump;
}

TEST_F(GuestTest, VsockAndEntropy) {
    auto loop = *EventLoop::create();
    Vsock vsock(*loop, 3);
    Rng rng(*loop);
    auto vsock_server = *virtio::VhostUserServer::create(*loop, socket_for(vsock), vsock);
    auto rng_server = *virtio::VhostUserServer::create(*loop, socket_for(rng), rng);
    std::shared_ptr<VsockConnection> outgoing;
    int accepted = 0;
    std::vector<StreamEnd> outgoing_end;
    vsock.listen(1024, [&](const std::shared_ptr<VsockConnection>& connection) {
        make_echo(connection);
        if (accepted++ == 0) {
            outgoing = vsock.connect(1025);
            make_echo(outgoing);
            outgoing->on_closed = [&](StreamEnd reason) { outgoing_end.push_back(reason); };
        }
    });
    vsock.listen(1026, [](const std::shared_ptr<VsockConnection>&) {});
    std::string output;
    std::thread guest([&] {
        output = run("msb.tasks=rng,vsock");
        loop->stop();
    });
    EXPECT_TRUE(loop->run());
    guest.join();
    if (output.find("msb:skip rng") == std::string::npos)
        expect_passed(output, "rng");
    for (const char* name :
         {"vsock_refused", "vsock_echo", "vsock_accept", "vsock_deaf", "vsock_many"})
        expect_passed(output, name);
    EXPECT_EQ(accepted, 52);
    EXPECT_EQ(outgoing_end, std::vector<StreamEnd>{StreamEnd::finished});
}

} // namespace
} // namespace msb::device
