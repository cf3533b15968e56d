// The messages of the Model Context Protocol: JSON-RPC 2.0, one JSON object each.
#pragma once

#include "json/value.hpp"

#include <expected>
#include <string>
#include <string_view>

namespace msb::mcp {

/// The longest message that is read: a file of some MiB in base64 has room in it.
inline constexpr std::size_t max_message = std::size_t{16} << 20;

/// Codes of JSON-RPC 2.0 §5.1.
enum class Code : int {
    no_json = -32700,
    invalid_request = -32600,
    no_method = -32601,
    invalid_params = -32602,
    internal = -32603,
};

struct Message {
    enum class Kind { request, notification, response } kind = Kind::request;
    json::Value id; ///< text or a whole number; null for a notification
    std::string method;
    json::Value params; ///< an object; empty if there was none
};

/// Why something is no message. `id` is null if none could be read.
struct Problem {
    Code code = Code::invalid_request;
    std::string message;
    json::Value id;
};

std::expected<Message, Problem> read_message(std::string_view text);

// On one line, without its end.
std::string result_text(const json::Value& id, json::Value result);
std::string error_text(const json::Value& id, Code code, std::string_view message);
std::string notification_text(std::string_view method, json::Value params);

} // namespace msb::mcp
