#include "json/value.hpp"

#include <utility>

namespace msb::json {

Value::Value() = default;
Value::Value(std::string value) : content_(std::move(value)) {}
Value::Value(std::string_view value) : content_(std::string(value)) {}
Value::Value(const char* value) : content_(std::string(value)) {}
Value::Value(Array elements) : content_(std::move(elements)) {}
Value::Value(Object members) : content_(std::move(members)) {}
Value::Value(std::initializer_list<Member> members) {
    Object& object = content_.emplace<Object>();
    for (const Member& member : members)
        object.insert_or_assign(std::string(member.key), member.value);
}
Value::Value(const std::vector<std::string>& elements)
    : content_(Array(elements.begin(), elements.end())) {}
Value::Value(const std::map<std::string, std::string>& members)
    : content_(Object(members.begin(), members.end())) {}

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;
bool Value::operator==(const Value& other) const = default;

std::optional<bool> Value::boolean() const {
    const auto* value = std::get_if<bool>(&content_);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::uint64_t> Value::unsigned_integer() const {
    const auto* value = std::get_if<std::uint64_t>(&content_);
    return value ? std::optional(*value) : std::nullopt;
}

std::optional<std::int64_t> Value::integer() const {
    if (const auto* negative = std::get_if<std::int64_t>(&content_))
        return *negative;
    const auto value = unsigned_integer();
    return value && std::in_range<std::int64_t>(*value)
               ? std::optional(static_cast<std::int64_t>(*value))
               : std::nullopt;
}

std::optional<double> Value::real() const {
    const auto* value = std::get_if<double>(&content_);
    return value ? std::optional(*value) : std::nullopt;
}

const std::string* Value::text() const {
    return std::get_if<std::string>(&content_);
}

const Array& Value::elements() const {
    static const Array none;
    const auto* elements = std::get_if<Array>(&content_);
    return elements ? *elements : none;
}

const Object& Value::members() const {
    static const Object none;
    const auto* members = std::get_if<Object>(&content_);
    return members ? *members : none;
}

const Value* Value::find(std::string_view key) const {
    const Object& all = members();
    const auto found = all.find(key);
    return found == all.end() ? nullptr : &found->second;
}

Value& Value::operator[](std::string_view key) {
    if (!is_object())
        content_.emplace<Object>();
    return std::get<Object>(content_)[std::string(key)];
}

void Value::push_back(Value element) {
    if (!is_array())
        content_.emplace<Array>();
    std::get<Array>(content_).push_back(std::move(element));
}

Value array() {
    return Array();
}
Value array(std::initializer_list<Value> elements) {
    return Array(elements);
}
Value object() {
    return Object();
}

Value or_null(const std::string& text) {
    return text.empty() ? Value() : Value(text);
}

} // namespace msb::json
