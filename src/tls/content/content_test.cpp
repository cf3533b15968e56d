#include "tls/content/coding.hpp"
#include "tls/content/escapes.hpp"
#include "tls/content/http1.hpp"
#include "tls/content/testing.hpp"

#include <gtest/gtest.h>

namespace msb::tls {
namespace {

// ---- words --------------------------------------------------------------------------------------

/// Which words are found when the text comes in pieces of so many bytes, and what is between them.
std::string scanned(const std::vector<std::string_view>& words, std::string_view text,
                    std::size_t piece) {
    struct Sink {
        std::string out;
        void text(std::string_view part) { out += part; }
        void word(std::uint32_t number) { out += "<" + std::to_string(number) + ">"; }
    } sink;
    Scanner scanner(std::make_shared<Words>(words));
    for (std::size_t at = 0; at < text.size(); at += piece)
        scanner.feed(text.substr(at, piece), sink);
    scanner.finish(sink);
    return sink.out;
}

TEST(Scanner, LeftmostLongest) {
    struct {
        std::vector<std::string_view> words;
        std::string_view text, found;
    } cases[] = {
        {{"$A"}, "x$Ay$", "x<0>y$"},
        {{"$KEY", "$KEY2"}, "$KEY $KEY2 $KEY22", "<0> <1> <1>2"},
        {{"abab"}, "ababab abab", "<0>ab <0>"},
        {{"aab"}, "aaab", "a<0>"},
        {{"abcd", "bc"}, "abce", "a<1>e"},
        {{}, "abc", "abc"},
        {{""}, "abc", "abc"},
        {{"a", "b"}, "cab", "c<0><1>"},
        // Long enough for steps over what no word can begin in.
        {{"abcdef", "bcdefg"}, "xabcdefg abcdeg bcdefg", "x<0>g abcdeg <1>"},
        {{"abcd", "bcdefghi"}, "bcdefghabcd bcdefghi abc", "bcdefgh<0> <1> abc"},
        {{"abcde", "fghij", "abcdefghij"}, "fabcdefghijabcdefghi", "f<2><0>fghi"},
    };
    for (const auto& [words, text, found] : cases)
        for (std::size_t piece = 1; piece <= text.size(); ++piece)
            EXPECT_EQ(scanned(words, text, piece), found) << text << " by " << piece;
}

std::string forms(std::string_view text, std::size_t piece) {
    std::string found;
    const auto note = [&](std::uint32_t, Form form) {
        if (found.empty())
            found = to_string(form);
    };
    Detector detector(std::make_shared<Words>(std::vector<std::string_view>{"$MSB_KEY"}));
    for (std::size_t at = 0; at < text.size(); at += piece)
        detector.feed(text.substr(at, piece), note);
    detector.finish(note);
    return found;
}

TEST(Detector, Forms) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"a $MSB_KEY b", "raw"},
        {"%24MSB_KEY", "percent_decoded"},
        {"x=%24%4dSB%5FKEY&", "percent_decoded"},
        {"%2524MSB_KEY", "percent_decoded"},
        {"$MS%42_KEY", "percent_decoded"},
        {"{\"a\":\"\\u0024MSB_KEY\"}", "json_unescaped"},
        {"\\u0024\\u004DSB\\u005fKEY", "json_unescaped"},
        {"$MSB\\u005fKEY", "json_unescaped"},
        {"%%24MSB_KEY", "percent_decoded"},
        {"\\\\u0024MSB_KEY", ""},
        {"$MSB_KE", ""},
        {"%2$MSB_KEY", "raw"},
        {"MSB_KEY $msb_key", ""},
    };
    for (const auto& [text, form] : cases)
        for (std::size_t piece = 1; piece <= text.size(); ++piece)
            EXPECT_EQ(forms(text, piece), form) << text << " by " << piece;
}

// ---- conversations ------------------------------------------------------------------------------

std::shared_ptr<const SecretSet> set_of(std::vector<Secret> secrets,
                                        Action action = Action::block_and_log) {
    return std::make_shared<SecretSet>(std::move(secrets), action);
}

Peers example() {
    return {.name = "api.example.org", .names = {"api.example.org"}, .destination = {}};
}

