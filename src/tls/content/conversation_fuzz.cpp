// Both sides of a conversation, in pieces that the input chooses. The value of another host's secret is
// never sent to the server, unless the guest knows it anyway.
#include "tls/content/conversation.hpp"

#include <cstdlib>

namespace {

struct Nobody : msb::tls::Observer {
    void violation(const msb::tls::Violation&) override {}
    void scrubbed(const std::string&) override {}
    void terminate() override {}
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
    Conversation conversation({.name = "h", .names = {"h"}, .destination = {}},
                              std::make_shared<SecretSet>(std::vector{own, foreign}, Action::block),
                              nobody);
    std::string said, sent;
    while (input.size() >= 2 && !conversation.ended()) {
        const bool upstream = (input[0] & 1) != 0;
        const std::size_t piece = std::min<std::size_t>(input[1] + 1, input.size() - 2);
        const auto part = input.subspan(2, piece);
        if (upstream) {
            conversation.from_upstream(part);
        } else {
            said += msb::as_text(part);
            conversation.from_guest(part);
        }
        input = input.subspan(2 + piece);
        sent += msb::as_text(conversation.to_upstream().view());
        conversation.to_guest().clear();
        conversation.to_upstream().clear();
    }
    if (sent.find(foreign.value) != std::string::npos &&
        said.find(foreign.value) == std::string::npos)
        std::abort();
    return 0;
}
