#include "guest_tasks.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <unistd.h>
#include <vector>

namespace msb::guest {

namespace {

constexpr std::size_t block = 4096;

std::string error_text(const char* what) {
    return std::string(what) + ": " + std::strerror(errno);
}

void fill(std::uint8_t* buffer, std::uint64_t number) {
    for (std::uint64_t i = 0; i < block / 8; ++i) {
        const std::uint64_t word = pattern(number, i);
        std::memcpy(buffer + 8 * i, &word, 8);
    }
}

bool matches(const std::uint8_t* buffer, std::uint64_t number) {
    std::vector<std::uint8_t> wanted(block);
    fill(wanted.data(), number);
    return std::memcmp(buffer, wanted.data(), block) == 0;
}

bool is_zero(const std::uint8_t* buffer, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        if (buffer[i] != 0)
            return false;
    return true;
}

std::uint8_t* aligned(std::size_t size) {
    return static_cast<std::uint8_t*>(std::aligned_alloc(block, size));
}

void drop_caches() {
    ::sync();
    const int fd = ::open("/proc/sys/vm/drop_caches", O_WRONLY);
    (void)!::write(fd, "3", 1);
    ::close(fd);
}

/// Empty string or what went wrong.
std::string write_and_read_files(std::uint64_t blocks) {
    std::uint8_t* const buffer = aligned(block);
    const int fd = ::open("/mnt/data", O_RDWR | O_CREAT, 0644);
    for (std::uint64_t i = 0; i < blocks; ++i) {
        fill(buffer, i);
        if (::write(fd, buffer, block) != block)
            return error_text("write");
    }
    if (::fsync(fd) == -1)
        return error_text("fsync");
    drop_caches();
    for (std::uint64_t i = 0; i < blocks; ++i)
        if (::pread(fd, buffer, block, static_cast<off_t>(i * block)) != block ||
            !matches(buffer, i))
            return "block " + std::to_string(i) + " reads back wrong";
    ::close(fd);
    return {};
}

} // namespace

void test_file_system(const Words& words) {
    if (::mount("/dev/vda", "/mnt", "ext4", 0, "discard") == -1)
        return fail("fs", error_text("mount"));
    std::string problem = write_and_read_files(number(words, "blocks", 4096));
    fstrim_range range{0, UINT64_MAX, 0};
    const int dir = ::open("/mnt", O_RDONLY | O_DIRECTORY);
    if (problem.empty() && ::ioctl(dir, FITRIM, &range) == -1)
        problem = error_text("FITRIM");
    ::close(dir);
    if (::umount("/mnt") == -1 && problem.empty())
        problem = error_text("umount");
    problem.empty() ? pass("fs") : fail("fs", problem);
}

void test_read_only(const Words&) {
    if (slurp("/sys/block/vdb/serial") != "test-serial-20-bytes")
        return fail("ro", "serial is '" + slurp("/sys/block/vdb/serial") + "'");
    if (slurp("/sys/block/vdb/ro") != "1\n")
        return fail("ro", "not read-only");
    const int fd = ::open("/dev/vdb", O_RDONLY);
    std::uint64_t size = 0;
    ::ioctl(fd, BLKGETSIZE64, &size);
    const std::size_t chunk = 64 * block;
    std::uint8_t* const buffer = aligned(chunk);
    for (std::uint64_t at = 0; at < size;) {
        const ssize_t count = ::read(fd, buffer, chunk);
        if (count <= 0)
            return fail("ro", error_text("read"));
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); i += block)
            if (!matches(buffer + i, (at + i) / block))
                return fail("ro", "wrong content at byte " + std::to_string(at + i));
        at += static_cast<std::uint64_t>(count);
    }
    ::close(fd);
    value("ro_bytes", static_cast<double>(size));
    pass("ro");
}

void test_raw(const Words&) {
    const int fd = ::open("/dev/vdc", O_RDWR | O_DIRECT);
    std::uint8_t* const buffer = aligned(16 * block);
    for (std::uint64_t i = 0; i < 16; ++i)
        fill(buffer + i * block, 1000 + i);
    // Across the boundary of two extents at 1 MiB.
    const off_t offset = (1 << 20) - 8 * static_cast<off_t>(block);
    if (::pwrite(fd, buffer, 16 * block, offset) != 16 * block)
        return fail("raw", error_text("pwrite"));
    if (::fsync(fd) == -1)
        return fail("raw", error_text("fsync"));
    std::uint64_t zeroes[2] = {static_cast<std::uint64_t>(offset) + 2 * block, 3 * block};
    if (::ioctl(fd, BLKZEROOUT, zeroes) == -1)
        return fail("raw", error_text("BLKZEROOUT"));
    std::uint64_t discard[2] = {static_cast<std::uint64_t>(offset) + 10 * block, 2 * block};
    if (::ioctl(fd, BLKDISCARD, discard) == -1)
        return fail("raw", error_text("BLKDISCARD"));
    std::memset(buffer, 0xee, 16 * block);
    if (::pread(fd, buffer, 16 * block, offset) != 16 * block)
        return fail("raw", error_text("pread"));
    for (std::uint64_t i = 0; i < 16; ++i) {
        const bool cleared = (i >= 2 && i < 5) || i == 10 || i == 11;
        const std::uint8_t* const at = buffer + i * block;
        if (cleared ? !is_zero(at, block) : !matches(at, 1000 + i))
            return fail("raw", "wrong content in block " + std::to_string(i));
    }
    ::close(fd);
    pass("raw");
}

