// Options of the C ABI that are about the network: "ports" and "network".
#include "ffi/options.hpp"
#include "spec/network_document.hpp"

namespace msb::ffi {

namespace {

PublishedPort read_port(Options& options, Options port) {
    constexpr std::uint64_t largest = 65535;
    PublishedPort published;
    published.bind = port.text("bind", published.bind);
    published.host = static_cast<std::uint16_t>(port.number("host_port", largest).value_or(0));
    published.guest = static_cast<std::uint16_t>(port.number("guest_port", largest).value_or(0));
    published.udp = port.choice("protocol", {"tcp", "udp"}) == "udp";
    if (const auto checked = port.done(); !checked)
        options.complain(checked.error().error.message());
    return published;
}

} // namespace

void read_network_member(Options& options, NetworkSpec& network) {
    if (const json::Value value = options.any("network"); !value.is_null()) {
        auto given = read_network_document(value);
        if (!given)
            return options.complain("network: " + given.error().message());
        network = std::move(*given);
    }
}

void read_network(Options& options, NetworkSpec& network) {
    read_network_member(options, network);
    const json::Value ports = options.any("ports");
    if (ports.is_array())
        for (const json::Value& port : ports.elements())
            network.published.push_back(read_port(options, Options(port, "ports.")));
    else if (!ports.is_null())
        options.complain("'ports' is not an array");
}

} // namespace msb::ffi
