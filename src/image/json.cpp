#include "image/json.hpp"

namespace msb::image {

namespace {

// Brackets inside strings do not nest. Runs before the parser so that its memory is bounded too.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > max_json_depth)
                return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

const Json* find(const Json& object, const char* key) {
    if (!object.is_object())
        return nullptr;
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

} // namespace

Result<Json> parse_json_object(std::string_view text, std::string_view what) {
    if (too_deep(text))
        return fail(ErrorKind::corrupt, std::string(what) + " is nested too deeply");
    Json parsed = Json::parse(text, nullptr, false);
    if (!parsed.is_object())
        return fail(ErrorKind::corrupt, std::string(what) + " is not a JSON object");
    return parsed;
}

std::string json_string(const Json& object, const char* key) {
    const Json* member = find(object, key);
    return member && member->is_string() ? member->get<std::string>() : std::string();
}

std::uint64_t json_unsigned(const Json& object, const char* key) {
    const Json* member = find(object, key);
    return member && member->is_number_unsigned() ? member->get<std::uint64_t>() : 0;
}

std::int64_t json_integer(const Json& object, const char* key) {
    const Json* member = find(object, key);
    return member && member->is_number_integer() ? member->get<std::int64_t>() : 0;
}

bool json_bool(const Json& object, const char* key) {
    const Json* member = find(object, key);
    return member && member->is_boolean() && member->get<bool>();
}

std::vector<std::string> json_strings(const Json& object, const char* key) {
    std::vector<std::string> result;
    if (const Json* member = find(object, key); member && member->is_array())
        for (const Json& item : *member)
            if (item.is_string())
                result.push_back(item.get<std::string>());
    return result;
}

const Json& json_member(const Json& object, const char* key) {
    static const Json nothing;
    const Json* member = find(object, key);
    return member && (member->is_array() || member->is_object()) ? *member : nothing;
}

} // namespace msb::image