/// KEY is for api.example.org, OTHER for another host.
std::shared_ptr<const SecretSet> usual() {
    return set_of({secret_of("KEY", "s3cret/\"value", {"*.example.org"}),
                   secret_of("OTHER", "other-value", {"other.example.net"})});
}

struct Talk {
    explicit Talk(std::shared_ptr<const SecretSet> secrets = usual(), Peers peers = example())
        : conversation(std::move(peers), std::move(secrets), noted) {}

    std::string send(std::string_view text, std::size_t piece = SIZE_MAX) {
        for (std::size_t at = 0; at < text.size() && !conversation.ended();
             at += std::min(piece, text.size()))
            conversation.from_guest(as_bytes(text.substr(at, piece)));
        return taken(conversation.to_upstream());
    }
    std::string answer(std::string_view text, std::size_t piece = SIZE_MAX) {
        for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size()))
            conversation.from_upstream(as_bytes(text.substr(at, piece)));
        return taken(conversation.to_guest());
    }
    std::string told() { return taken(conversation.to_guest()); }
    static std::string taken(OutBuffer& buffer) {
        std::string text(as_text(buffer.view()));
        buffer.clear();
        return text;
    }

    Noted noted;
    Http1Conversation conversation;
};

TEST(Conversation, HeadersQueryAndBasic) {
    const std::string_view request =
        "GET /p?q=$MSB_KEY HTTP/1.1\r\nHost: api.example.org\r\n"
        "Authorization: Bearer $MSB_KEY\r\nAccept-Encoding: gzip\r\n\r\n";
    for (const std::size_t piece : {1, 7, 1000}) {
        Talk talk;
        EXPECT_EQ(talk.send(request, piece),
                  "GET /p?q=$MSB_KEY HTTP/1.1\r\nHost: api.example.org\r\n"
                  "Authorization: Bearer s3cret/\"value\r\nAccept-Encoding: identity\r\n\r\n");
        EXPECT_TRUE(talk.noted.violations.empty());
    }
    Secret in_query = secret_of("KEY", "a b&c", {"api.example.org"});
    in_query.query = true;
    in_query.header_fields = {"x-key"};
    Talk talk(set_of({in_query}));
    EXPECT_EQ(talk.send("GET /?a=%24MSB_KEY&b=$MSB_KEY HTTP/1.1\r\nHost: API.example.org:443\r\n"
                        "X-Key: $MSB_KEY\r\nY: $MSB_KEY\r\n\r\n"),
              "GET /?a=a%20b%26c&b=a%20b%26c HTTP/1.1\r\nHost: API.example.org:443\r\n"
              "X-Key: a b&c\r\nY: $MSB_KEY\r\nAccept-Encoding: identity\r\n\r\n");
    Talk basic;
    EXPECT_EQ(basic.send("GET / HTTP/1.1\r\nHost: api.example.org\r\nAuthorization: Basic " +
                         to_base64(as_bytes("user:$MSB_KEY")) + "\r\n\r\n"),
              "GET / HTTP/1.1\r\nHost: api.example.org\r\nAuthorization: Basic " +
                  to_base64(as_bytes("user:s3cret/\"value")) +
                  "\r\nAccept-Encoding: identity\r\n\r\n");
}

