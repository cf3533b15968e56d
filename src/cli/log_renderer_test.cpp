#include "base/bytes.hpp"
#include "cli/log_renderer.hpp"

#include <gtest/gtest.h>

using namespace msb;
using namespace msb::cli;

namespace {

LogEntry entry(std::uint64_t session, std::string_view text,
               LogSource source = LogSource::standard_output) {
    LogEntry entry;
    entry.source = source;
    entry.session = session;
    entry.time_ns = 1'600'000'000'000'000'000;
    entry.data.assign(text.begin(), text.end());
    return entry;
}

/// What is shown of entries; with `tail`, of their last lines.
std::string shown(LogStyle style, const std::vector<LogEntry>& entries,
                  std::optional<std::size_t> tail = {}) {
    LogRenderer renderer(style);
    if (tail)
        renderer.begin_tail(*tail);
    for (const LogEntry& one : entries)
        renderer.add(one);
    renderer.end_tail();
    renderer.finish();
    return renderer.take();
}

const std::vector<LogEntry> two_sessions = {entry(1, "one\ntw"), entry(2, "other\n"),
                                            entry(1, "o\nend")};

TEST(LogRenderer, JoinsPiecesAsTheyWereWritten) {
    EXPECT_EQ(shown({}, two_sessions), "one\ntwother\no\nend");
}

TEST(LogRenderer, ATailOfEverythingIsEveryByte) {
    EXPECT_EQ(shown({}, two_sessions, 100), "one\nother\ntwo\nend");
    EXPECT_EQ(shown({.raw = true}, {entry(1, "a\x1b[31m"), entry(2, "b"), entry(1, "\r\n")}, 9),
              "ba\x1b[31m\r\n");
}

TEST(LogRenderer, ATailIsOfWholeLinesAndKeepsAMissingEnd) {
    EXPECT_EQ(shown({}, two_sessions, 2), "two\nend");
    EXPECT_EQ(shown({.raw = true}, {entry(1, "x\nno-line-feed")}, 1), "no-line-feed");
}

TEST(LogRenderer, ATailKeepsALineWithoutAnEndInItsPlace) {
    const std::vector<LogEntry> entries = {entry(1, "first\nno-end"), entry(2, "later\nlast\n")};
    EXPECT_EQ(shown({.raw = true}, entries, 100), "first\nno-endlater\nlast\n");
    EXPECT_EQ(shown({.raw = true}, entries, 1), "last\n");
}

TEST(LogRenderer, LongLinesStayWhole) {
    const std::string text(300'000, 'L');
    const std::vector<LogEntry> entries = {entry(1, text.substr(0, 200'000)),
                                           entry(1, text.substr(200'000) + "\n"), entry(2, "end")};
    EXPECT_EQ(shown({}, entries, 2), text + "\nend");
    const Pattern pattern = Pattern::compile("LLL").value();
    EXPECT_EQ(shown({.grep = &pattern}, entries), text + "\n");
}

TEST(LogRenderer, AnEndlessLineIsShownInPartsWithoutAddingAnything) {
    const std::string piece(std::size_t{40} << 20, 'x');
    const Pattern pattern = Pattern::compile("x").value();
    LogRenderer renderer({.grep = &pattern});
    renderer.add(entry(1, piece));
    EXPECT_EQ(renderer.pending(), 0U);
    renderer.add(entry(1, piece));
    EXPECT_EQ(renderer.take().size(), 2 * piece.size());
    renderer.add(entry(1, "the rest has no such letter\nnor this\n"));
    EXPECT_EQ(renderer.take(), "the rest has no such letter\n");
}

TEST(LogRenderer, GrepKeepsAMissingEnd) {
    const Pattern pattern = Pattern::compile("en").value();
    EXPECT_EQ(shown({.grep = &pattern}, two_sessions), "end");
}

TEST(LogRenderer, PrefixesHaveLinesOfTheirOwn) {
    EXPECT_EQ(shown({.session_ids = true}, two_sessions),
              "[id:  1] one\n[id:  2] other\n[id:  1] two\n[id:  1] end\n");
}

TEST(LogRenderer, LeavesSequencesOutUnlessRaw) {
    EXPECT_EQ(shown({.terminal = true}, {entry(1, "a\x1b]0;x\a"
                                                  "b\a\n")}),
              "ab\\x07\n");
    EXPECT_EQ(shown({.raw = true}, {entry(1, "a\x1b]0;x\a"
                                             "b\a\n")}),
              "a\x1b]0;x\a"
              "b\a\n");
}

TEST(LogRenderer, JsonIsAnEntryALine) {
    const std::string text = shown({.json = true}, {entry(1, "a\x1b"
                                                             "b")});
    EXPECT_EQ(text.substr(0, 12), "{\"d\":\"a\\u001");
    EXPECT_EQ(text.back(), '\n');
}

} // namespace
