#include "spec/published_port.hpp"

#include "base/address.hpp"

#include <algorithm>
#include <optional>

namespace msb {

namespace {

struct Range {
    std::uint16_t first = 0, last = 0;

    unsigned size() const { return last - first + 1U; }
};

std::string with_brackets(const std::string& bind) {
    return bind.find(':') != std::string::npos ? "[" + bind + "]" : bind;
}

/// `side`: "host" or "guest", for the error.
Result<Range> parse_range(std::string_view text, std::string_view side) {
    const auto port = [&](std::string_view word) -> Result<std::uint16_t> {
        if (const auto number = parse_port(word))
            return *number;
        return invalid("invalid " + std::string(side) + " port: '" + std::string(word) + "'");
    };
    const auto dash = text.find('-');
    Range range;
    range.first = MSB_TRY(port(text.substr(0, dash)));
    if (dash == std::string_view::npos) {
        range.last = range.first;
        return range;
    }
    range.last = MSB_TRY(port(text.substr(dash + 1)));
    if (range.first == 0)
        return invalid(std::string(side) +
                       " port range endpoints must be between 1 and 65535: " + std::string(text));
    if (range.last < range.first)
        return invalid(std::string(side) + " port range is reversed: " + std::string(text));
    return range;
}

/// Takes what is before the last colon as an address, if there is one.
bool take_bind(std::string_view& rest, std::string& bind) {
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos)
        return true;
    bind = rest.substr(0, colon);
    rest = rest.substr(colon + 1);
    const bool bracketed = bind.starts_with('[') && bind.ends_with(']');
    if (bracketed)
        bind = bind.substr(1, bind.size() - 2);
    return IpAddress::parse(bind) && bracketed == (bind.find(':') != std::string::npos);
}

} // namespace

std::string PublishedPort::to_string() const {
    return with_brackets(bind) + ":" + std::to_string(host) + ":" + std::to_string(guest) +
           (udp ? "/udp" : "/tcp");
}

std::string PublishedPort::to_arrow() const {
    return with_brackets(bind) + ":" + std::to_string(host) + "->" + std::to_string(guest) +
           (udp ? "/udp" : "/tcp");
}

Result<std::vector<PublishedPort>> parse_published_ports(std::string_view text) {
    const auto bad = [&](std::string_view why) {
        return invalid("invalid published port '" + std::string(text) + "': " + std::string(why) +
                       " (expected [BIND:]HOST[-END]:GUEST[-END][/tcp|udp])");
    };
    PublishedPort port;
    std::string_view rest = text;
    if (const auto slash = rest.rfind('/'); slash != std::string_view::npos) {
        const std::string_view protocol = rest.substr(slash + 1);
        if (protocol != "tcp" && protocol != "udp")
            return bad("the protocol is tcp or udp");
        port.udp = protocol == "udp";
        rest = rest.substr(0, slash);
    }
    const auto last = rest.rfind(':');
    if (last == std::string_view::npos)
        return bad("a port of the host and one of the guest");
    const auto guest = parse_range(rest.substr(last + 1), "guest");
    if (!guest)
        return bad(guest.error().message());
    rest = rest.substr(0, last);
    if (!take_bind(rest, port.bind))
        return bad("the address to bind is a number; IPv6 in brackets");
    const auto host = parse_range(rest, "host");
    if (!host)
        return bad(host.error().message());
    if (guest->first == 0)
        return bad("ports of the guest are 1 to 65535");
    if (host->size() != guest->size())
        return bad("host and guest port ranges must have equal lengths");
    if (host->size() > most_published)
        return bad("more than 256 ports");
    std::vector<PublishedPort> ports(host->size(), port);
    for (unsigned i = 0; i < host->size(); ++i) {
        ports[i].host = static_cast<std::uint16_t>(host->first + i);
        ports[i].guest = static_cast<std::uint16_t>(guest->first + i);
    }
    return ports;
}

Status validate_published(const std::vector<PublishedPort>& ports) {
    if (ports.size() > most_published)
        return invalid("invalid config: more than 256 published ports");
    for (std::size_t i = 0; i < ports.size(); ++i) {
        const PublishedPort& port = ports[i];
        if (port.guest == 0 || !IpAddress::parse(port.bind))
            return invalid("invalid config: published port " + port.to_string());
        const auto same = [&](const PublishedPort& other) {
            return other.host == port.host && other.udp == port.udp && other.bind == port.bind;
        };
        if (port.host != 0 &&
            std::any_of(ports.begin(), ports.begin() + static_cast<long>(i), same))
            return invalid("published port " + port.to_string() + " is there twice");
    }
    return {};
}

} // namespace msb
