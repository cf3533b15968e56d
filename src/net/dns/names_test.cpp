#include "net/dns/names.hpp"

#include <array>
#include <gtest/gtest.h>

namespace msb::net {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string>;

const IpAddress one(Ipv4Bytes{1, 1, 1, 1}), two(Ipv4Bytes{2, 2, 2, 2});
const NameMemory::Clock::time_point start{};

TEST(NameMemory, HoldsWhatAnAnswerSaysForItsTime) {
    NameMemory memory;
    memory.learn("a.org", std::array{one, two}, 100s, start);
    memory.learn("b.org", std::array{one}, 200s, start);
    EXPECT_EQ(memory.names_of(one, start), (Names{"a.org", "b.org"}));
    EXPECT_EQ(memory.names_of(two, start + 100s), Names{"a.org"});
    EXPECT_EQ(memory.names_of(*IpAddress::parse("::ffff:2.2.2.2"), start), Names{"a.org"});
    EXPECT_EQ(memory.names_of(one, start + 101s), Names{"b.org"});
    EXPECT_TRUE(memory.names_of(one, start + 201s).empty());
    memory.learn("a.org", std::array{two}, 300s, start + 90s); // again
    EXPECT_EQ(memory.names_of(two, start + 380s), Names{"a.org"});
    memory.learn("c.org", std::array{two}, 1s, start + 350s);
    EXPECT_EQ(memory.size(), 2U); // what was over is gone
    memory.clear();
    EXPECT_TRUE(memory.names_of(two, start).empty());
}

TEST(NameMemory, TimesHaveBounds) {
    NameMemory memory;
    memory.learn("a.org", std::array{one}, 0s, start);
    memory.learn("b.org", std::array{two}, std::chrono::seconds(UINT32_MAX), start);
    EXPECT_EQ(memory.names_of(one, start + NameMemory::least_time), Names{"a.org"});
    EXPECT_TRUE(memory.names_of(two, start + NameMemory::most_time + 1s).empty());
}

TEST(NameMemory, IsBounded) {
    NameMemory memory;
    memory.learn("first.org", std::array{one}, 60s, start);
    for (std::size_t i = 0; i < NameMemory::max_bindings; ++i)
        memory.learn(std::to_string(i) + ".org", std::array{two}, 100s, start);
    EXPECT_EQ(memory.size(), NameMemory::max_bindings);
    EXPECT_TRUE(memory.names_of(one, start).empty()); // the one that ends first made room
}

} // namespace
} // namespace msb::net
