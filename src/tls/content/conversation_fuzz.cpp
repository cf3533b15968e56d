// Both sides of a conversation, in pieces that the input chooses; or the upstream shows in its answer what it got. No value
// of another host may reach the upstream, and none at all the guest, unless the guest has written it itself.
#include "tls/content/http1.hpp"

#include <cstdlib>

namespace {

struct Nobody : msb::tls::Observer {
    void violation(const msb::tls::Violation&) override {}
    void scrubbed(const std::string&) override {}
    void terminate() override {}
    bool has_room(std::size_t bytes) override { return bytes < (std::size_t{1} << 14); }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace msb::tls;
    msb::BytesView input(data, size);
    Secret own{.env = "A", .placeholder = "$A", .value = "value-of-a", .hosts = {"h"}};
    own.query = own.body = true;
    const Secret foreign{
        .env = "B", .placeholder = "$B", .value = "value-of-b", .hosts = {"other"}};
    Nobody nobody;
    Http1Conversation conversation(
        {.name = "h", .names = {"h"}, .destination = {}},
        std::make_shared<SecretSet>(std::vector{own, foreign}, Action::block), nobody);
    std::string said, sent,
        came; // by the guest; to the upstream; of that since it last said something
    const auto has = [](std::string_view text, std::string_view part) {
        return text.find(part) != std::string_view::npos;
    };
    while (input.size() >= 2 && !conversation.ended()) {
        constexpr std::uint8_t upstream = 1, echo = 2;
        const std::size_t piece = std::min<std::size_t>(input[1] + 1, input.size() - 2);
        const auto part = input.subspan(2, piece);
        const bool shows = (input[0] & echo) != 0;
        if (shows) {
            const std::string answer =
                "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(came.size()) + "\r\n\r\n" +
                came;
            conversation.from_upstream(msb::as_bytes(answer));
        } else if ((input[0] & upstream) != 0) {
            conversation.from_upstream(part);
            came.clear(); // it may have left HTTP
        } else {
            said += msb::as_text(part);
            conversation.from_guest(part);
        }
        input = input.subspan(2 + piece);
        const auto to_guest = msb::as_text(conversation.to_guest().view());
        if (shows && has(to_guest, own.value) && !has(said, own.value))
            std::abort();
        conversation.to_guest().clear();
        const auto to_upstream = msb::as_text(conversation.to_upstream().view());
        sent += to_upstream;
        came += to_upstream;
        conversation.to_upstream().clear();
    }
    if (has(sent, foreign.value) && !has(said, foreign.value))
        std::abort();
    return 0;
}
