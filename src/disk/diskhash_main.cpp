// diskhash <FILE: the hash of a disk's content; content_hash.cpp says in which lines.
#include "base/bytes.hpp"
#include "base/system.hpp"
#include "disk/merkle.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>
#include <unistd.h>

namespace {

/// More only wait for memory.
constexpr unsigned max_threads = 16;

msb::Result<msb::disk::Hash> hash_input() {
    const struct stat info = MSB_TRY(msb::sys::fstat(STDIN_FILENO));
    const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1U, max_threads);
    return msb::disk::merkle_root(STDIN_FILENO, static_cast<std::uint64_t>(info.st_size), threads,
                                  [](std::uint64_t done, std::uint64_t total) {
                                      std::printf("%ju %ju\n", done, total);
                                      return std::fflush(stdout) != 0; // nobody listens any more
                                  });
}

} // namespace

int main() {
    const auto root = hash_input();
    if (root)
        std::printf("root %s\n", msb::to_hex(*root).c_str());
    else
        std::printf("error %s\n", root.error().to_string().c_str());
    return root ? 0 : 1;
}
