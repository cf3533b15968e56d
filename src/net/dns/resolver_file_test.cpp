#include "base/file.hpp"
#include "net/dns/resolver_file.hpp"
#include "net/dns/resolvers.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace msb::net {
namespace {

using namespace std::chrono_literals;

class ResolverFileTest : public ::testing::Test {
  protected:
    ResolverFileTest() {
        std::string pattern = std::filesystem::temp_directory_path() / "msb-resolver.XXXXXX";
        directory = ::mkdtemp(pattern.data());
    }
    ~ResolverFileTest() override { std::filesystem::remove_all(directory); }
    void write(const std::string& text, const std::string& name = "resolv.conf") {
        std::ofstream(directory + "/" + name) << text;
    }
    /// The first resolver, if there are other ones.
    std::string look() {
        now += 2s;
        const auto resolvers = file().changed(now);
        return resolvers ? resolvers->front().to_string() : "as before";
    }
    ResolverFile& file() {
        if (!file_)
            file_.emplace(directory + "/resolv.conf");
        return *file_;
    }

    std::string directory;
    ResolverFile::Clock::time_point now = ResolverFile::Clock::now();
    std::optional<ResolverFile> file_;
};

TEST_F(ResolverFileTest, ChangesAreSeenHoweverTheyAreMade) {
    write("nameserver 192.0.2.1\n");
    EXPECT_EQ(look(), "192.0.2.1:53");
    EXPECT_EQ(look(), "as before");
    write("nameserver 192.0.2.22\n"); // in its place
    EXPECT_EQ(look(), "192.0.2.22:53");
    write("nameserver 192.0.2.33\n", "new"); // another file
    std::filesystem::rename(directory + "/new", directory + "/resolv.conf");
    EXPECT_EQ(look(), "192.0.2.33:53");
    EXPECT_EQ(look(), "as before");
}

TEST_F(ResolverFileTest, WhatHoldsNoServerChangesNothing) {
    write("nameserver 192.0.2.1\n");
    EXPECT_EQ(look(), "192.0.2.1:53");
    write("");
    EXPECT_EQ(look(), "as before");
    write("# being written\n");
    EXPECT_EQ(look(), "as before");
    std::filesystem::remove(directory + "/resolv.conf");
    EXPECT_EQ(look(), "as before");
    write("# being written\nnameserver 192.0.2.2\n");
    EXPECT_EQ(look(), "192.0.2.2:53");
}

TEST_F(ResolverFileTest, IsNotOpenedForEachLookup) {
    write("nameserver 192.0.2.1\n");
    EXPECT_EQ(look(), "192.0.2.1:53");
    write("nameserver 192.0.2.22\n");
    EXPECT_FALSE(file().changed(now + 500ms));
    EXPECT_TRUE(file().changed(now + 1s));
}

TEST(Resolvers, AreThoseThatTheFileNames) {
    const auto resolvers = resolvers_of(
        dns::parse_resolver_config("# nameserver 9.9.9.9\nsearch x\nnameserver\t1.1.1.1 # one\n"
                                   "nameserver fe80::1%lo\nnameserver fe80::1%no-such-link\n"
                                   "nameserver 2606:4700::1111\nnameserver 8.8.8.8"));
    ASSERT_EQ(resolvers.size(), 3U);
    EXPECT_EQ(resolvers[0].to_string(), "1.1.1.1:53");
    EXPECT_EQ(resolvers[1].to_string(), "[fe80::1%1]:53");
    EXPECT_EQ(resolvers[2].to_string(), "[2606:4700::1111]:53");
    EXPECT_EQ(resolvers_of({})[0].to_string(), "127.0.0.1:53");
}

} // namespace
} // namespace msb::net
