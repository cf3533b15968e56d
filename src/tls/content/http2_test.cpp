#include "tls/content/http2.hpp"
#include "tls/content/testing.hpp"

#include <algorithm>
#include <gtest/gtest.h>

namespace msb::tls {
namespace {

/// A client or a server: what came on each stream, and what it sends there.
struct Peer : Http2Session::Events {
    struct Message {
        std::string head, body, trailers;
        bool ended = false, closed = false;
        Http2Error why = Http2Error::none;
        Http2Session::Outgoing out;
    };
    explicit Peer(Http2Session::Role role) : session(role, *this) {}

    void headers_begin(std::int32_t id) override {
        Message& message = messages[id];
        block = message.head.empty() || message.head.starts_with(":status: 1") ? &message.head
                                                                               : &message.trailers;
    }
    void header(std::int32_t, std::string_view name, std::string_view value) override {
        *block += std::string(name) + ": " + std::string(value) + "\n";
    }
    void headers_end(std::int32_t id, bool last) override { messages[id].ended = last; }
    void data(std::int32_t id, std::string_view data) override {
        messages[id].body += data;
        if (reads)
            session.consumed(id, data.size());
    }
    void data_end(std::int32_t id) override { messages[id].ended = true; }
    void last_sent(std::int32_t) override {}
    void closed(std::int32_t id, Http2Error why) override {
        messages[id].closed = true;
        messages[id].why = why;
    }
    void going_away() override { gone = true; }
    Http2Session::Outgoing* outgoing(std::int32_t id) override { return &messages[id].out; }

    std::int32_t ask(const std::vector<Field>& fields, std::string_view body = {},
                     std::vector<Field> trailers = {}) {
        std::vector<Field> all{{":method", "POST"},
                               {":scheme", "https"},
                               {":authority", "api.example.org"},
                               {":path", "/"}};
        for (const Field& field : fields) {
            const auto same = std::ranges::find(all, field.name, &Field::name);
            if (field.name.starts_with(':'))
                same->value = field.value;
            else
                all.push_back(field);
        }
        const bool has_body = !body.empty() || !trailers.empty();
        const std::int32_t id = session.request(all, has_body);
        messages[id].out.data.append(as_bytes(body));
        messages[id].out.trailers = std::move(trailers);
        messages[id].out.ended = true;
        return id;
    }
    void answer(std::int32_t id, std::vector<Field> fields, std::string_view body = {},
                std::vector<Field> trailers = {}) {
        fields.insert(fields.begin(), {":status", "200"});
        const bool has_body = !body.empty() || !trailers.empty();
        messages[id].out.data.append(as_bytes(body));
        messages[id].out.trailers = std::move(trailers);
        messages[id].out.ended = true;
        session.respond(id, fields, has_body);
    }

    std::map<std::int32_t, Message> messages;
    std::string* block = nullptr;
    bool reads = true, gone = false;
    Http2Session session;
};

std::shared_ptr<const SecretSet> usual_http2() {
    Secret key = secret_of("KEY", "s3cret-value", {"*.example.org"});
    key.query = key.body = true;
    return std::make_shared<SecretSet>(
        std::vector{key, secret_of("OTHER", "other-value", {"other.example.net"})},
        Action::block_and_log);
}

struct Talk2 {
    explicit Talk2(std::size_t by = SIZE_MAX,
                   std::shared_ptr<const SecretSet> secrets = usual_http2())
        : conversation({.name = "api.example.org", .names = {"api.example.org"}, .destination = {}},
                       std::move(secrets), noted),
          piece(by) {}

    /// Until nothing moves any more.
    void run() {
        for (bool moved = true; moved;) {
            OutBuffer from_guest, from_server;
            guest.session.send(from_guest, SIZE_MAX);
            server.session.send(from_server, SIZE_MAX);
            for (BytesView rest = from_guest.view(); !rest.empty();) {
                const BytesView part = rest.first(std::min(piece, rest.size()));
                conversation.from_guest(part);
                rest = rest.subspan(part.size());
            }
            for (BytesView rest = from_server.view(); !rest.empty();) {
                const BytesView part = rest.first(std::min(piece, rest.size()));
                conversation.from_upstream(part);
                rest = rest.subspan(part.size());
            }
            conversation.refill();
            moved = !from_guest.empty() || !from_server.empty() ||
                    !conversation.to_guest().empty() || !conversation.to_upstream().empty();
            guest.session.receive(conversation.to_guest().view());
            conversation.to_guest().clear();
            server.session.receive(conversation.to_upstream().view());
            conversation.to_upstream().clear();
        }
    }

