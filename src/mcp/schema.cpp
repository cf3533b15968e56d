#include "mcp/schema.hpp"

namespace msb::mcp {

Schema& Schema::add(std::string_view name, json::Value property, std::string_view about) {
    property["description"] = about;
    properties_[name] = std::move(property);
    last_ = name;
    return *this;
}

Schema& Schema::text(std::string_view name, std::string_view about) {
    return add(name, {{"type", "string"}}, about);
}

Schema& Schema::words(std::string_view name, std::initializer_list<std::string_view> words,
                      std::string_view about) {
    return add(name, {{"type", "string"}, {"enum", json::array(words)}}, about);
}

Schema& Schema::flag(std::string_view name, std::string_view about) {
    return add(name, {{"type", "boolean"}}, about);
}

Schema& Schema::number(std::string_view name, std::string_view about) {
    return add(name, {{"type", "integer"}, {"minimum", 0}}, about);
}

Schema& Schema::texts(std::string_view name, std::string_view about) {
    return add(name, {{"type", "array"}, {"items", {{"type", "string"}}}}, about);
}

Schema& Schema::map(std::string_view name, std::string_view about) {
    return add(name, {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}}, about);
}

Schema& Schema::objects(std::string_view name, const Schema& item, std::string_view about) {
    return add(name, {{"type", "array"}, {"items", item.document()}}, about);
}

Schema& Schema::required() {
    required_.push_back(last_);
    return *this;
}

json::Value Schema::document() const {
    json::Value document = {
        {"type", "object"}, {"properties", properties_}, {"additionalProperties", false}};
    if (!required_.elements().empty())
        document["required"] = required_;
    return document;
}

} // namespace msb::mcp
