#include "net/intercept/handover.hpp"

#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>

namespace msb::net {

namespace {

constexpr std::size_t longest_name = 255;

/// A name may be anything that a guest's hello may hold; what it is used for is text for people and
/// certificates, so control characters and spaces are none.
bool is_clean(std::string_view name) {
    return name.size() <= longest_name &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace

std::string Handover::to_json() const {
    json::Value list = json::array();
    for (const std::string& one : names)
        if (list.elements().size() < most_names)
            list.push_back(one);
    return json::to_text({{"name", name},
                          {"names", list},
                          {"address", destination.address.to_string()},
                          {"port", destination.port},
                          {"tls", tls}});
}

Result<Handover> Handover::from_json(std::string_view text) {
    if (text.size() > most_bytes)
        return fail(ErrorKind::limit_exceeded, "a handover is too long");
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    Handover handover;
    document.get("name", handover.name);
    document.get("names", handover.names);
    document.get("port", handover.destination.port);
    document.get("tls", handover.tls);
    const auto address = IpAddress::parse_scoped(document.get<std::string>("address"));
    handover.destination.address = address.value_or(IpAddress());
    MSB_TRY(document.status());
    if (!address || handover.names.size() > most_names || !is_clean(handover.name) ||
        !std::ranges::all_of(handover.names, is_clean))
        return fail(ErrorKind::corrupt, "a handover makes no sense");
    return handover;
}

} // namespace msb::net