    Noted noted;
    Peer guest{Http2Session::Role::client}, server{Http2Session::Role::server};
    Http2Conversation conversation;
    std::size_t piece;
};

TEST(Http2, RequestsAndAnswers) {
    for (const std::size_t piece : {1, 7, 100'000}) {
        Talk2 talk(piece);
        const auto id = talk.guest.ask({{":path", "/p?q=%24MSB_KEY"},
                                        {"authorization", "Bearer $MSB_KEY"},
                                        {"content-type", "application/json"}},
                                       R"({"k":"$MSB_KEY"})", {{"t", "$MSB_KEY"}});
        talk.run();
        Peer::Message& request = talk.server.messages[1];
        EXPECT_EQ(request.head, ":method: POST\n:scheme: https\n:authority: api.example.org\n"
                                ":path: /p?q=s3cret-value\nauthorization: Bearer s3cret-value\n"
                                "content-type: application/json\naccept-encoding: identity\n");
        EXPECT_EQ(request.body, R"({"k":"s3cret-value"})");
        EXPECT_EQ(request.trailers, "t: $MSB_KEY\n"); // never replaced
        EXPECT_TRUE(request.ended);
        talk.server.answer(1, {{"x", "s3cret-value"}}, "it is s3cret-value",
                           {{"t", "s3cret-value"}});
        talk.run();
        const Peer::Message& answer = talk.guest.messages[id];
        EXPECT_EQ(answer.head, ":status: 200\nx: $MSB_KEY\n");
        EXPECT_EQ(answer.body, "it is $MSB_KEY");
        EXPECT_EQ(answer.trailers, "t: $MSB_KEY\n");
        EXPECT_TRUE(answer.ended && answer.closed && answer.why == Http2Error::none);
        EXPECT_FALSE(talk.conversation.ended());
        EXPECT_TRUE(talk.noted.violations.empty());
    }
    // With a length it stays one.
    Talk2 talk;
    const auto id = talk.guest.ask({{"content-length", "8"}}, "$MSB_KEY");
    talk.run();
    EXPECT_EQ(talk.server.messages[1].body, "s3cret-value");
    EXPECT_NE(talk.server.messages[1].head.find("content-length: 12\n"), std::string::npos);
    talk.server.answer(1, {{"content-length", "12"}}, "s3cret-value");
    talk.run();
    EXPECT_EQ(talk.guest.messages[id].head, ":status: 200\ncontent-length: 8\n");
    EXPECT_EQ(talk.guest.messages[id].body, "$MSB_KEY");
}

TEST(Http2, MessagesOfGrpcKeepTheirLengths) {
    Talk2 talk;
    const auto id = talk.guest.ask(
        {{"content-type", "application/grpc"}, {"te", "trailers"}, {"x-key", "$MSB_KEY"}},
        std::string_view("\0\0\0\0\x08$MSB_KEY", 13));
    talk.run();
    EXPECT_NE(talk.server.messages[1].head.find("x-key: s3cret-value\n"), std::string::npos);
    EXPECT_EQ(talk.server.messages[1].body, std::string_view("\0\0\0\0\x08$MSB_KEY", 13));
    talk.server.answer(1, {{"content-type", "application/grpc"}},
                       std::string_view("\0\0\0\0\x0cs3cret-value", 17), {{"grpc-status", "0"}});
    talk.run();
    EXPECT_EQ(talk.guest.messages[id].body, std::string_view("\0\0\0\0\x0c$MSB_KEY****", 17));
    EXPECT_EQ(talk.guest.messages[id].trailers, "grpc-status: 0\n");
}

TEST(Http2, ViolationsEndTheirStreamAlone) {
    struct {
        std::vector<Field> fields;
        std::string body, location, form;
    } cases[] = {
        {{{"x", "$MSB_OTHER"}}, "", "header", "raw"},
        {{{":path", "/?a=%2524MSB_OTHER"}}, "", "query", "percent_decoded"},
        {{{"authorization", "Basic " + to_base64(as_bytes("u:$MSB_OTHER"))}},
         "",
         "authorization_basic",
         "basic_auth_decoded"},
        {{}, "a $MSB_OTHER", "body", "raw"},
        {{}, "\\u0024MSB_OTHER", "body", "json_unescaped"},
    };
    for (const std::size_t piece : {1, 100'000})
        for (const auto& [fields, body, location, form] : cases) {
            Talk2 talk(piece);
            const auto before = talk.guest.ask({}, "whole");
            const auto id = talk.guest.ask(fields, body);
            talk.run();
            ASSERT_EQ(talk.noted.violations.size(), 1U) << location;
            const Violation& violation = talk.noted.violations.front();
            EXPECT_EQ(violation.location, location);
            EXPECT_EQ(to_string(violation.form), form);
            EXPECT_EQ(violation.protocol, "http/2");
            EXPECT_EQ(violation.stream, id);
            EXPECT_EQ(violation.host, "api.example.org");
            EXPECT_TRUE(talk.guest.messages[id].head.starts_with(":status: 403\n"));
            EXPECT_NE(talk.guest.messages[id].body.find("secret_policy_denied"), std::string::npos);
            for (const auto& [stream, message] : talk.server.messages)
                EXPECT_EQ((message.head + message.body).find("OTHER"), std::string::npos);
            talk.server.answer(1, {}, "fine");
            talk.run();
            EXPECT_EQ(talk.guest.messages[before].body, "fine");
        }
}

TEST(Http2, RefusesWhatIsForAnotherHost) {
    const std::vector<Field> cases[] = {
        {{":authority", "evil.example"}},
        {{"host", "evil.example"}},
        {{":scheme", "http"}},
        {{"x", std::string(most_head, 'a')}},
        std::vector<Field>(most_fields + 1, {"x", "y"}),
    };
    for (const auto& fields : cases) {
        Talk2 talk;
        const auto id = talk.guest.ask(fields);
        talk.run();
        EXPECT_TRUE(talk.guest.messages[id].head.starts_with(":status: 4")) << fields.front().value;
        EXPECT_TRUE(talk.server.messages.empty());
    }
}

TEST(Http2, WhoIsSlowIsWaitedFor) {
    const std::string large(std::size_t{8} << 20, 'x');
    Talk2 talk;
    const auto up = talk.guest.ask({}, large);
    talk.server.reads = false;
    talk.run();
    EXPECT_LE(talk.server.messages[1].body.size() + talk.conversation.held(),
              2 * static_cast<std::size_t>(Http2Session::stream_window) + (1 << 18));
    talk.server.reads = true;
    talk.server.session.consumed(1, talk.server.messages[1].body.size());
    talk.run();
    EXPECT_EQ(talk.server.messages[1].body, large);
    talk.guest.reads = false;
    talk.server.answer(1, {}, large);
    talk.run();
    EXPECT_LE(talk.guest.messages[up].body.size() + talk.conversation.held(),
              2 * static_cast<std::size_t>(Http2Session::stream_window) + (1 << 18));
    talk.guest.reads = true;
    talk.guest.session.consumed(up, talk.guest.messages[up].body.size());
    talk.run();
    EXPECT_EQ(talk.guest.messages[up].body, large);
    EXPECT_TRUE(talk.guest.messages[up].ended);
}

TEST(Http2, WhatIsKeptIsBounded) {
    Talk2 talk;
    talk.server.reads = false;
    talk.noted.room = 0;
    const auto id = talk.guest.ask({{"content-type", "application/grpc"}},
                                   std::string(std::size_t{4} << 20, 'x'));
    talk.run();
    EXPECT_TRUE(talk.guest.messages[id].head.starts_with(":status: 503"));
    EXPECT_TRUE(talk.server.messages[1].closed);
    EXPECT_LE(talk.conversation.held(), std::size_t{1} << 16);
}

TEST(Http2, EndsOfStreamsAndConnections) {
    // A reset of the guest's reaches the server, and the other way round.
    Talk2 talk;
    const auto first = talk.guest.ask({}), second = talk.guest.ask({});
    talk.run();
    talk.guest.session.reset(first, Http2Error::cancel);
    talk.server.session.reset(3, Http2Error::refused_stream);
    talk.run();
    EXPECT_EQ(talk.server.messages[1].why, Http2Error::cancel);
    EXPECT_EQ(talk.guest.messages[second].why, Http2Error::refused_stream);
    // An answer before the end of the request.
    Talk2 early;
    const auto id = early.guest.ask({}, "body");
    early.guest.messages[id].out.ended = false;
    early.run();
    early.server.answer(1, {}, "no");
    early.run();
    early.server.session.reset(1, Http2Error::none);
    early.run();
    EXPECT_EQ(early.guest.messages[id].body, "no");
    EXPECT_TRUE(early.guest.messages[id].closed);
    // A server that goes away, and one that is gone: what was answered goes to its end, what was not is reset.
    Talk2 gone;
    gone.guest.reads = false;
    const auto answered = gone.guest.ask({}), open = gone.guest.ask({});
    gone.run();
    const std::string large(std::size_t{3} << 19, 'x');
    gone.server.answer(1, {}, large);
    gone.server.session.go_away();
    gone.run();
    EXPECT_TRUE(gone.guest.gone);
    gone.conversation.upstream_ended();
    gone.run();
    EXPECT_TRUE(gone.guest.messages[open].closed);
    EXPECT_FALSE(gone.conversation.ended());
    gone.guest.reads = true;
    gone.guest.session.consumed(answered, gone.guest.messages[answered].body.size());
    gone.run();
    EXPECT_EQ(gone.guest.messages[answered].body, large);
    EXPECT_TRUE(gone.conversation.ended());
}

TEST(Http2, SecretsChangeForNewRequests) {
    Talk2 talk;
    talk.guest.ask({{"x", "$MSB_KEY"}});
    talk.run();
    talk.conversation.replace_secrets(std::make_shared<SecretSet>(
        std::vector{secret_of("KEY", "changed", {"api.example.org"})}, Action::block));
    talk.guest.ask({{"x", "$MSB_KEY"}});
    talk.run();
    EXPECT_NE(talk.server.messages[1].head.find("x: s3cret-value\n"), std::string::npos);
    EXPECT_NE(talk.server.messages[3].head.find("x: changed\n"), std::string::npos);
    const auto scrubbed = [&](std::int32_t id) {
        talk.server.answer(id, {}, "s3cret-value changed");
        talk.run();
        return talk.guest.messages[id].body;
    };
    EXPECT_EQ(scrubbed(1), "$MSB_KEY changed");
    EXPECT_EQ(scrubbed(3), "s3cret-value $MSB_KEY");
}

// ---- floods -------------------------------------------------------------------------------------

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
    std::string text;
    for (const std::size_t part :
         {payload.size() >> 16, payload.size() >> 8, payload.size(), std::size_t{type},
          std::size_t{flags}, std::size_t{stream >> 24}, std::size_t{stream >> 16},
          std::size_t{stream >> 8}, std::size_t{stream}})
        text += static_cast<char>(part & 0xff);
    return text + std::string(payload);
}

constexpr std::uint8_t headers = 1, reset_stream = 3, settings = 4, ping = 6, continuation = 9;
constexpr std::uint8_t end_stream = 1, end_headers = 4;
constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// POST, https, "/", and an :authority that is not indexed.
const std::string block = "\x83\x87\x84\x01\x0f"
                          "api.example.org";

/// What a guest gets for it that reads nothing: how much was kept at most, and whether the connection lives.
struct Flooded {
    explicit Flooded(const std::string& one, int times)
        : Flooded([&](int) { return one; }, times) {}
    template <typename Make> Flooded(Make make, int times) {
        talk.conversation.from_guest(as_bytes(std::string(preface) + frame(settings, 0, 0, "")));
        for (int i = 0; i < times && !talk.conversation.ended(); ++i) {
            if (talk.conversation.guest_waits()) {
                waited = true;
                return;
            }
            talk.conversation.from_guest(as_bytes(make(i)));
            talk.conversation.refill();
            talk.server.session.receive(talk.conversation.to_upstream().view());
            talk.conversation.to_upstream().clear();
            most_held = std::max(most_held, talk.conversation.held());
        }
    }
    Talk2 talk;
    bool waited = false;
    std::size_t most_held = 0;
};

TEST(Http2, FloodsAreBounded) {
    constexpr int many = 100'000;
    constexpr std::size_t little = std::size_t{512} << 10;
    const auto is_stopped = [little](const Flooded& flooded) {
        EXPECT_TRUE(flooded.talk.conversation.ended() || flooded.waited);
        EXPECT_LE(flooded.most_held, little);
    };
    is_stopped(Flooded(frame(ping, 0, 0, "12345678"), many));
    is_stopped(Flooded(frame(settings, 0, 0, ""), many));
    // Streams that are opened and reset.
    is_stopped(Flooded(
        [](int i) {
            const auto id = static_cast<std::uint32_t>(2 * i + 1);
            return frame(headers, end_headers | end_stream, id, block) +
                   frame(reset_stream, 0, id, std::string_view("\0\0\0\x08", 4));
        },
        many));
    // Streams that stay open: more than there may be are refused.
    Flooded open(
        [](int i) {
            return frame(headers, end_headers, static_cast<std::uint32_t>(2 * i + 1), block);
        },
        3000);
    EXPECT_LE(open.talk.server.messages.size(), Http2Session::most_streams);
    EXPECT_LE(open.most_held, little);
    // A block of headers that does not end.
    Flooded endless(
        [](int i) {
            return i == 0 ? frame(headers, end_stream, 1, block)
                          : frame(continuation, 0, 1, std::string(1000, '\x82'));
        },
        many);
    is_stopped(endless);
    // A large value in the table, and a byte for each time that it is meant again.
    const std::string value(4000, 'v');
    const std::string bomb = block + std::string("\x40\x01x\x7f\xa1\x1e", 6) + value;
    Flooded bombs(
        [&](int i) {
            return frame(headers, end_headers | end_stream, static_cast<std::uint32_t>(2 * i + 1),
                         (i == 0 ? bomb : block) + std::string(10'000, '\xbe'));
        },
        50);
    EXPECT_LE(bombs.most_held, little);
    EXPECT_TRUE(bombs.talk.server.messages.empty());
}

} // namespace
} // namespace msb::tls
