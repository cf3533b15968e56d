#include "net/testing/hello.hpp"
#include "net/tls/opening.hpp"

#include <gtest/gtest.h>

namespace msb::net {
namespace {

using testing::hello;
using testing::hello_record;
using testing::retry_request;
using Kind = OpeningReader::Kind;

const Bytes change_cipher{20, 3, 3, 0, 1, 1}, data_record{23, 3, 3, 0, 2, 7, 7};

Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const Bytes& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// The name that the bytes ask for; "-" if they are no TLS, "?" if that cannot be told yet, "!" if
/// they are broken.
std::string asked_for(BytesView bytes, bool ended = false) {
    OpeningReader reader;
    const auto step = reader.next(bytes, ended);
    switch (step.kind) {
    case Kind::wait: return "?";
    case Kind::broken: return "!";
    case Kind::opening: return step.opening.tls ? step.opening.server_name : "-";
    default: return "strange";
    }
}

TEST(Opening, TheNameIsRead) {
    EXPECT_EQ(asked_for(hello_record("www.example.org")), "www.example.org");
    EXPECT_EQ(asked_for(hello_record("WWW.Example.org.")), "www.example.org");
    EXPECT_EQ(asked_for(hello_record("")), ""); // TLS that names nobody
    EXPECT_EQ(asked_for(as_bytes("GET / HTTP/1.1")), "-");
    EXPECT_EQ(asked_for(as_bytes("\x16")), "?");
    EXPECT_EQ(asked_for(as_bytes("\x16z")), "-");
    EXPECT_EQ(asked_for({}), "?");
    EXPECT_EQ(asked_for(change_cipher), "!"); // nothing comes before the hello
}

TEST(Opening, ItMayComeInPiecesOfAnySize) {
    const Bytes message = hello("a.example");
    for (const std::size_t piece : {1U, 7U, 50U, 5000U}) {
        const Bytes whole = testing::records(message, piece);
        for (std::size_t size = 1; size < whole.size(); ++size) {
            EXPECT_EQ(asked_for(BytesView(whole).first(size)), "?") << size << " of " << piece;
            EXPECT_EQ(asked_for(BytesView(whole).first(size), true), "!");
        }
        EXPECT_EQ(asked_for(whole), "a.example");
    }
}

TEST(Opening, WhatIsNotWellFormedIsBroken) {
    const Bytes good = hello("a.example");
    EXPECT_EQ(asked_for(testing::records(joined({good, good}), 5000)), "!"); // two in a record
    Bytes bad = good;
    bad.resize(bad.size() - 1); // shorter than its list of extensions says
    bad[3] = static_cast<std::uint8_t>(bad[3] - 1);
    EXPECT_EQ(asked_for(testing::records(bad, 5000)), "!");
    EXPECT_EQ(asked_for(hello_record("a b")), "!");
    EXPECT_EQ(asked_for(hello_record(std::string(256, 'a'))), "!");
    bad = good;
    bad[0] = 2; // another message
    EXPECT_EQ(asked_for(testing::records(bad, 5000)), "!");
    EXPECT_EQ(asked_for(testing::records(testing::hello_with_two_names("a.org", "b.org"), 5000)),
              "!");
    EXPECT_EQ(asked_for(Bytes{22, 3, 1, 0, 0}), "!");                    // an empty record
    EXPECT_EQ(asked_for(Bytes{22, 3, 1, 0, 4, 1, 1, 0, 0}), "!");        // 64 KiB
    EXPECT_EQ(asked_for(Bytes(OpeningReader::most_bytes + 1, 22)), "-"); // 22, 22
}

/// What the reader says about the guest's bytes, one letter a step: o(pening), p(assed), w(ait),
/// . (over), ! (broken). What passes is passed.
std::string steps(OpeningReader& reader, Bytes& guest) {
    std::string said;
    for (;;) {
        const auto step = reader.next(guest, false);
        guest.erase(guest.begin(), guest.begin() + static_cast<std::ptrdiff_t>(step.size));
        said += "wop.!"[static_cast<std::size_t>(step.kind)];
        if (step.kind != Kind::opening && step.kind != Kind::passed)
            return said;
    }
}

TEST(Opening, ASecondHelloIsReadIfTheServerWantsOne) {
    const Bytes first = hello_record("a.org"), second = hello_record("b.org");
    OpeningReader reader;
    Bytes guest = joined({first, change_cipher, second, data_record});
    EXPECT_EQ(steps(reader, guest), "oppw"); // until the server has spoken
    EXPECT_EQ(guest.size(), second.size() + data_record.size());
    const Bytes retry = retry_request();
    for (const std::uint8_t byte : retry)
        reader.server(BytesView(&byte, 1));
    const auto step = reader.next(guest, false);
    ASSERT_EQ(step.kind, Kind::opening);
    EXPECT_EQ(step.opening.server_name, "b.org");
    guest = data_record;
    EXPECT_EQ(steps(reader, guest), "."); // there is no third
}

TEST(Opening, AfterTheServersAnswerItIsOver) {
    Bytes answer = retry_request();
    answer[20] ^= 1; // any other random
    OpeningReader reader;
    Bytes guest = joined({hello_record("a.org"), data_record}); // early data
    EXPECT_EQ(steps(reader, guest), "oppw");
    reader.server(Bytes{21, 3, 3, 0, 2, 1, 112}); // a warning
    EXPECT_EQ(steps(reader, guest), "w");
    reader.server(answer);
    guest = Bytes{22, 3, 3, 0, 1, 1};
    EXPECT_EQ(steps(reader, guest), ".");
    // A server that speaks something else.
    OpeningReader other;
    guest = hello_record("a.org");
    EXPECT_EQ(steps(other, guest), "ow");
    other.server(as_bytes("HTTP/1.0 400 Bad Request"));
    EXPECT_EQ(steps(other, guest), ".");
}

} // namespace
} // namespace msb::net
