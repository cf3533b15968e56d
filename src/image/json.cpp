#include "image/json.hpp"

#include "json/text.hpp"

namespace msb::image {

Result<Json> parse_json_object(std::string_view text, std::string_view what) {
    Json parsed = MSB_TRY_WRAP(json::parse(text), std::string(what));
    if (!parsed.is_object())
        return fail(ErrorKind::corrupt, std::string(what) + " is not a JSON object");
    return parsed;
}

std::string json_string(const Json& object, const char* key) {
    const Json* member = object.find(key);
    const std::string* text = member ? member->text() : nullptr;
    return text ? *text : std::string();
}

std::uint64_t json_unsigned(const Json& object, const char* key) {
    const Json* member = object.find(key);
    return member ? member->unsigned_integer().value_or(0) : 0;
}

std::int64_t json_integer(const Json& object, const char* key) {
    const Json* member = object.find(key);
    return member ? member->integer().value_or(0) : 0;
}

bool json_bool(const Json& object, const char* key) {
    const Json* member = object.find(key);
    return member && member->boolean().value_or(false);
}

std::vector<std::string> json_strings(const Json& object, const char* key) {
    std::vector<std::string> result;
    if (const Json* member = object.find(key))
        for (const Json& item : member->elements())
            if (const std::string* text = item.text())
                result.push_back(*text);
    return result;
}

const Json& json_member(const Json& object, const char* key) {
    static const Json nothing;
    const Json* member = object.find(key);
    return member && (member->is_array() || member->is_object()) ? *member : nothing;
}

} // namespace msb::image
