// Reads the known members of a document. Each has to be present and of its type; status() reports
// the first that is not.
//
//     json::Reader document(value);
//     document.get("name", spec.name);
//     json::Reader limits(document, "limits");
//     limits.get("soft", spec.soft);
//     MSB_TRY(document.status());
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"

#include <utility>

namespace msb::json {

bool read(const Value& value, bool& into);
bool read(const Value& value, std::string& into);
bool read(const Value& value, std::map<std::string, std::string>& into);
template <std::integral Int> bool read(const Value& value, Int& into) {
    if (const auto number = value.unsigned_integer(); number && std::in_range<Int>(*number))
        return into = static_cast<Int>(*number), true;
    if (const auto number = value.integer(); number && std::in_range<Int>(*number))
        return into = static_cast<Int>(*number), true;
    return false;
}
template <typename T> bool read(const Value& value, std::vector<T>& into) {
    std::vector<T> elements;
    for (const Value& element : value.elements()) {
        T one{};
        if (!read(element, one))
            return false;
        elements.push_back(std::move(one));
    }
    into = std::move(elements);
    return value.is_array();
}
template <typename T> bool read(const Value& value, std::optional<T>& into) { // null: nothing
    T one{};
    if (value.is_null())
        return into.reset(), true;
    if (!read(value, one))
        return false;
    into = std::move(one);
    return true;
}

class Reader {
  public:
    explicit Reader(const Value& object);
    /// A part of what `parent` reads: a member of it that is an object, or an element of an array.
    /// Errors here are reported by the parent, which has to live longer.
    Reader(Reader& parent, const char* key);
    Reader(Reader& parent, const Value& element);
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    template <typename T> void get(std::string_view key, T& into) {
        if (!read(member(key), into))
            wrong_type(key);
    }
    template <typename T> T get(std::string_view key) {
        T value{};
        get(key, value);
        return value;
    }
    /// A member that may be missing: `into` is then left as it is.
    template <typename T> void get_if_there(std::string_view key, T& into) {
        if (has(key))
            get(key, into);
    }

    bool has(std::string_view key) const { return object_->contains(key); }
    /// Null, and a complaint, if it is missing.
    const Value& member(std::string_view key);
    /// The elements of a member that is an array.
    const Array& list(std::string_view key);

    void complain(std::string problem);
    /// `corrupt` if anything was wrong so far.
    Status status() const;

  private:
    void wrong_type(std::string_view key);

    const Value* object_;
    std::string where_; ///< "limits."
    std::string problem_;
    std::string* problem_of_all_ = &problem_;
};

} // namespace msb::json
