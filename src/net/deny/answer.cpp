#include "net/deny/answer.hpp"

#include "json/text.hpp"

#include <algorithm>

namespace msb::net {

namespace {

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

/// Whether an Accept field speaks of JSON.
bool accepts_json(std::string_view head) {
    std::string small(head);
    std::ranges::transform(small, small.begin(), lower);
    const std::size_t field = small.find("\naccept:");
    if (field == std::string::npos)
        return false;
    const std::size_t end = small.find('\n', field + 1);
    return small.substr(field, end - field).find("json") != std::string::npos;
}

} // namespace

std::size_t end_of_head(std::string_view text) {
    const std::size_t usual = text.find("\r\n\r\n");
    return usual != std::string_view::npos ? usual : text.find("\n\n");
}

std::string http_answer(std::string_view request, const HttpAnswer& answer) {
    const bool as_json = accepts_json(request);
    std::string body = std::string(answer.lead) + ": " + std::string(answer.reason) + "\n" +
                       std::string(answer.remedy_lead) + ": " + std::string(answer.remedy) + "\n";
    if (as_json)
        body = json::to_text({{"code", answer.code},
                              {"message", answer.reason},
                              {"domain", json::or_null(std::string(answer.name))},
                              {"remedy", answer.remedy}}) +
               "\n";
    std::string response = "HTTP/1.1 " + std::string(answer.status) +
                           "\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Type: ";
    response += as_json ? "application/json" : "text/plain; charset=utf-8";
    response += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    return request.starts_with("HEAD ") ? response : response + body;
}

} // namespace msb::net
