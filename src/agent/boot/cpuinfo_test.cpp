#include "agent/boot/cpuinfo.hpp"
#include "base/file.hpp"

#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace msb::agent {
namespace {

/// The words of the first line that begins with `name`.
std::set<std::string> words(const std::string& text, const std::string& name) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(name))
            continue;
        std::istringstream rest(line.substr(line.find(':') + 1));
        return {std::istream_iterator<std::string>(rest), {}};
    }
    return {};
}

TEST(Cpuinfo, SaysOfTheProcessorWhatTheHostsKernelSays) {
    const std::string ours = describe_processors(1);
    if (ours.empty())
        GTEST_SKIP() << "not for this architecture";
    const auto hosts = read_file("/proc/cpuinfo");
    ASSERT_TRUE(hosts);
    for (const char* line : {"vendor_id", "cpu family", "model\t", "model name", "stepping",
                             "cpuid level", "clflush size", "cache_alignment", "address sizes"})
        EXPECT_EQ(words(ours, line), words(*hosts, line)) << line;
    const auto our_flags = words(ours, "flags");
    const auto host_flags = words(*hosts, "flags");
    // What a program may use without asking the kernel.
    for (const char* flag :
         {"sse4_2",   "popcnt",        "aes",         "avx",         "fma",      "avx2",
          "bmi1",     "bmi2",          "adx",         "sha_ni",      "rdrand",   "f16c",
          "movbe",    "abm",           "erms",        "fsrm",        "fsgsbase", "clflushopt",
          "clwb",     "gfni",          "vaes",        "vpclmulqdq",  "avx512f",  "avx512bw",
          "avx512vl", "avx512vbmi",    "avx512_vnni", "avx512_bf16", "avx_vnni", "rdtscp",
          "sse4a",    "3dnowprefetch", "mmxext",      "lahf_lm",     "lm"})
        EXPECT_EQ(our_flags.contains(flag), host_flags.contains(flag)) << flag;
}

TEST(Cpuinfo, HasAnEntryForEachProcessor) {
    const std::string text = describe_processors(2);
    if (text.empty())
        GTEST_SKIP() << "not for this architecture";
    EXPECT_EQ(words(text, "siblings"), std::set<std::string>{"2"});
    const std::string second = text.substr(text.find("\n\n") + 2);
    EXPECT_EQ(words(second, "processor"), std::set<std::string>{"1"});
    EXPECT_EQ(words(second, "core id"), std::set<std::string>{"1"});
}

} // namespace
} // namespace msb::agent
