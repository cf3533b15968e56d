// What a request of plain HTTP gets that is refused: the reason, and what would allow it.
#pragma once

#include <string>
#include <string_view>

namespace msb::net {

struct HttpAnswer {
    std::string_view status; ///< "403 Forbidden"
    std::string_view code;   ///< for programs
    std::string_view lead;   ///< begins the text for people
    std::string_view reason;
    std::string_view remedy_lead, remedy;
    std::string_view name; ///< of the host; empty: unknown
};

/// As bytes of HTTP/1.1: JSON if `request` accepts it, else text.
std::string http_answer(std::string_view request, const HttpAnswer& answer);

/// The end of the head of a request; npos: it has not come yet.
std::size_t end_of_head(std::string_view text);

} // namespace msb::net