TEST(Conversation, Bodies) {
    Secret secret = secret_of("KEY", "va\"lue", {"api.example.org"});
    secret.body = true;
    const auto post = [](std::string_view type, std::string_view body) {
        return "POST / HTTP/1.1\r\nHost: api.example.org\r\nContent-Type: " + std::string(type) +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
               std::string(body);
    };
    const auto sent_body = [&](const std::string& request, std::size_t piece) {
        Talk talk(set_of({secret}));
        const std::string sent = talk.send(request, piece);
        const auto end = sent.find("\r\n\r\n");
        EXPECT_NE(end, std::string::npos) << request;
        const std::string body = end == std::string::npos ? "" : sent.substr(end + 4);
        EXPECT_TRUE(sent.find("Content-Length: " + std::to_string(body.size())) !=
                        std::string::npos ||
                    sent.find("chunked") != std::string::npos)
            << sent;
        return body;
    };
    for (const std::size_t piece : {1, 3, 1000}) {
        EXPECT_EQ(sent_body(post("application/json", R"({"k":"$MSB_KEY"})"), piece),
                  R"({"k":"va\"lue"})");
        EXPECT_EQ(sent_body(post("text/plain", "a$MSB_KEYb"), piece), "ava\"lueb");
        EXPECT_EQ(sent_body(post("application/x-www-form-urlencoded", "a=%24MSB_KEY&b=1"), piece),
                  "a=va%22lue&b=1");
        EXPECT_EQ(
            sent_body(
                "POST / HTTP/1.1\r\nHost: api.example.org\r\nTransfer-Encoding: chunked\r\n\r\n"
                "4;ext=1\r\n$MSB\r\n4\r\n_KEY\r\n0\r\nT: 1\r\n\r\n",
                piece),
            "6\r\nva\"lue\r\n0\r\nT: 1\r\n\r\n");
    }
    for (const std::string coding : {"gzip", "deflate", "br", "zstd"}) {
        const std::string packed = encode(coding, "a $MSB_KEY b").value();
        Talk talk(set_of({secret}));
        const std::string sent =
            talk.send("POST / HTTP/1.1\r\nHost: api.example.org\r\nContent-Encoding: " + coding +
                      "\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" + packed);
        EXPECT_EQ(decode(coding, sent.substr(sent.find("\r\n\r\n") + 4), 1000), "a va\"lue b")
            << coding;
    }
}

TEST(Conversation, Violations) {
    const std::string host = "Host: api.example.org\r\n";
    struct {
        std::string request, location, form;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" + host + "X: $MSB_OTHER\r\n\r\n", "header", "raw"},
        {"GET /?$MSB_OTHER HTTP/1.1\r\n" + host + "\r\n", "query", "raw"},
        {"GET /?a=%24MSB_OTHER HTTP/1.1\r\n" + host + "\r\n", "query", "percent_decoded"},
        {"GET /?a=%2524MSB_OTHER HTTP/1.1\r\n" + host + "\r\n", "query", "percent_decoded"},
        {"GET /$MSB_OTHER HTTP/1.1\r\n" + host + "\r\n", "unknown", "raw"},
        {"GET / HTTP/1.1\r\n" + host + "Authorization: Basic " +
             to_base64(as_bytes("u:$MSB_OTHER")) + "\r\n\r\n",
         "authorization_basic", "basic_auth_decoded"},
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 10\r\n\r\n$MSB_OTHER", "body", "raw"},
        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 15\r\n\r\n\\u0024MSB_OTHER", "body",
         "json_unescaped"},
        {"POST / HTTP/1.1\r\n" + host +
             "Transfer-Encoding: chunked\r\n\r\n5\r\n$MSB_\r\n5\r\nOTHER\r\n0\r\n\r\n",
         "body", "raw"},
        {"POST / HTTP/1.1\r\n" + host +
             "Transfer-Encoding: chunked\r\n\r\n0\r\nT: $MSB_OTHER\r\n\r\n",
         "header", "raw"},
    };
    for (const auto& [request, location, form] : cases)
        for (const std::size_t piece : {1, 5, 1000}) {
            Talk talk;
            const std::string sent = talk.send(request, piece);
            ASSERT_EQ(talk.noted.violations.size(), 1U) << request;
            const Violation& violation = talk.noted.violations.front();
            EXPECT_EQ(violation.location, location) << request;
            EXPECT_EQ(to_string(violation.form), form) << request;
            EXPECT_EQ(violation.env, "OTHER");
            EXPECT_EQ(violation.host, "api.example.org");
            EXPECT_EQ(violation.path.find('?'), std::string::npos);
            EXPECT_TRUE(talk.conversation.ended());
            EXPECT_EQ(sent.find("OTHER"), std::string::npos) << sent;
        }
    // What is compressed is opened to be searched.
    for (const std::string coding : {"gzip", "deflate", "br", "zstd"}) {
        const std::string packed = encode(coding, "a $MSB_OTHER b").value();
        Talk talk;
        EXPECT_EQ(talk.send("POST / HTTP/1.1\r\n" + host + "Content-Encoding: " + coding +
                            "\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" +
                            packed),
                  "");
        EXPECT_EQ(talk.noted.violations.size(), 1U) << coding;
    }
    // Other protocols are passed on, and searched.
    Talk other;
    EXPECT_EQ(other.send("\x01\x02 binary"), "\x01\x02 binary");
    other.send("$MSB_OT");
    other.send("HER");
    EXPECT_EQ(other.noted.violations.size(), 1U);
    // Who may see the placeholder, and the strictest action.
    Secret harmless = secret_of("OTHER", "other-value", {"other.example.net"});
    harmless.passthrough = {"api.example.org"};
    Talk passed(set_of({harmless}));
    EXPECT_NE(passed.send("GET /$MSB_OTHER HTTP/1.1\r\n" + host + "\r\n").find("$MSB_OTHER"),
              std::string::npos);
    Talk terminated(set_of({secret_of("OTHER", "x", {"other"})}, Action::block_and_terminate));
    terminated.send("GET /$MSB_OTHER HTTP/1.1\r\n" + host + "\r\n");
    EXPECT_TRUE(terminated.noted.terminated);
}