void test_power_cut(const Words& words) {
    if (::mount("/dev/vda", "/mnt", "ext4", 0, nullptr) == -1)
        return fail("powercut", error_text("mount"));
    const int said = ::open("/dev/vdb", O_WRONLY | O_DIRECT);
    const int directory = ::open("/mnt", O_RDONLY | O_DIRECTORY);
    std::uint8_t* const buffer = aligned(block);
    const std::uint64_t files = number(words, "files", 20);
    for (std::uint64_t i = 1; i <= files; ++i) {
        const std::string name = "/mnt/" + std::to_string(i);
        const int fd = ::open((name + ".new").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
        for (std::uint64_t piece = 0; piece < 8; ++piece) {
            fill(buffer, i * 8 + piece);
            if (::write(fd, buffer, block) != block)
                return fail("powercut", error_text("write"));
        }
        // As databases and package managers do it.
        if (::fsync(fd) == -1 || ::rename((name + ".new").c_str(), name.c_str()) == -1 ||
            ::fsync(directory) == -1)
            return fail("powercut", error_text("fsync"));
        ::close(fd);
        std::memset(buffer, 0, block);
        std::memcpy(buffer, &i, sizeof(i));
        if (::pwrite(said, buffer, block, 0) != block)
            return fail("powercut", error_text("pwrite"));
    }
    ::umount("/mnt");
    pass("powercut");
}

void test_rng(const Words&) {
    const std::string available = slurp("/sys/class/misc/hw_random/rng_available");
    if (available.find("virtio_rng") == std::string::npos)
        return skip("rng", "this kernel has no driver");
    const int fd = ::open("/dev/hwrng", O_RDONLY);
    std::uint8_t first[64] = {};
    std::uint8_t second[64] = {};
    if (::read(fd, first, sizeof(first)) <= 0 || ::read(fd, second, sizeof(second)) <= 0)
        return fail("rng", error_text("/dev/hwrng"));
    if (is_zero(first, 16) || std::memcmp(first, second, 16) == 0)
        return fail("rng", "not random");
    pass("rng");
}

namespace {

double sequential(const char* path, int flags, std::uint64_t bytes, std::size_t chunk) {
    const int fd = ::open(path, O_RDONLY | flags);
    std::uint8_t* const buffer = aligned(chunk);
    std::memset(buffer, 1, chunk);
    const double begin = now_seconds();
    std::uint64_t done = 0;
    for (ssize_t count; done < bytes && (count = ::read(fd, buffer, chunk)) > 0;)
        done += static_cast<std::uint64_t>(count);
    const double seconds = now_seconds() - begin;
    ::close(fd);
    std::free(buffer);
    return static_cast<double>(done) / seconds / 1048576.0;
}

double random_reads(const char* path, int flags, std::uint64_t bytes, std::uint64_t seconds_x10) {
    const int fd = ::open(path, O_RDONLY | flags);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
    std::uint8_t* const buffer = aligned(block);
    std::uint64_t state = 88172645463325252ULL;
    const double begin = now_seconds();
    const double end = begin + static_cast<double>(seconds_x10) / 10;
    std::uint64_t count = 0;
    while (now_seconds() < end)
        for (int i = 0; i < 32; ++i, ++count) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            const std::uint64_t at = state % (bytes / block) * block;
            if (::pread(fd, buffer, block, static_cast<off_t>(at)) != block)
                return 0;
        }
    const double seconds = now_seconds() - begin;
    ::close(fd);
    std::free(buffer);
    return static_cast<double>(count) / seconds;
}

} // namespace

void bench_blk(const Words& words) {
    const std::uint64_t rounds = number(words, "rounds", 3);
    const std::uint64_t bytes = number(words, "bytes", 1 << 30);
    const std::uint64_t tenths = number(words, "tenths", 10);
    for (std::uint64_t i = 0; i < rounds; ++i) {
        drop_caches();
        value("sequential_cached_MiB/s", sequential("/dev/vda", 0, bytes, 128 << 10));
        drop_caches();
        value("sequential_direct_MiB/s", sequential("/dev/vda", O_DIRECT, bytes, 1 << 20));
        value("random_direct_IOPS", random_reads("/dev/vda", O_DIRECT, bytes, tenths));
        drop_caches();
        value("random_cached_IOPS", random_reads("/dev/vda", 0, bytes, tenths));
    }
}

} // namespace msb::guest
