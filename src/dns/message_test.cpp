#include "base/testing/hex.hpp"
#include "dns/message.hpp"

#include <gtest/gtest.h>

namespace msb::dns {
namespace {

using msb::testing::from_hex;

Bytes query_for(std::initializer_list<std::string_view> labels, std::uint16_t type,
                bool extended = false) {
    Bytes bytes{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(extended)};
    for (const std::string_view label : labels) {
        bytes.push_back(static_cast<std::uint8_t>(label.size()));
        bytes.insert(bytes.end(), label.begin(), label.end());
    }
    const auto low = static_cast<std::uint8_t>(type);
    bytes.insert(bytes.end(), {0, 0, low, 0, 1});
    if (extended)
        bytes.insert(bytes.end(), {0, 0, 41, 0x05, 0x00, 0, 0, 0, 0, 0, 0});
    return bytes;
}

TEST(DnsMessage, QueriesAreUnderstood) {
    const auto parsed = parse_query(query_for({"WWW", "Example", "org"}, type_aaaa, true));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->code, Code::no_error);
    EXPECT_EQ(parsed->query.id, 0x1234);
    EXPECT_EQ(parsed->query.question.name, "www.example.org");
    EXPECT_EQ(parsed->query.question.type, type_aaaa);
    EXPECT_TRUE(parsed->query.extended);
    EXPECT_EQ(parsed->query.answer_size, 0x500);
    EXPECT_EQ(parse_query(query_for({"a.b", "\x01"}, 1))->query.question.name, "a\\046b.\\001");
}

TEST(DnsMessage, RubbishGetsItsCodeOrNothing) {
    EXPECT_FALSE(parse_query(Bytes(11)));
    Bytes message = query_for({"a"}, 1);
    message[2] |= 0x80; // an answer
    EXPECT_FALSE(parse_query(message));
    message = query_for({"a"}, 1);
    message[2] = 0x28; // opcode 5
    EXPECT_EQ(parse_query(message)->code, Code::not_implemented);
    message = query_for({"a"}, 1);
    message[5] = 2; // two questions
    EXPECT_EQ(parse_query(message)->code, Code::format_error);
    message = query_for({"a"}, 1);
    message[12] = 0xc0; // compressed
    EXPECT_EQ(parse_query(message)->code, Code::format_error);
    const std::string label(63, 'x');
    EXPECT_EQ(parse_query(query_for({label, label, label, label}, 1))->code, Code::format_error);
    message = query_for({"abc"}, 1);
    for (std::size_t size = header_size; size < message.size(); ++size)
        EXPECT_EQ(parse_query(BytesView(message).first(size))->code, Code::format_error);
}

TEST(DnsMessage, AnswersBelongToTheirQuestion) {
    const Bytes query = query_for({"example", "org"}, 1);
    const BytesView question = BytesView(query).subspan(header_size);
    Bytes answer = query;
    answer[2] |= 0x80;
    EXPECT_TRUE(answers(answer, 0x1234, question));
    EXPECT_FALSE(answers(answer, 0x1235, question));
    EXPECT_FALSE(answers(query, 0x1234, question)); // a query
    answer[13] = 'E';                               // case does not matter
    EXPECT_TRUE(answers(answer, 0x1234, question));
    answer[13] = 'x';
    EXPECT_FALSE(answers(answer, 0x1234, question));
    answer.resize(20);
    EXPECT_FALSE(answers(answer, 0x1234, question));
}

TEST(DnsMessage, OurOwnAnswers) {
    const Bytes query = query_for({"host", "microsandbox", "internal"}, type_a, true);
    const auto parsed = parse_query(query);
    const Bytes answer =
        make_answer(query, parsed->query, Code::no_error, IpAddress(Ipv4Bytes{172, 16, 0, 1}));
    EXPECT_EQ(load_be<std::uint16_t>(answer), 0x1234);
    EXPECT_EQ(load_be<std::uint16_t>(BytesView(answer).subspan(6)), 1); // one answer
    EXPECT_EQ(load_be<std::uint16_t>(BytesView(answer).subspan(10)), 1);
    const auto end = parsed->query.question.end;
    EXPECT_EQ(Bytes(answer.begin() + static_cast<std::ptrdiff_t>(end) + 12,
                    answer.begin() + static_cast<std::ptrdiff_t>(end) + 16),
              (Bytes{172, 16, 0, 1}));
    const Bytes blocked =
        make_answer(query, parsed->query, Code::no_such_name, std::nullopt, "rule 1");
    EXPECT_EQ(blocked[3] & 0x0f, 3);
    EXPECT_EQ(blocked.size(), end + 11 + 6 + 6); // an OPT record with the reason
    EXPECT_EQ(as_text(BytesView(blocked).last(6)), "rule 1");
    const Bytes cut_short =
        make_answer(query, parsed->query, Code::no_such_name, std::nullopt, std::string(600, 'x'));
    EXPECT_LE(cut_short.size(), 512U);
    const Bytes cut = truncate(answer, end);
    EXPECT_EQ(cut.size(), end);
    EXPECT_NE(cut[2] & 0x02, 0);
}

TEST(DnsMessage, Questions) {
    const auto question = make_question(0x1234, "db.example", type_aaaa);
    ASSERT_TRUE(question);
    EXPECT_EQ(to_hex(*question), "123401000001000000000000"
                                 "026462076578616d706c6500001c0001");
    EXPECT_FALSE(make_question(1, "", type_a));
    EXPECT_FALSE(make_question(1, "a..b", type_a));
    EXPECT_FALSE(make_question(1, ".a", type_a));
    EXPECT_FALSE(make_question(1, "a.", type_a));
    EXPECT_FALSE(make_question(1, std::string(64, 'x'), type_a));
    EXPECT_FALSE(make_question(1, std::string(254, 'x'), type_a));
}

TEST(DnsMessage, Answers) {
    const Bytes question = *make_question(0x1234, "db.example", type_a);
    const std::string asked = to_hex(question).substr(24);
    // An alias and its address.
    const Bytes good = from_hex("123481800001000200000000" + asked +
                                "c00c0005000100000e100006036f6e65c00f" // CNAME one.example
                                "c0280001000100000e1000040a000005");   // A 10.0.0.5
    const auto answer = parse_answer(good, question);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->outcome, Answer::Outcome::addresses);
    EXPECT_EQ(answer->addresses, std::vector{IpAddress(Ipv4Bytes{10, 0, 0, 5})});
    // Cut anywhere it is no crash and no other address.
    for (std::size_t size = 0; size < good.size(); ++size) {
        const auto cut = parse_answer(BytesView(good).first(size), question);
        EXPECT_TRUE(!cut || cut->addresses.empty());
    }
    const auto outcome = [&](std::string_view header) {
        const auto parsed = parse_answer(from_hex(std::string(header) + asked), question);
        return parsed ? static_cast<int>(parsed->outcome) : -1;
    };
    EXPECT_EQ(outcome("123481830001000000000000"), int(Answer::Outcome::no_such_name));
    EXPECT_EQ(outcome("123481800001000000000000"), int(Answer::Outcome::no_such_record));
    EXPECT_EQ(outcome("123483800001000000000000"), int(Answer::Outcome::truncated));
    EXPECT_EQ(outcome("123481820001000000000000"), int(Answer::Outcome::server_failed));
    EXPECT_EQ(outcome("123581800001000000000000"), -1); // another id
    EXPECT_EQ(outcome("123401800001000000000000"), -1); // no answer at all
}

} // namespace
} // namespace msb::dns
