#include "base/file.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "logs/exec_log.hpp"
#include "logs/reader.hpp"
#include "logs/terminal_text.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace msb {
namespace {

class LogsTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "msb-logs.XXXXXX";
        files_.directory = ::mkdtemp(pattern.data());
        ASSERT_TRUE(make_directories(files_.logs()));
    }
    void TearDown() override { (void)remove_tree(files_.directory); }

    OwnedFd logs_directory() const {
        return sys::open(files_.logs(), O_RDONLY | O_DIRECTORY).value();
    }
    std::unique_ptr<ExecLog> exec_log() const { return ExecLog::open(logs_directory()).value(); }

    static LogQuery all() {
        LogQuery query;
        query.sources.insert(LogSource::system);
        return query;
    }
    std::vector<std::string> texts(const LogQuery& query) const {
        std::vector<std::string> found;
        const auto entries = read_logs(files_, query).value();
        found.reserve(entries.size());
        for (const LogEntry& entry : entries)
            found.emplace_back(as_text(entry.data));
        return found;
    }

    SandboxFiles files_;
};

using Texts = std::vector<std::string>;

std::string line_of(std::int64_t seconds, std::string_view text,
                    LogSource source = LogSource::standard_output) {
    std::string line;
    append_log_line(line, seconds * 1'000'000'000, source, 1, as_bytes(text));
    return line;
}

TEST_F(LogsTest, EveryByteSurvives) {
    const auto log = exec_log();
    const Bytes binary = {0xff, 0x00, 'x'};
    log->write(LogSource::standard_output, 1, as_bytes("plain \"text\"\n\x01"));
    log->write(LogSource::standard_error, 2, binary);
    log->mark("sandbox stopped");
    const auto entries = read_logs(files_, all()).value();
    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(as_text(entries[0].data), "plain \"text\"\n\x01");
    EXPECT_EQ(entries[0].session, 1U);
    EXPECT_EQ(entries[1].data, binary);
    EXPECT_EQ(entries[1].source, LogSource::standard_error);
    EXPECT_EQ(entries[2].source, LogSource::system);
    EXPECT_FALSE(entries[2].session);
    EXPECT_EQ(as_text(entries[2].data), "--- sandbox stopped ---\n");
    EXPECT_NE(read_file(files_.exec_log()).value().find("\"e\":\"b64\""), std::string::npos);
}

TEST(LogLineTest, KeysAreSortedAndTimesHaveMilliseconds) {
    std::string line;
    append_log_line(line, 1'767'323'045'678'999'999, LogSource::output, 12, as_bytes("é\n"));
    EXPECT_EQ(line,
              "{\"d\":\"é\\n\",\"id\":12,\"s\":\"output\",\"t\":\"2026-01-02T03:04:05.678Z\"}\n");
}

TEST(LogLineTest, WhateverIsWrittenIsReadAgainAndIsNotMuchLonger) {
    Bytes data;
    std::uint32_t random = 1;
    for (std::size_t size = 0; size < 3000; size = size < 300 ? size + 1 : size + 97) {
        // From words with an escape here and there to nothing but control characters.
        for (const std::uint32_t rarity : {1U, 2U, 3U, 4U, 16U, 1000U}) {
            data.clear();
            for (std::size_t i = 0; i < size; ++i) {
                random = random * 1'664'525 + 1'013'904'223;
                const bool control = (random >> 8) % rarity == 0;
                data.push_back(static_cast<std::uint8_t>(control ? random >> 27
                                                                 : 0x20 + (random >> 24) % 0x5f));
            }
            std::string line;
            append_log_line(line, 0, LogSource::output, 1, data);
            EXPECT_LE(line.size(), 3 * size + 400);
            const auto record = parse_log_line(std::string_view(line).substr(0, line.size() - 1));
            ASSERT_TRUE(record) << line;
            ASSERT_EQ(record->data, data) << line;
        }
    }
    std::string zeros;
    append_log_line(zeros, 0, LogSource::output, 1, Bytes(max_log_data));
    EXPECT_NE(zeros.find("\"e\":\"b64\""), std::string::npos);
    EXPECT_LT(zeros.size(), max_log_data * 3 / 2);
    std::string words;
    append_log_line(words, 0, LogSource::output, 1, as_bytes("\x1b[31mred\x1b[0m\r\n"));
    EXPECT_EQ(words.find("b64"), std::string::npos);
}

TEST(LogLineTest, LinesOfOtherWritersAreRead) {
    const auto record = parse_log_line(
        R"({ "t":"2026-01-02T04:04:05+01:00", "s":"stderr","new":1.5, "d":"\ud83d\ude00\/\ud800x","id":null })");
    ASSERT_TRUE(record);
    EXPECT_EQ(as_text(record->data), "😀/\xef\xbf\xbdx");
    EXPECT_EQ(record->time_ns, 1'767'323'045'000'000'000);
    EXPECT_FALSE(record->session);
}

TEST(LogLineTest, LinesThatAreNotValidAreRefused) {
    for (const char* bad :
         {"", "{", "[]", "{}", "{\"d\":1,\"s\":\"stdout\",\"t\":\"2026-01-02T03:04:05Z\"}",
          "{\"d\":\"x\",\"t\":\"2026-01-02T03:04:05Z\"}",
          "{\"d\":\"!\",\"e\":\"b64\",\"s\":\"stdout\",\"t\":\"2026-01-02T03:04:05Z\"}",
          "{\"d\":\"x\",\"s\":\"stdout\",\"t\":\"2026-01-02T03:04:05Z\"",
          "{\"d\":\"x\",\"s\":\"stdout\",\"t\":\"2026-02-30T03:04:05Z\"}",
          "{\"d\":[[]],\"s\":\"stdout\",\"t\":\"2026-01-02T03:04:05Z\"}"})
        EXPECT_FALSE(parse_log_line(bad)) << bad;
}

TEST(LogLineTest, TheBeginningOfACharacterIsFound) {
    EXPECT_EQ(incomplete_utf8_suffix("abc"), 0U);
    EXPECT_EQ(incomplete_utf8_suffix("é"), 0U);
    EXPECT_EQ(incomplete_utf8_suffix("\xc3"), 1U);
    EXPECT_EQ(incomplete_utf8_suffix("a\xe2\x82"), 2U);
    EXPECT_EQ(incomplete_utf8_suffix("\xf0\x9f\x98"), 3U);
    EXPECT_EQ(incomplete_utf8_suffix("\x80\x80\x80\x80"), 0U);
}

TEST_F(LogsTest, RotationKeepsThreeOldFilesOfBoundedSize) {
    const auto log = exec_log();
    const Bytes block(1 << 20, 'x');
    for (int i = 0; i < 55; ++i)
        log->write(LogSource::standard_output, 1, block);
    EXPECT_TRUE(exists(files_.exec_log() + ".3"));
    EXPECT_FALSE(exists(files_.exec_log() + ".4"));
    EXPECT_LE(sys::stat(files_.exec_log() + ".1").value().st_size,
              static_cast<off_t>(RotatingFile::rotate_bytes));
}

TEST_F(LogsTest, ALineThatWasCutSpoilsNoOther) {
    ASSERT_TRUE(write_file_atomic(files_.exec_log(), line_of(1, "a") + "{\"d\":\"cut"));
    exec_log()->write(LogSource::standard_output, 1, as_bytes("b"));
    EXPECT_EQ(texts({}), (Texts{"a", "b"}));
}

TEST_F(LogsTest, AFollowerAcrossRotationsSeesEveryLineOnce) {
    const auto log = exec_log();
    LogReader reader = LogReader::open(files_, {}).value();
    // Every line is read a few rotations late, but before the file is gone.
    const std::string filler(60'000, 'f');
    std::size_t written = 0;
    std::size_t read = 0;
    const auto drain = [&] {
        while (const auto entry = reader.next().value()) {
            const std::string number(as_text(entry->data).substr(0, 8));
            ASSERT_EQ(std::stoul(number), read++);
        }
    };
    for (int round = 0; round < 5; ++round) {
        for (int i = 0; i < 400; ++i) {
            char number[9];
            std::snprintf(number, sizeof(number), "%08zu", written++);
            log->write(LogSource::standard_output, 1, as_bytes(number + filler));
        }
        drain();
    }
    EXPECT_EQ(read, written);
    EXPECT_FALSE(reader.take_missed());
}

TEST_F(LogsTest, AFollowerThatIsTooSlowIsToldSo) {
    const auto log = exec_log();
    log->write(LogSource::standard_output, 1, as_bytes("first"));
    LogReader reader = LogReader::open(files_, {}).value();
    ASSERT_TRUE(reader.next().value());
    const std::string cursor = read_logs(files_).value()[0].cursor.to_string();
    const Bytes block(1 << 20, 'x');
    for (int i = 0; i < 55; ++i)
        log->write(LogSource::standard_output, 1, block);
    // What is left of its own file is still there for it.
    ASSERT_TRUE(reader.next().value());
    EXPECT_FALSE(reader.take_missed());
    while (reader.next().value()) {
    }
    EXPECT_TRUE(reader.take_missed());
    EXPECT_FALSE(reader.take_missed());
    LogQuery resume;
    resume.after = LogCursor::parse(cursor).value();
    const auto gone = LogReader::open(files_, resume);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().kind(), ErrorKind::not_found);
}

TEST_F(LogsTest, ReadingGoesOnBehindACursor) {
    const auto log = exec_log();
    for (const char* text : {"a", "b", "c"})
        log->write(LogSource::standard_output, 1, as_bytes(text));
    LogQuery tail;
    tail.tail_entries = 2;
    for (const LogQuery& query : {LogQuery{}, tail}) {
        const auto entries = read_logs(files_, query).value();
        LogQuery resume;
        resume.after = LogCursor::parse(entries[entries.size() - 2].cursor.to_string()).value();
        EXPECT_EQ(texts(resume), Texts{"c"});
    }
    for (const char* bad : {"", "x", "AAAA", "AwAAAAAAAAA="})
        EXPECT_FALSE(LogCursor::parse(bad)) << bad;
}

TEST_F(LogsTest, TheLogsAreMergedByTime) {
    ASSERT_TRUE(write_file_atomic(files_.exec_log() + ".1", line_of(10, "out 10")));
    ASSERT_TRUE(write_file_atomic(files_.exec_log(), line_of(20, "mark 20", LogSource::system) +
                                                         line_of(40, "out 40")));
    ASSERT_TRUE(write_file_atomic(files_.kernel_log(),
                                  "1970-01-01T00:00:15.000Z [ 0.0] \x1b]0;evil\aboot\r\n"
                                  "1970-01-01T00:00:30.000Z end\n"));
    ASSERT_TRUE(write_file_atomic(files_.runtime_log(), "1970-01-01T00:00:25.000Z INFO ready\n"));
    const Texts wanted = {"out 10", "[ 0.0] boot\n", "mark 20", "INFO ready\n", "end\n", "out 40"};
    EXPECT_EQ(texts(all()), wanted);
    EXPECT_EQ(texts({}), (Texts{"out 10", "out 40"}));
    for (std::size_t count = 0; count <= wanted.size() + 1; ++count) {
        LogQuery tail = all();
        tail.tail_entries = count;
        const std::size_t skip = wanted.size() - std::min(count, wanted.size());
        EXPECT_EQ(texts(tail),
                  Texts(wanted.begin() + static_cast<std::ptrdiff_t>(skip), wanted.end()));
    }
}

TEST_F(LogsTest, OneSessionOnly) {
    std::string text;
    for (const auto& [session, data] : {std::pair{1, "one"}, {2, "two"}, {1, "more"}})
        append_log_line(text, 1'000'000'000, LogSource::standard_output, session,
                        as_bytes(std::string_view(data)));
    append_log_line(text, 1'000'000'000, LogSource::system, {}, as_bytes(std::string_view("mark")));
    ASSERT_TRUE(write_file_atomic(files_.exec_log(), text));
    LogQuery query;
    query.session = 1;
    query.sources.insert(LogSource::system);
    EXPECT_EQ(texts(query), (Texts{"one", "more"}));
    query.tail_entries = 1;
    EXPECT_EQ(texts(query), Texts{"more"});
    query.session = 3;
    EXPECT_EQ(texts(query), Texts{});
}

TEST_F(LogsTest, SinceIsInclusiveAndUntilExclusive) {
    ASSERT_TRUE(
        write_file_atomic(files_.exec_log(), line_of(1, "1") + line_of(2, "2") + line_of(3, "3")));
    LogQuery query;
    query.since_ns = 2'000'000'000;
    query.until_ns = 3'000'000'000;
    EXPECT_EQ(texts(query), Texts{"2"});
    query.until_ns.reset();
    query.tail_entries = 1;
    EXPECT_EQ(texts(query), Texts{"3"});
}

TEST_F(LogsTest, LinesThatAreTooLongAreLeftOut) {
    const std::string huge(2 * max_log_line, 'x');
    ASSERT_TRUE(
        write_file_atomic(files_.exec_log(), line_of(1, "a") + huge + "\n" + line_of(2, "b")));
    EXPECT_EQ(texts({}), (Texts{"a", "b"}));
    LogQuery tail;
    tail.tail_entries = 9;
    EXPECT_EQ(texts(tail), (Texts{"a", "b"}));
}

TEST_F(LogsTest, AnEmptiedFileIsReadFromItsBeginning) {
    ASSERT_TRUE(write_file_atomic(files_.exec_log(), line_of(1, "a") + line_of(2, "b")));
    LogReader reader = LogReader::open(files_, {}).value();
    while (reader.next().value()) {
    }
    const OwnedFd file = sys::open(files_.exec_log(), O_WRONLY | O_TRUNC).value();
    ASSERT_TRUE(sys::write_all(file.get(), as_bytes(line_of(3, "c"))));
    const auto entry = reader.next().value();
    ASSERT_TRUE(entry);
    EXPECT_EQ(as_text(entry->data), "c");
}

TEST_F(LogsTest, AFloodIsWrittenByTheThreadInOrder) {
    const auto loop = EventLoop::create().value();
    const auto log = exec_log();
    bool progress = false;
    log->start(*loop, [&] { progress = true; });
    const std::string block(30'000, 'b');
    for (int i = 0; i < 300; ++i) {
        log->write(LogSource::standard_output, 1, as_bytes(std::to_string(1000 + i) + block));
        while (log->full())
            ASSERT_TRUE(loop->run_once(std::chrono::seconds(10)));
    }
    log->flush();
    EXPECT_TRUE(log->written(log->newest()));
    EXPECT_TRUE(progress);
    const Texts found = texts({});
    ASSERT_EQ(found.size(), 300U);
    for (int i = 0; i < 300; ++i)
        EXPECT_EQ(found[static_cast<std::size_t>(i)].substr(0, 4), std::to_string(1000 + i));
}

TEST(LogTimeTest, TakesTimesAndAges) {
    constexpr std::int64_t second = 1'000'000'000;
    constexpr std::int64_t now = 1'000'000 * second;
    EXPECT_EQ(parse_log_time("90", now).value(), now - 90 * second);
    EXPECT_EQ(parse_log_time("5m", now).value(), now - 300 * second);
    EXPECT_EQ(parse_log_time("2h", now).value(), now - 7200 * second);
    EXPECT_EQ(parse_log_time("1d", now).value(), now - 86400 * second);
    EXPECT_EQ(parse_log_time("4000000000d", now).value(), 0);
    EXPECT_EQ(parse_log_time("1970-01-02T00:00:00.5Z", now).value(), 86400 * second + second / 2);
    for (const char* bad : {"", "m", "-5m", "5w", "bogus", "1970-01-02"})
        EXPECT_FALSE(parse_log_time(bad, now)) << bad;
}

std::string shown(std::string_view text, TerminalText::Options options = {}) {
    return TerminalText(options).filter(text);
}

TEST(TerminalTextTest, SequencesAreDroppedAndColoursKeptIfWanted) {
    const std::string_view text = "a\x1b[31mred\x1b[0m\x1b]0;title\a\x1b[2J\x1bPdcs\x1b\\\x1b(Bz";
    EXPECT_EQ(shown(text), "aredz");
    EXPECT_EQ(shown(text, {.colours = true}), "a\x1b[31mred\x1b[0mz");
    EXPECT_EQ(shown("\x1b[>4;2mx", {.colours = true}), "x"); // sets what keys send
}

TEST(TerminalTextTest, SequencesMayBeCutAnywhere) {
    TerminalText filter({.colours = true});
    std::string out;
    for (const char* piece : {"a\x1b", "[3", "1mb\x1b]0;ti", "tle\a", "c"})
        out += filter.filter(piece);
    EXPECT_EQ(out, "a\x1b[31mbc");
}

TEST(TerminalTextTest, AnUnfinishedSequenceHidesNothingForLong) {
    EXPECT_EQ(shown("\x1b]0;never ends\nnext line"), "\nnext line");
    const std::string rest = shown("\x1b]" + std::string(10'000, 'x'));
    EXPECT_GT(rest.size(), 5000U);
}

TEST(TerminalTextTest, OtherControlsAreVisible) {
    EXPECT_EQ(shown("a\bb\x7f\xc2\x9b\xff"), "a\\x08b\\x7f\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(shown("one\r\ntwo\rthree"), "one\ntwo\nthree");
    EXPECT_EQ(shown("a\bb\xff\r\n", {.visible_controls = false}), "a\bb\xff\r\n");
}

TEST(TerminalTextTest, ALineStaysALine) {
    EXPECT_EQ(plain_line("\x1b[1mA\rB\x1b[0m\r"), "A B");
}

} // namespace
} // namespace msb
