// What the plaintext of intercepted connections costs: a conversation alone, without TLS or sockets, with one secret
// and with a hundred, in turns. The bodies are text of the letters that keys are made of, which is the hardest.
//
// usage: content_bench [ROUNDS [MiB]]
#include "tls/content/http1.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <random>

namespace {

using namespace msb;
using namespace msb::tls;
using Clock = std::chrono::steady_clock;

constexpr std::size_t piece = std::size_t{16} << 10; // a record of TLS

struct Nobody : Observer {
    void violation(const Violation&) override { std::abort(); }
    void scrubbed(const std::string&) override { std::abort(); }
    bool has_room(std::size_t) override { return true; }
    void terminate() override { std::abort(); }
};

std::string letters(std::mt19937& random, std::size_t size) {
    constexpr std::string_view all =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text(size, ' ');
    for (char& letter : text)
        letter = all[random() % all.size()];
    return text;
}

/// Half of them are for this host, and looked for in answers; the others must not be sent to it.
std::shared_ptr<const SecretSet> secrets_of(std::mt19937& random, std::size_t count) {
    constexpr std::size_t key_size = 40;
    std::vector<Secret> secrets;
    for (std::size_t i = 0; i < count; ++i)
        for (const bool own : {true, false})
            secrets.push_back({.env = fmt::format("{}{}", own ? "OWN" : "OTHER", i),
                               .placeholder = fmt::format("$MSB_{}{}", own ? "OWN" : "OTHER", i),
                               .value = letters(random, key_size),
                               .hosts = {own ? "h" : "elsewhere"}});
    return std::make_shared<SecretSet>(std::move(secrets), Action::block);
}

/// MiB/s of one body in pieces, from the guest or from the upstream.
double rate(const std::shared_ptr<const SecretSet>& secrets, std::string_view text, bool from_guest,
            std::size_t mib) {
    Nobody nobody;
    Http1Conversation talk({.name = "h", .names = {"h"}, .destination = {}}, secrets, nobody);
    const std::size_t size = mib << 20;
    const std::string length = "Content-Length: " + std::to_string(size) + "\r\n\r\n";
    if (from_guest) {
        talk.from_guest(as_bytes("POST / HTTP/1.1\r\nHost: h\r\n" + length));
    } else {
        talk.from_guest(as_bytes("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
        talk.from_upstream(as_bytes("HTTP/1.1 200 OK\r\n" + length));
    }
    const auto begin = Clock::now();
    for (std::size_t done = 0; done < size; done += piece) {
        const BytesView part = as_bytes(text.substr(done % text.size(), piece));
        from_guest ? talk.from_guest(part) : talk.from_upstream(part);
        talk.to_guest().clear();
        talk.to_upstream().clear();
    }
    return static_cast<double>(mib) / std::chrono::duration<double>(Clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

} // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
    const std::size_t mib = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64;
    std::mt19937 random(1);
    const std::string text = letters(random, std::size_t{1} << 20);
    const auto none = std::make_shared<const SecretSet>(std::vector<Secret>(), Action::block);
    const auto one = secrets_of(random, 1), many = secrets_of(random, 100);
    for (const bool from_guest : {true, false}) {
        std::vector<double> with_none, with_one, with_many;
        for (int round = 0; round < rounds; ++round) {
            with_none.push_back(rate(none, text, from_guest, mib));
            with_one.push_back(rate(one, text, from_guest, mib));
            with_many.push_back(rate(many, text, from_guest, mib));
        }
        fmt::print("{}: {:.0f} MiB/s without secrets, {:.0f} with one, {:.0f} with 100: a hundred "
                   "cost {:.2f} x one\n",
                   from_guest ? "request bodies" : "answers", median(with_none), median(with_one),
                   median(with_many), median(with_one) / median(with_many));
    }
    return 0;
}
