#include "guest_tasks.hpp"

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <sstream>
#include <unistd.h>

namespace msb::guest {

std::string slurp(const std::string& path) {
    std::string text;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    for (ssize_t count; fd >= 0 && (count = ::read(fd, buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
    if (fd >= 0)
        ::close(fd);
    return text;
}

std::uint64_t number(const Words& words, const std::string& key, std::uint64_t otherwise) {
    const auto found = words.find(key);
    return found == words.end() ? otherwise : std::strtoull(found->second.c_str(), nullptr, 0);
}

void pass(const char* name) {
    std::printf("msb:ok %s\n", name);
}

void skip(const char* name, const std::string& reason) {
    std::printf("msb:skip %s: %s\n", name, reason.c_str());
}

void fail(const char* name, const std::string& reason) {
    std::printf("msb:fail %s: %s\n", name, reason.c_str());
}

void value(const std::string& name, double number) {
    std::printf("msb:value %s %.3f\n", name.c_str(), number);
}

double now_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::uint64_t pattern(std::uint64_t block, std::uint64_t word) {
    std::uint64_t x = block * 512 + word + 1;
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    return x;
}

void run(const Words& words) {
    const auto found = words.find("tasks");
    std::istringstream tasks(found == words.end() ? "" : found->second);
    std::string task;
    while (std::getline(tasks, task, ',')) {
        if (task == "fs")
            test_file_system(words);
        else if (task == "ro")
            test_read_only(words);
        else if (task == "raw")
            test_raw(words);
        else if (task == "powercut")
            test_power_cut(words);
        else if (task == "vsock")
            test_vsock(words);
        else if (task == "rng")
            test_rng(words);
        else if (task == "benchvsock")
            bench_vsock(words);
        else if (task == "benchblk")
            bench_blk(words);
        else if (task == "benchfs")
            bench_fs(words);
        else
            fail("task", "unknown: " + task);
    }
}

} // namespace msb::guest
