#include "wire/frame.hpp"
#include "wire/messages.hpp"

#include <gtest/gtest.h>

namespace msb::wire {
namespace {

TEST(Frame, PingIsThePublishedByteSequence) {
    EXPECT_EQ(to_hex(encode_message(1, Ping{})), "00000019"
                                                 "00000001"
                                                 "00"
                                                 "a3617607617469"
                                                 "636f72652e70696e67" // "core.ping"
                                                 "617041a0");
}

TEST(Frame, ArrivesInPiecesOfAnySize) {
    Bytes stream;
    for (std::uint32_t id = 1; id <= 3; ++id)
        append_message(stream, id, ExecSignal{static_cast<std::int32_t>(id)});
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        FrameReader reader;
        std::uint32_t seen = 0;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            reader.feed(BytesView(stream).subspan(at, std::min(piece, stream.size() - at)));
            for (;;) {
                const auto frame = reader.next();
                ASSERT_TRUE(frame);
                if (!*frame)
                    break;
                EXPECT_EQ((*frame)->id, ++seen);
                const auto signal = decode_body<ExecSignal>((*frame)->body);
                ASSERT_TRUE(signal);
                EXPECT_EQ(signal->signal, static_cast<std::int32_t>(seen));
            }
        }
        EXPECT_EQ(seen, 3U);
        EXPECT_EQ(reader.buffered(), 0U);
    }
}

TEST(Frame, LengthLimitsAreExact) {
    const auto with_length = [](std::uint32_t length) {
        Bytes bytes(4 + length);
        store_be(MutableBytesView(bytes), length);
        return bytes;
    };
    FrameReader largest;
    largest.feed(with_length(max_frame_length));
    const auto frame = largest.next();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->body.size(), max_frame_length - 5);

    for (const std::uint32_t length : {0U, 4U, 4'194'305U, 0xffffffffU}) {
        Bytes header(4);
        store_be(MutableBytesView(header), length);
        FrameReader reader;
        reader.feed(header);
        EXPECT_FALSE(reader.next()) << length;
    }
}

TEST(Envelope, AnyKeyOrderUnknownKeysAndIndefiniteLengths) {
    Bytes body;
    cbor::Writer writer(body);
    body.push_back(0xbf); // map of indefinite length
    writer.text("future");
    writer.array(1);
    writer.map(0);
    writer.text("p");
    const Bytes one_piece = {0x5f, 0x41, 0xa0, 0xff};
    body.insert(body.end(), one_piece.begin(), one_piece.end());
    writer.uint(5); // a key that is not text
    writer.null();
    writer.text("t");
    writer.text("core.pong");
    writer.text("v");
    writer.uint(6);
    body.push_back(0xff);
    const auto envelope = decode_envelope(body);
    ASSERT_TRUE(envelope) << envelope.error().to_string();
    EXPECT_EQ(envelope->v, 6);
    EXPECT_EQ(envelope->type, "core.pong");
    EXPECT_EQ(to_hex(envelope->payload), "a0");
}

TEST(Envelope, RefusesWhatIsNotOne) {
    EXPECT_FALSE(decode_envelope({}));
    const Bytes empty_map = {0xa0};
    EXPECT_FALSE(decode_envelope(empty_map));
    Bytes trailing = encode_message(1, Ping{});
    trailing.push_back(0);
    EXPECT_FALSE(decode_envelope(BytesView(trailing).subspan(frame_header_size)));
}

} // namespace
} // namespace msb::wire
