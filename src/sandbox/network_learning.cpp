#include "sandbox/network_learning.hpp"

#include "net/policy/rules.hpp"

#include <map>
#include <set>

namespace msb {

namespace {

/// The target of the rule that allows an entry; empty: none can.
std::string target_of(const NetworkEntry& entry) {
    if (entry.group == "host" && entry.type == "flow")
        return "host";
    const std::string text = !entry.name.empty() ? "domain=" + entry.name
                             : entry.address.find(':') != std::string::npos
                                 ? "[" + entry.address + "]"
                                 : entry.address;
    return net::parse_rules("allow@" + text) ? text : std::string(); // a guest may say anything
}

} // namespace

std::string learn_policy(const std::vector<NetworkEntry>& entries) {
    std::map<std::pair<std::string, std::string>, std::set<std::uint16_t>> ports;
    std::set<std::string> named, looked_up;
    for (const NetworkEntry& entry : entries) {
        // Credentials of this machine are nothing to be learned.
        if (entry.direction != "out" || entry.group == "metadata" ||
            entry.reason.find("is closed") != std::string::npos)
            continue;
        const std::string target = target_of(entry);
        if (target.empty())
            continue;
        if (entry.type == "lookup") {
            looked_up.insert(entry.name);
        } else if (entry.protocol == "ping") {
            ports[{target, entry.address.find(':') != std::string::npos ? "icmpv6" : "icmpv4"}];
        } else {
            ports[{target, entry.protocol}].insert(entry.port);
            named.insert(entry.name);
        }
    }
    std::string text = "# What the sandbox did, and nothing else.\nrules:\n";
    for (const auto& [key, numbers] : ports) {
        const std::string rule = "  - allow@" + key.first + ":" + key.second;
        if (numbers.empty())
            text += rule + "\n";
        for (const std::uint16_t port : numbers)
            text += rule + ":" + std::to_string(port) + "\n";
    }
    for (const std::string& name : looked_up)
        if (!named.contains(name))
            text += "  # only looked up: allow@domain=" + name + "\n";
    return ports.empty() ? "# Nothing was recorded.\nprofiles: [none]\n" : text;
}

} // namespace msb
