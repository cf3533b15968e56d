// The tasks guest_init can do; each prints "msb:ok NAME", "msb:fail NAME: reason",
// "msb:skip NAME: reason" or "msb:value NAME NUMBER".
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace msb::guest {

using Words = std::map<std::string, std::string>;

/// The whole file; empty if it cannot be read.
std::string slurp(const std::string& path);
std::uint64_t number(const Words& words, const std::string& key, std::uint64_t otherwise);
void pass(const char* name);
void skip(const char* name, const std::string& reason);
void fail(const char* name, const std::string& reason);
void value(const std::string& name, double number);
double now_seconds();
/// What block number `block` of a test disk holds, at 8-byte index `word` of it.
std::uint64_t pattern(std::uint64_t block, std::uint64_t word);

/// Does the comma-separated tasks of msb.tasks.
void run(const Words& words);

void test_file_system(const Words& words); ///< ext4 on /dev/vda
void test_read_only(const Words& words);   ///< pattern on /dev/vdb
void test_raw(const Words& words);         ///< /dev/vdc: writes, discard, zeroes, flush
/// ext4 on /dev/vda: files that are fsynced and renamed, and the number of the last of them on /dev/vdb.
void test_power_cut(const Words& words);
void test_vsock(const Words& words);
void test_rng(const Words& words);
void bench_vsock(const Words& words); ///< streams to and from the host
void bench_blk(const Words& words);   ///< /dev/vda
void bench_fs(const Words& words);    ///< the share "share"

} // namespace msb::guest
