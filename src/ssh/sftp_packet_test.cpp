#include "ssh/sftp_packet.hpp"

#include <gtest/gtest.h>

namespace msb::sftp {
namespace {

BytesView only_packet(const Bytes& bytes) {
    BytesView rest = bytes;
    const auto packet = take_packet(rest);
    EXPECT_TRUE(packet && *packet && rest.empty());
    return packet && *packet ? **packet : BytesView();
}

TEST(SftpPacket, RequestsAreRead) {
    Bytes bytes;
    Reply(bytes, Type::open, 7)
        .text("/a")
        .number(open_flag::write)
        .attributes({.permissions = 0640});
    const auto open = parse_request(only_packet(bytes));
    ASSERT_TRUE(open);
    EXPECT_EQ(open->id, 7U);
    EXPECT_EQ(open->path, "/a");
    EXPECT_EQ(open->flags, open_flag::write);
    EXPECT_EQ(open->attributes.permissions, 0640U);

    bytes.clear();
    Reply(bytes, Type::write, 8).text("h").number64(1ULL << 40).text("data");
    const auto write = parse_request(only_packet(bytes));
    ASSERT_TRUE(write);
    EXPECT_EQ(write->offset, 1ULL << 40);
    EXPECT_EQ(as_text(write->data), "data");
}

TEST(SftpPacket, EveryShorterRequestIsRefused) {
    Bytes bytes;
    Reply(bytes, Type::setstat, 9)
        .text("/file")
        .attributes({.size = 1, .owner = {{2, 3}}, .permissions = 4, .times = {{5, 6}}});
    const BytesView packet = only_packet(bytes);
    ASSERT_TRUE(parse_request(packet));
    for (std::size_t size = 5; size < packet.size(); ++size) {
        EXPECT_FALSE(parse_request(packet.first(size))) << size;
        EXPECT_EQ(id_of(packet.first(size)), 9U);
    }
}

TEST(SftpPacket, LengthsAreBounded) {
    for (const std::uint32_t length : {0U, 4U, static_cast<std::uint32_t>(max_packet) + 1, ~0U}) {
        Bytes bytes(16);
        store_be(MutableBytesView(bytes).first(4), length);
        BytesView rest = bytes;
        EXPECT_FALSE(take_packet(rest)) << length;
    }
    Bytes most(4);
    store_be(MutableBytesView(most), static_cast<std::uint32_t>(max_packet));
    BytesView rest = most;
    const auto packet = take_packet(rest);
    ASSERT_TRUE(packet);
    EXPECT_FALSE(*packet); // it has not arrived yet
}

} // namespace
} // namespace msb::sftp
