#include "json/text.hpp"
#include "net/ledger/ledger.hpp"

#include <gtest/gtest.h>

namespace msb::net {
namespace {

struct Written {
    std::vector<std::string> lines;
    Ledger ledger{[this](std::string_view line) { lines.emplace_back(line); }};
    json::Value last() const { return *json::parse(lines.back()); }
};

Flow flow() {
    return {.protocol = Protocol::tcp,
            .destination = {IpAddress(Ipv4Bytes{1, 1, 1, 1}), 443},
            .names = {"a.org"}};
}

TEST(Ledger, AFlowIsWrittenWhenItEnds) {
    Written written;
    {
        FlowRecord record(&written.ledger, flow(), "public", "allow@public");
        record.sent = 7;
        FlowRecord moved = std::move(record);
        moved.received = 9;
        EXPECT_TRUE(written.lines.empty());
    }
    ASSERT_EQ(written.lines.size(), 1U);
    const json::Value entry = written.last();
    EXPECT_EQ(*entry.find("name")->text(), "a.org");
    EXPECT_EQ(*entry.find("address")->text(), "1.1.1.1");
    EXPECT_EQ(entry.find("port")->unsigned_integer(), 443U);
    EXPECT_EQ(*entry.find("rule")->text(), "allow@public");
    EXPECT_EQ(entry.find("sent")->unsigned_integer(), 7U);
    EXPECT_EQ(entry.find("received")->unsigned_integer(), 9U);
    EXPECT_EQ(*entry.find("outcome")->text(), "closed");
    FlowRecord forgotten(&written.ledger, flow(), "public", "");
    forgotten.forget();
    forgotten = {};
    EXPECT_EQ(written.lines.size(), 1U);
}

TEST(Ledger, RefusalsHaveTheirReason) {
    Written written;
    written.ledger.write(denied_entry(flow(), "public", "", "no rule matches"));
    EXPECT_EQ(*written.last().find("outcome")->text(), "denied");
    EXPECT_EQ(*written.last().find("reason")->text(), "no rule matches");
    EXPECT_TRUE(written.last().find("rule")->is_null());
    Flow lookup = flow();
    lookup.lookup = true;
    written.ledger.write(lookup_entry(lookup, "allow@dns"));
    EXPECT_EQ(*written.last().find("type")->text(), "lookup");
    EXPECT_TRUE(written.last().find("address")->is_null());
}

TEST(Ledger, BeyondARateLinesAreCounted) {
    Written written;
    for (int i = 0; i < 5000; ++i)
        written.ledger.write(denied_entry(flow(), "public", "", ""));
    EXPECT_GE(written.lines.size(), 2000U);
    EXPECT_LT(written.lines.size(), 4000U);
}

} // namespace
} // namespace msb::net
