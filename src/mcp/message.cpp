#include "mcp/message.hpp"

#include "json/text.hpp"

namespace msb::mcp {

namespace {

constexpr const char* version = "2.0";

bool is_id(const json::Value& id) {
    return id.is_text() || id.integer() || id.unsigned_integer();
}

} // namespace

std::expected<Message, Problem> read_message(std::string_view text) {
    const auto bad = [](Code code, std::string message, json::Value id = {}) {
        return std::unexpected(Problem{code, std::move(message), std::move(id)});
    };
    if (text.size() > max_message)
        return bad(Code::invalid_request,
                   "a message has at most " + std::to_string(max_message) + " bytes");
    const auto document = json::parse(text);
    if (!document)
        return bad(Code::no_json, "not JSON: " + document.error().message());
    if (!document->is_object())
        return bad(Code::invalid_request, "not one JSON object");

    Message message;
    if (const json::Value* id = document->find("id"); id != nullptr) {
        if (!is_id(*id))
            return bad(Code::invalid_request, "'id' is neither text nor a whole number");
        message.id = *id;
    }
    const json::Value* stated = document->find("jsonrpc");
    if (stated == nullptr || *stated != version)
        return bad(Code::invalid_request, "'jsonrpc' is not \"2.0\"", message.id);
    const json::Value* method = document->find("method");
    if (method == nullptr && !message.id.is_null() &&
        (document->contains("result") || document->contains("error"))) {
        message.kind = Message::Kind::response;
        return message;
    }
    if (method == nullptr || !method->is_text())
        return bad(Code::invalid_request, "'method' is not text", message.id);
    message.method = *method->text();
    message.kind = message.id.is_null() ? Message::Kind::notification : Message::Kind::request;
    message.params = json::object();
    if (const json::Value* params = document->find("params"); params != nullptr) {
        if (!params->is_object())
            return bad(Code::invalid_params, "'params' is not an object", message.id);
        message.params = *params;
    }
    return message;
}

std::string result_text(const json::Value& id, json::Value result) {
    return json::to_text({{"jsonrpc", version}, {"id", id}, {"result", std::move(result)}});
}

std::string error_text(const json::Value& id, Code code, std::string_view message) {
    return json::to_text({{"jsonrpc", version},
                          {"id", id},
                          {"error", {{"code", static_cast<int>(code)}, {"message", message}}}});
}

std::string notification_text(std::string_view method, json::Value params) {
    return json::to_text({{"jsonrpc", version}, {"method", method}, {"params", std::move(params)}});
}

} // namespace msb::mcp
