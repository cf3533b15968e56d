// A JSON document in memory. Fast to include and to use: long functions are in value.cpp, and only
// text.hpp reads and writes text.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace msb::json {

class Value;
struct Member;

using Array = std::vector<Value>;
/// Members are sorted by key, and are written so.
using Object = std::map<std::string, Value, std::less<>>;

/// Null, a boolean, a whole number of 64 bits, a real number, text, an array or an object. Asking a
/// value for another type than it has is no error: the answer is "none" or "empty".
///
///     json::Value document = {{"name", name}, {"size", 3}, {"limits", {{"soft", 1}}}};
///     document["tags"] = json::array({"a", "b"});
class Value {
  public:
    Value();
    Value(std::nullptr_t) : Value() {}
    template <std::same_as<bool> Bool> Value(Bool value) : content_(value) {}
    template <std::integral Int>
        requires(!std::same_as<Int, bool>)
    Value(Int value) {
        if (value < 0)
            content_ = static_cast<std::int64_t>(value);
        else
            content_ = static_cast<std::uint64_t>(value);
    }
    Value(double value) : content_(value) {}
    Value(std::string value);
    Value(std::string_view value);
    Value(const char* value);
    Value(Array elements);
    Value(Object members);
    Value(std::initializer_list<Member> members); ///< an object
    Value(const std::vector<std::string>& elements);
    Value(const std::map<std::string, std::string>& members);
    template <typename T> Value(const std::optional<T>& value) { ///< null for nothing
        if (value)
            *this = Value(*value);
    }

    Value(const Value& other);
    Value(Value&& other) noexcept;
    Value& operator=(const Value& other);
    Value& operator=(Value&& other) noexcept;
    ~Value();

    bool is_null() const { return std::holds_alternative<std::monostate>(content_); }
    bool is_boolean() const { return std::holds_alternative<bool>(content_); }
    bool is_text() const { return std::holds_alternative<std::string>(content_); }
    bool is_array() const { return std::holds_alternative<Array>(content_); }
    bool is_object() const { return std::holds_alternative<Object>(content_); }

    std::optional<bool> boolean() const;
    std::optional<std::uint64_t> unsigned_integer() const;
    std::optional<std::int64_t> integer() const;
    /// The value of a number with a fraction or an exponent, or of more than 64 bits.
    std::optional<double> real() const;
    const std::string* text() const;
    const Array& elements() const;
    const Object& members() const;

    /// A member of an object.
    const Value* find(std::string_view key) const;
    bool contains(std::string_view key) const { return find(key) != nullptr; }

    /// The member, which is made if there is none. A value of another type becomes an object.
    Value& operator[](std::string_view key);
    /// Appends. A value of another type becomes an array.
    void push_back(Value element);

    bool operator==(const Value& other) const;

  private:
    /// A whole number is signed only if it is negative.
    std::variant<std::monostate, bool, std::uint64_t, std::int64_t, double, std::string, Array,
                 Object>
        content_;
};

struct Member {
    std::string_view key;
    Value value;
};

/// An array; `Value{...}` would be an object.
Value array();
Value array(std::initializer_list<Value> elements);
template <typename Range> Value array(const Range& range) {
    Array elements;
    for (const auto& element : range)
        elements.emplace_back(element);
    return elements;
}
Value object();

/// Text that is null if there is none.
Value or_null(const std::string& text);

} // namespace msb::json
