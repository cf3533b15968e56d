// A sandbox's network: what it would allow, what it did, and changing that.
#include "api/network.hpp"
#include "json/text.hpp"
#include "mcp/answers.hpp"

namespace msb::mcp {

namespace {

api::Outcome<Answer> net_check(Call& call) {
    const std::string name = needed(call.arguments, "sandbox");
    const std::string destination = needed(call.arguments, "destination");
    MSB_TRY(call.arguments.done());
    return Answer{to_document(MSB_TRY(api::check_network(name, destination)))};
}

api::Outcome<Answer> net_log(Call& call) {
    constexpr std::uint64_t most = 1000;
    const std::string name = needed(call.arguments, "sandbox");
    NetworkLogQuery query;
    query.denied = call.arguments.flag("denied");
    query.tail = call.arguments.number("tail", most).value_or(100);
    MSB_TRY(call.arguments.done());
    json::Value list = json::array();
    for (const NetworkEntry& entry : MSB_TRY(api::network_log(name, query)))
        list.push_back(entry.to_document());
    return Answer{{{"entries", list}}};
}

} // namespace

std::vector<Tool> network_tools() {
    using Effect = Tool::Effect;
    return {
        {"net_check", "Would it be allowed?",
         "Whether a sandbox may reach a destination, and which rule says so. Nothing is sent.",
         Effect::reads,
         of_sandbox()
             .text("destination", "HOST[:PORT[/PROTO]], such as \"pypi.org:443\".")
             .required(),
         net_check},
        {"net_log", "What the network did",
         "Connections, lookups and refusals of a sandbox, the newest last.", Effect::reads,
         of_sandbox()
             .flag("denied", "Only what was refused.")
             .number("tail", "The last so many; default: 100, at most 1000."),
         net_log},
    };
}

} // namespace msb::mcp
