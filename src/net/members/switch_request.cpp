#include "net/members/switch_request.hpp"

#include "json/reader.hpp"
#include "json/text.hpp"

namespace msb::net {

std::string SwitchRequest::to_json() const {
    return json::to_text({{"member", member}, {"address", address.to_string()}});
}

Result<SwitchRequest> SwitchRequest::from_json(std::string_view text) {
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    SwitchRequest request;
    document.get("member", request.member);
    const auto address = IpAddress::parse(document.get<std::string>("address"));
    if (!address || address->v6)
        document.complain("not an IPv4 address");
    request.address = address.value_or(IpAddress());
    MSB_TRY(document.status());
    return request;
}

std::string SwitchAnswer::to_json() const {
    json::Value list = json::array();
    for (const IpAddress& member : members)
        list.push_back(member.to_string());
    return json::to_text({{"error", error}, {"members", list}});
}

Result<SwitchAnswer> SwitchAnswer::from_json(std::string_view text) {
    const json::Value value = MSB_TRY(json::parse(text));
    json::Reader document(value);
    SwitchAnswer answer;
    document.get("error", answer.error);
    for (const auto& member : document.get<std::vector<std::string>>("members"))
        answer.members.push_back(IpAddress::parse(member).value_or(IpAddress()));
    MSB_TRY(document.status());
    return answer;
}

} // namespace msb::net
