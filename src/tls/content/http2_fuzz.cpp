// A conversation in HTTP/2, in frames that the input makes: the guest's, and the server's; or the server is a right one that
// shows what it got. No placeholder of another host may reach it.
#include "tls/content/http2.hpp"

#include <algorithm>
#include <cstdlib>

namespace {

using namespace msb;
using namespace msb::tls;

struct Nobody : Observer {
    void violation(const Violation&) override {}
    void scrubbed(const std::string&) override {}
    void terminate() override {}
    bool has_room(std::size_t bytes) override { return bytes < (std::size_t{1} << 14); }
};

struct EchoServer : Http2Session::Events {
    static constexpr std::string_view forbidden = "$B";

    void headers_begin(std::int32_t) override {}
    void header(std::int32_t id, std::string_view name, std::string_view value) override {
        if ((std::string(name) + ": " + std::string(value)).find(forbidden) != std::string::npos)
            std::abort();
        heads[id] += value;
    }
    void headers_end(std::int32_t id, bool last) override {
        if (last)
            answer(id);
    }
    void data(std::int32_t id, std::string_view data) override {
        came[id] += data;
        if (came[id].find(forbidden) != std::string::npos)
            std::abort();
        session.consumed(id, data.size());
    }
    void data_end(std::int32_t id) override { answer(id); }
    void last_sent(std::int32_t) override {}
    void closed(std::int32_t, Http2Error) override {}
    void going_away() override {}
    Http2Session::Outgoing* outgoing(std::int32_t id) override { return &answers[id]; }

    void answer(std::int32_t id) {
        answers[id].data.append(as_bytes(heads[id] + came[id]));
        answers[id].ended = true;
        session.respond(id, {{":status", "200"}}, true);
    }

    std::map<std::int32_t, std::string> heads, came; ///< values of fields; bodies
    std::map<std::int32_t, Http2Session::Outgoing> answers;
    Http2Session session{Http2Session::Role::server, *this};
};

/// A frame whose header says its size rightly, or what the input says.
Bytes frame_of(BytesView head, BytesView payload) {
    constexpr std::uint8_t most_types = 11;
    Bytes frame{0,
                0,
                static_cast<std::uint8_t>(payload.size()),
                static_cast<std::uint8_t>(head[0] % most_types),
                head[1],
                0,
                0,
                0,
                head[2]};
    frame.insert(frame.end(), payload.begin(), payload.end());
    return frame;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Secret own{.env = "A", .placeholder = "$A", .value = "value-of-a", .hosts = {"h"}};
    own.query = own.body = true;
    const Secret foreign{
        .env = "B", .placeholder = "$B", .value = "value-of-b", .hosts = {"other"}};
    Nobody nobody;
    Http2Conversation conversation(
        {.name = "h", .names = {"h"}, .destination = {}},
        std::make_shared<SecretSet>(std::vector{own, foreign}, Action::block), nobody);
    EchoServer server;
    BytesView input(data, size);
    bool right_server = true;
    conversation.from_guest(
        as_bytes(std::string_view("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33)));
    constexpr std::size_t head_size = 5;
    while (input.size() >= head_size && !conversation.ended()) {
        constexpr std::uint8_t from_upstream = 1, as_it_is = 2, gone = 3;
        const BytesView head = input.first(head_size);
        const BytesView payload =
            input.subspan(head_size, std::min<std::size_t>(head[4], input.size() - head_size));
        input = input.subspan(head_size + payload.size());
        const Bytes frame = frame_of(head.subspan(1), payload);
        switch (head[0] % 8) {
        case from_upstream:
            right_server = false;
            conversation.from_upstream(frame);
            break;
        case as_it_is: conversation.from_guest(payload); break;
        case gone: conversation.upstream_ended(); break;
        default: conversation.from_guest(frame);
        }
        conversation.refill();
        if (right_server) {
            server.session.receive(conversation.to_upstream().view());
            OutBuffer answers;
            server.session.send(answers, SIZE_MAX);
            conversation.from_upstream(answers.view());
            conversation.refill();
        }
        conversation.to_upstream().clear();
        conversation.to_guest().clear();
    }
    return 0;
}
