#include "net/quic/opening.hpp"
#include "net/testing/hello.hpp"
#include "net/testing/initial.hpp"

#include <gtest/gtest.h>

namespace msb::net::quic {
namespace {

using testing::crypto_frame;
using testing::Initial;
using testing::seal;

Bytes from_hex(std::string_view text) {
    Bytes bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(
            static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

const Bytes id{0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
const Bytes other_id{1, 2, 3, 4, 5, 6, 7, 8};

/// The example of RFC 9001 §A.2.
const Bytes example_frames =
    from_hex("060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c"
             "00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006"
             "001d0017001800100007000504616c706e000500050100000000003300260024001d00209370b2c9caa4"
             "7fbabaf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b0003020304000d0010000e040305"
             "0306030203080408050806002d00020101001c00024001003900320408ffffffffffffffff05048000ff"
             "ff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff");

class QuicOpening : public ::testing::Test {
  protected:
    /// How many datagrams may go out, or -1.
    int take(BytesView datagram) {
        const auto out = reader.take(datagram, [this](const Opening& opening) {
            asked.push_back(opening.server_name);
            return opening.server_name != "evil.org";
        });
        return out ? static_cast<int>(out->size()) : -1;
    }
    FlowReader reader;
    std::vector<std::string> asked;
};

TEST_F(QuicOpening, DerivesTheKeysOfTheStandards) {
    const ClientKeys one = client_keys(version1, id);
    EXPECT_EQ(to_hex(one.key), "1f369613dd76d5467730efcbe3b1a22d");
    EXPECT_EQ(to_hex(one.iv), "fa044b2f42a3fd3b46fb255c");
    EXPECT_EQ(to_hex(one.header), "9f50449e04a0e810283a1e9933adedd2");
    const ClientKeys two = client_keys(version2, id); // RFC 9369 §A.1
    EXPECT_EQ(to_hex(two.key), "8b1a0bc121284290a29e0971b5cd045d");
    EXPECT_EQ(to_hex(two.iv), "91f73e2351d8fa91660e909f");
    EXPECT_EQ(to_hex(two.header), "45b95e15235d6f45a6b19cbcb0294ba9");
}

TEST_F(QuicOpening, ReadsTheExampleOfTheStandard) {
    const Bytes packet = seal({.destination = id, .number = 2}, example_frames);
    EXPECT_EQ(to_hex(BytesView(packet).first(38)), // as it is printed there
              "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9b");
    EXPECT_EQ(take(packet), 1);
    EXPECT_EQ(asked, std::vector<std::string>{"example.com"});
    EXPECT_EQ(take(packet), 1); // again
    EXPECT_EQ(asked.size(), 1U);
}

TEST_F(QuicOpening, BothVersionsOfOneConnection) {
    const Bytes hello = testing::hello("a.org");
    EXPECT_EQ(take(seal({.destination = id}, crypto_frame(0, hello))), 1);
    // The server has answered in version 2, with an id of its own.
    const Initial later{.version = version2, .destination = other_id, .first = id, .number = 1};
    EXPECT_EQ(take(seal(later, Bytes{2, 0, 0, 0, 0})), 1); // an acknowledgement
    EXPECT_EQ(asked, std::vector<std::string>{"a.org"});
}

TEST_F(QuicOpening, HoldsThePiecesOfAHello) {
    const Bytes hello = testing::hello("a.org");
    const BytesView view(hello);
    EXPECT_EQ(take(seal({.destination = id, .number = 1}, crypto_frame(40, view.subspan(40)))), 0);
    Bytes frames = crypto_frame(20, view.subspan(20, 30)); // overlaps
    frames.push_back(1);                                   // PING
    EXPECT_EQ(take(seal({.destination = id, .number = 2}, frames)), 0);
    EXPECT_TRUE(asked.empty());
    EXPECT_EQ(take(seal({.destination = id}, crypto_frame(0, view.first(20)))), 3);
    EXPECT_EQ(asked, std::vector<std::string>{"a.org"});
}

TEST_F(QuicOpening, WhatIsNotAllowedDoesNotGoOut) {
    EXPECT_EQ(take(seal({.destination = id}, crypto_frame(0, testing::hello("evil.org")))), -1);
    EXPECT_EQ(take(seal({.destination = id, .number = 1}, Bytes{1})), -1);
    // Another connection on the same flow may be.
    EXPECT_EQ(take(seal({.destination = other_id}, crypto_frame(0, testing::hello("a.org")))), 1);
    EXPECT_EQ(reader.server_names(), std::vector<std::string>{"a.org"});
}

TEST_F(QuicOpening, ASecondHelloIsAskedAboutToo) {
    const Bytes first = testing::hello("a.org");
    const Bytes second = testing::hello("evil.org");
    const auto at = static_cast<std::uint16_t>(first.size());
    EXPECT_EQ(take(seal({.destination = id}, crypto_frame(0, first))), 1);
    const Initial later{.destination = other_id, .first = id, .number = 1};
    EXPECT_EQ(take(seal(later, crypto_frame(at, second))), -1);
    EXPECT_EQ(asked.size(), 2U);
}

TEST_F(QuicOpening, OneStreamHasOneContent) {
    const Bytes good = testing::hello("good.org"), evil = testing::hello("evil.org");
    EXPECT_EQ(
        take(seal({.destination = id}, crypto_frame(0, BytesView(good).first(good.size() - 1)))),
        0);
    EXPECT_EQ(take(seal({.destination = id, .number = 1}, crypto_frame(0, evil))), -1);
    EXPECT_TRUE(asked.empty());
}

/// What a server would not read shows nothing, and what it may read otherwise does not go out.
TEST_F(QuicOpening, OnlyWholePacketsCount) {
    const Bytes hello = crypto_frame(0, testing::hello("a.org"));
    Bytes forged = seal({.destination = id}, hello);
    forged.back() ^= 1;
    EXPECT_EQ(take(forged), -1);
    EXPECT_EQ(take(seal({.destination = id, .size = 600}, hello)), -1);
    EXPECT_EQ(take(seal({.destination = other_id, .first = id}, hello)), -1);
    EXPECT_TRUE(asked.empty());
    // A number that a server which missed this packet takes for another.
    EXPECT_EQ(take(seal({.destination = id, .number = 5000}, hello)), 1);
    EXPECT_EQ(take(seal({.destination = id, .number = 7, .number_size = 1}, Bytes{1})), -1);
    EXPECT_EQ(take(seal({.destination = id, .number = 5001, .number_size = 2}, Bytes{1})), 1);
    // Frames that an Initial packet has not.
    EXPECT_EQ(take(seal({.destination = id, .number = 5002}, Bytes{8, 0})), -1);
}

TEST_F(QuicOpening, LooksAtEachPacketOfADatagram) {
    const Bytes good = crypto_frame(0, testing::hello("good.org"));
    const Bytes evil = crypto_frame(0, testing::hello("evil.org"));
    Bytes both = seal({.destination = id}, good);
    const Bytes second = seal({.destination = other_id}, evil);
    both.insert(both.end(), second.begin(), second.end());
    EXPECT_EQ(take(both), -1);
    Bytes early = seal({.destination = Bytes{9, 9}}, good);
    early.insert(early.end(), {0xd0, 0, 0, 0, 1, 2, 9, 9, 0, 2, 1, 2}); // 0-RTT
    EXPECT_EQ(take(early), 1);
    early.insert(early.end(), {0xc0, 0, 0, 0, 7, 2, 9, 9, 0, 0, 2, 1, 2}); // what is that?
    EXPECT_EQ(take(early), -1);
}

TEST_F(QuicOpening, IsBounded) {
    const Bytes part = crypto_frame(0, BytesView(testing::hello("a.org")).first(50));
    bool refused = false;
    for (std::uint32_t i = 0; i < 100; ++i) {
        refused = take(seal({.destination = id, .number = i}, part)) == -1 || refused;
        EXPECT_LE(reader.held_bytes(), FlowReader::most_bytes);
    }
    EXPECT_TRUE(refused);
    const Bytes hello = crypto_frame(0, testing::hello("a.org"));
    int admitted = 0;
    for (std::uint8_t i = 0; i < 100; ++i) {
        const Bytes one{i, 2, 3, 4, 5, 6, 7, 8};
        admitted += take(seal({.destination = one}, hello)) == 1 ? 1 : 0;
        EXPECT_LE(reader.held_bytes(), FlowReader::most_bytes);
    }
    EXPECT_EQ(admitted, static_cast<int>(FlowReader::most_connections) - 1);
    const Bytes far = crypto_frame(16000, Bytes(900)); // of what nobody has
    EXPECT_EQ(take(seal({.destination = id, .number = 200}, far)), -1);
}

TEST_F(QuicOpening, KnowsWhatItHasToSee) {
    Bytes datagram(1200);
    EXPECT_FALSE(FlowReader::concerns(datagram));
    EXPECT_FALSE(FlowReader::concerns({}));
    datagram[0] = 0xc3;
    EXPECT_FALSE(FlowReader::concerns(datagram)); // version negotiation
    datagram[1] = 0xff;                           // a draft
    datagram[5] = 8;
    EXPECT_TRUE(FlowReader::concerns(datagram));
    EXPECT_EQ(take(datagram), -1);
    EXPECT_TRUE(FlowReader::concerns(seal({.destination = id, .size = 0}, Bytes{1})));
}

} // namespace
} // namespace msb::net::quic