TEST(Conversation, RefusesWhatCanBeReadInTwoWays) {
    const std::string host = "Host: api.example.org\r\n";
    const std::string cases[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + host + "\r\n",
        "GET https://evil.example/ HTTP/1.1\r\n" + host + "\r\n",
        "CONNECT api.example.org:443 HTTP/1.1\r\n" + host + "\r\n",
        "GET  / HTTP/1.1\r\n" + host + "\r\n",
        "GET / HTTP/2.0\r\n" + host + "\r\n",
        "GET / HTTP/1.1\r\n" + host + "X : 1\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + " folded\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + "X: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + "X: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\n" + host + std::string("X: a\0b\r\n\r\n", 10),
        "GET / HTTP/1.1\nHost: api.example.org\n\n",
        "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\n" + host + "Content-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\n" + host + "Content-Length: 1, 1\r\n\r\na",
        "POST / HTTP/1.1\r\n" + host +
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host +
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
        "POST / HTTP/1.1\r\n" + host + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        "GET / HTTP/1.1\r\n" + host + "X: " + std::string(most_head, 'a') + "\r\n\r\n",
    };
    for (const std::string& request : cases) {
        Talk talk;
        talk.send(request);
        EXPECT_TRUE(talk.conversation.ended()) << request;
        EXPECT_TRUE(talk.told().starts_with("HTTP/1.1 4")) << request;
    }
}

