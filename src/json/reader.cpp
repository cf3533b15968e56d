#include "json/reader.hpp"

namespace msb::json {

bool read(const Value& value, bool& into) {
    const auto boolean = value.boolean();
    into = boolean.value_or(into);
    return boolean.has_value();
}

bool read(const Value& value, std::string& into) {
    const std::string* text = value.text();
    if (text != nullptr)
        into = *text;
    return text != nullptr;
}

bool read(const Value& value, std::map<std::string, std::string>& into) {
    into.clear();
    for (const auto& [key, member] : value.members())
        if (!read(member, into[key]))
            return false;
    return value.is_object();
}

Reader::Reader(const Value& object) : object_(&object) {
    if (!object.is_object())
        complain("not an object");
}

Reader::Reader(Reader& parent, const char* key)
    : object_(&parent.member(key)), where_(parent.where_ + key + "."),
      problem_of_all_(parent.problem_of_all_) {
    if (!object_->is_object())
        parent.wrong_type(key);
}

Reader::Reader(Reader& parent, const Value& element)
    : object_(&element), where_(parent.where_), problem_of_all_(parent.problem_of_all_) {
    if (!object_->is_object())
        complain("an element of a list is not an object");
}

const Value& Reader::member(std::string_view key) {
    static const Value nothing;
    const Value* found = object_->find(key);
    if (found == nullptr)
        complain("'" + where_ + std::string(key) + "' is missing");
    return found ? *found : nothing;
}

const Array& Reader::list(std::string_view key) {
    const Value& found = member(key);
    if (!found.is_array())
        wrong_type(key);
    return found.elements();
}

void Reader::wrong_type(std::string_view key) {
    complain("'" + where_ + std::string(key) + "' has another type or is out of range");
}

void Reader::complain(std::string problem) {
    if (problem_of_all_->empty())
        *problem_of_all_ = std::move(problem);
}

Status Reader::status() const {
    if (problem_of_all_->empty())
        return {};
    return fail(ErrorKind::corrupt, *problem_of_all_);
}

} // namespace msb::json