TEST(Conversation, AnswersAreScrubbed) {
    const auto ask = [](Talk& talk, std::string_view method = "GET") {
        talk.send(std::string(method) + " / HTTP/1.1\r\nHost: api.example.org\r\n\r\n");
    };
    const auto set = set_of({secret_of("KEY", "s3cret-value", {"api.example.org"})});
    for (const std::size_t piece : {1, 9, 1000}) {
        Talk talk(set);
        ask(talk);
        EXPECT_EQ(
            talk.answer(
                "HTTP/1.1 200 OK\r\nX: s3cret-value\r\nContent-Length: 14\r\n\r\nas3cret-valueb",
                piece),
            "HTTP/1.1 200 OK\r\nX: $MSB_KEY\r\nContent-Length: 10\r\n\r\na$MSB_KEYb");
        EXPECT_FALSE(talk.noted.echoed.empty());
        ask(talk);
        const std::string chunked =
            talk.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                        "chunked\r\n\r\n6\r\ns3cret\r\n7\r\n-value!\r\n0\r\n\r\n",
                        piece);
        EXPECT_EQ(chunked.find("s3cret"), std::string::npos) << chunked;
        EXPECT_NE(chunked.find("$MSB_KEY"), std::string::npos) << chunked;
        EXPECT_TRUE(chunked.ends_with("0\r\n\r\n")) << chunked;
        ask(talk, "HEAD");
        EXPECT_EQ(talk.answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", piece),
                  "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
        ask(talk);
        EXPECT_EQ(
            talk.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", piece),
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
        ask(talk);
        const std::string all = talk.answer("HTTP/1.0 200 OK\r\n\r\nend: s3cret-value", piece);
        talk.conversation.upstream_ended();
        EXPECT_EQ(all + talk.told(), "HTTP/1.0 200 OK\r\n\r\nend: $MSB_KEY");
        EXPECT_TRUE(talk.conversation.ended());
    }
    // A long answer keeps its length.
    Talk large(set);
    ask(large);
    const std::string filler(ResponseFilter::most_exact_answer, 'x');
    const std::string answer =
        large.answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(filler.size() + 12) +
                         "\r\n\r\n" + filler + "s3cret-value",
                     100'000);
    EXPECT_TRUE(answer.ends_with("x$MSB_KEY****"));
    // A server that compresses although it was asked not to.
    for (const std::string coding : {"gzip", "br", "zstd", "deflate"}) {
        Talk packed(set);
        ask(packed);
        const std::string body = encode(coding, "it is s3cret-value").value();
        const std::string got =
            packed.answer("HTTP/1.1 200 OK\r\nContent-Encoding: " + coding +
                          "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        EXPECT_TRUE(got.ends_with("\r\n\r\nit is $MSB_KEY")) << got;
    }
    Talk bad(set);
    ask(bad);
    EXPECT_TRUE(
        bad.answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            .starts_with("HTTP/1.1 502"));
}

TEST(Conversation, UpgradesAndBudgets) {
    Talk talk;
    talk.send("GET /ws HTTP/1.1\r\nHost: api.example.org\r\nUpgrade: websocket\r\nConnection: "
              "Upgrade\r\n\r\n");
    EXPECT_EQ(
        talk.answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x"),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x");
    EXPECT_EQ(talk.send("\x81\x01y"), "\x81\x01y");
    EXPECT_EQ(talk.answer("\x81\x0ds3cret/\"value"), "\x81\x0d$MSB_KEY*****");

    Secret limited = secret_of("KEY", "value-of-key", {"api.example.org"});
    limited.total = 1;
    limited.methods = {"GET"};
    limited.paths = {"/v1/"};
    const auto set = set_of({limited});
    const std::string request =
        "GET /v1/x HTTP/1.1\r\nHost: api.example.org\r\nX: $MSB_KEY\r\n\r\n";
    Talk other_path(set);
    EXPECT_NE(other_path.send("GET /v2 HTTP/1.1\r\nHost: api.example.org\r\nX: $MSB_KEY\r\n\r\n")
                  .find("X: $MSB_KEY"),
              std::string::npos);
    Talk first(set);
    EXPECT_NE(first.send(request).find("value-of-key"), std::string::npos);
    Talk second(set);
    EXPECT_EQ(second.send(request), "");
    EXPECT_NE(second.told().find("secret_budget_exceeded"), std::string::npos);
    // A placeholder that is another one when it is decoded.
    limited.placeholder = "%41-key";
    const auto escaped = set_of({limited});
    Talk third(escaped), fourth(escaped);
    const std::string other = "GET /v1/x HTTP/1.1\r\nHost: api.example.org\r\nX: %41-key\r\n\r\n";
    EXPECT_NE(third.send(other).find("value-of-key"), std::string::npos);
    EXPECT_EQ(fourth.send(other), "");
}

TEST(Conversation, OnlyTheProvenHost) {
    const std::string request = "GET / HTTP/1.1\r\nHost: api.example.org\r\nX: $MSB_KEY\r\n\r\n";
    Peers unverified = example();
    unverified.verified = false;
    Talk by_name(usual(), unverified);
    EXPECT_NE(by_name.send(request).find("s3cret"), std::string::npos);
    unverified.names = {"elsewhere.example"};
    Talk by_address(usual(), unverified);
    EXPECT_EQ(by_address.send(request), "");
    Peers plain = example();
    plain.tls = false;
    Talk without(usual(), plain);
    EXPECT_EQ(without.send(request), "");
    // Another set counts from the next request on.
    Talk changed;
    EXPECT_NE(changed.send(request).find("s3cret"), std::string::npos);
    changed.answer("HTTP/1.1 204 No Content\r\n\r\n");
    changed.conversation.replace_secrets(
        set_of({secret_of("KEY", "rotated", {"api.example.org"})}));
    EXPECT_NE(changed.send(request).find("X: rotated"), std::string::npos);
}

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: api.example.org\r\n\r\n";

TEST(Conversation, EchoesInEveryPlaceAndForm) {
    const std::string value = "s3cret-value-1";
    const auto set = set_of({secret_of("KEY", value, {"api.example.org"})});
    const auto answered = [&](const std::string& answer) {
        Talk talk(set);
        talk.send(get);
        const std::string got = talk.answer(answer);
        EXPECT_FALSE(talk.noted.echoed.empty()) << got;
        return got;
    };
    EXPECT_EQ(answered("HTTP/1.1 400 no " + value + " here\r\nContent-Length: 0\r\n\r\n"),
              "HTTP/1.1 400 no $MSB_KEY here\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(answered("HTTP/1.1 200 OK\r\n" + value + ": 1\r\nContent-Length: 0\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + value +
                       ": 1\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    // Some say this of text that is not compressed at all.
    EXPECT_EQ(answered("HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\nContent-Length: 14\r\n\r\n" +
                       value),
              "HTTP/1.1 200 OK\r\nContent-Encoding: utf-8\r\nContent-Length: 8\r\n\r\n$MSB_KEY");
    // The Authorization header as a server shows it, whatever the length of the user's name.
    for (const std::string before : {"", "u:", "us:", "use:"})
        for (const std::string after : {"", "a", "ab"}) {
            const std::string credentials = to_base64(as_bytes(before + value + after));
            const std::string got = answered(
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(credentials.size()) +
                "\r\n\r\n" + credentials);
            EXPECT_NE(got.find("$MSB_KEY"), std::string::npos) << before << after;
        }
}

TEST(Conversation, SecretsChangeBetweenAnswers) {
    const auto old = set_of({secret_of("OTHER", "other-value", {"other.example.net"}),
                             secret_of("KEY", "old-value", {"api.example.org"})});
    Talk talk(old);
    talk.send(get);
    EXPECT_EQ(talk.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nold-\r\n"),
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    // The answer at hand may have the value that its request had; the next request has the new one.
    talk.conversation.replace_secrets(set_of({secret_of("KEY", "new-value", {"api.example.org"})}));
    EXPECT_EQ(talk.send("GET / HTTP/1.1\r\nHost: api.example.org\r\nX: $MSB_KEY\r\n\r\n"), "");
    EXPECT_EQ(talk.answer("5\r\nvalue\r\n0\r\n\r\n"), "8\r\n$MSB_KEY\r\n0\r\n\r\n");
    EXPECT_NE(talk.send("").find("X: new-value\r\n"), std::string::npos);
    EXPECT_EQ(talk.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnew-value"),
              "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n$MSB_KEY");
    // None at all, in the middle of an answer.
    talk.send(get);
    talk.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnew-\r\n");
    talk.conversation.replace_secrets(set_of({}));
    EXPECT_EQ(talk.answer("5\r\nvalue\r\n0\r\n\r\n"), "8\r\n$MSB_KEY\r\n0\r\n\r\n");
    talk.send(get);
    EXPECT_EQ(talk.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnew-value"),
              "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnew-value");
}

TEST(Conversation, WhatWaitsIsBounded) {
    // Requests without an end to a server that answers none.
    Talk eager;
    std::size_t sent = 0;
    for (; !eager.conversation.guest_waits() && sent < (std::size_t{8} << 20); sent += get.size())
        eager.send(get);
    EXPECT_LT(sent, std::size_t{1} << 20);
    for (std::size_t i = 0; i < Http1Conversation::most_pipelined; ++i)
        eager.answer("HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_NE(eager.send(""), "");
    // A server that goes on without having been asked.
    Talk flooded;
    flooded.send(get);
    flooded.answer("HTTP/1.1 204 No Content\r\n\r\n");
    for (std::size_t i = 0; i < 1024 && !flooded.conversation.ended(); ++i)
        flooded.answer(std::string(1024, 'x'));
    EXPECT_TRUE(flooded.conversation.ended());
}

TEST(Conversation, WhatIsKeptIsBounded) {
    Secret secret = secret_of("KEY", std::string(60000, 'v'), {"api.example.org"});
    secret.body = true;
    const auto set = set_of({secret});
    const std::string host = "Host: api.example.org\r\n";
    const auto refused = [&](const std::string& request, std::size_t room = SIZE_MAX) {
        Talk talk(set);
        talk.noted.room = room;
        EXPECT_EQ(talk.send(request), "");
        EXPECT_TRUE(talk.conversation.ended());
        EXPECT_EQ(talk.conversation.held(), talk.conversation.to_guest().size());
        return talk.told().substr(0, 12);
    };
    std::string words, head;
    for (int i = 0; i < 400; ++i)
        words += "$MSB_KEY";
    for (int i = 0; i < 20; ++i)
        head += "X: $MSB_KEY\r\n";
    const std::string length = "Content-Length: " + std::to_string(words.size()) + "\r\n\r\n";
    EXPECT_EQ(refused("GET / HTTP/1.1\r\n" + host + head + "\r\n"), "HTTP/1.1 413");
    EXPECT_EQ(refused("GET / HTTP/1.1\r\n" + host + "X: " + words + "\r\n\r\n"), "HTTP/1.1 413");

    EXPECT_EQ(refused("POST / HTTP/1.1\r\n" + host + length + words), "HTTP/1.1 413");
    EXPECT_EQ(refused("POST / HTTP/1.1\r\n" + host + length + words.substr(8), 100),
              "HTTP/1.1 413");
    EXPECT_EQ(
        refused("GET / HTTP/1.1\r\n" + host + head.substr(0, head.size() / 4) + "\r\n", 100'000),
        "HTTP/1.1 503");
    // Of the other side's.
    Talk answered(set);
    answered.noted.room = 100;
    answered.send("GET / HTTP/1.1\r\n" + host + "\r\n");
    answered.answer("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n");
    EXPECT_EQ(answered.answer(std::string(200, 'a')).substr(0, 12), "HTTP/1.1 502");
    EXPECT_TRUE(answered.conversation.ended());
}

TEST(Conversation, ViolationsKeepNoMoreThanIsRead) {
    Talk talk;
    talk.send("GET /" + std::string(20000, 'p') +
              " HTTP/1.1\r\nHost: api.example.org\r\nX: " + "$MSB_OTHER\r\n\r\n");
    ASSERT_EQ(talk.noted.violations.size(), 1U);
    EXPECT_EQ(talk.noted.violations[0].path.size(), Violation::most_path);
}

TEST(Conversation, WithoutTlsTheHostIsWhatTheGuestSays) {
    Talk talk(usual(), {.name = "192.0.2.1", .names = {}, .destination = {}, .tls = false});
    EXPECT_NE(talk.send(get).find("Host: api.example.org"), std::string::npos);
    EXPECT_EQ(talk.send("GET / HTTP/1.1\r\nHost: a\r\nX: $MSB_KEY\r\n\r\n"), "");
    EXPECT_EQ(talk.noted.violations.size(), 1U);
}

TEST(Conversation, WhatIsNoHttpGoesOn) {
    // The first word alone could be a method.
    Talk talk;
    EXPECT_EQ(talk.send("SET a b\r\n", 3), "SET a b\r\n");
    EXPECT_EQ(talk.answer("+OK s3cret/\"value\r\n"), "+OK $MSB_KEY*****\r\n");
    EXPECT_EQ(talk.send("GET $MSB_OTHER\r\n"), "");
    ASSERT_EQ(talk.noted.violations.size(), 1U);
    EXPECT_EQ(talk.noted.violations[0].protocol, "other");
    // What a lenient server could take for a request is read strictly.
    for (const std::string line : {"GET / HTTP/1.1 ", "GET /\tHTTP/1.1", "GET  / HTTP/1.1"}) {
        Talk lenient;
        EXPECT_EQ(lenient.send(line + "\r\nHost: api.example.org\r\n\r\n"), "") << line;
    }
}

TEST(Coding, BombsAreBounded) {
    for (const std::string coding : {"gzip", "deflate", "br", "zstd"}) {
        const std::string packed = encode(coding, std::string(1 << 20, 'a')).value();
        EXPECT_FALSE(decode(coding, packed, 1000)) << coding;
        EXPECT_TRUE(decode(coding, packed, 1 << 20)) << coding;
        EXPECT_FALSE(decode(coding, packed.substr(0, packed.size() / 2), 1 << 20)) << coding;
        EXPECT_FALSE(decode(coding, packed + "x", 1 << 20)) << coding;
    }
}

} // namespace
} // namespace msb::tls
