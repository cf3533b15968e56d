// The only place that sees nlohmann's library, which costs seconds in every file that includes it.
// It checks the grammar, numbers and UTF-8; its reader calls us for each token, so that no document
// is built before its depth is known, and nothing here or there recurses on the way in.
#include "json/text.hpp"

#include <nlohmann/json.hpp>

namespace msb::json {

namespace {

using Foreign = nlohmann::json;

/// Builds a Value from the tokens of a document. A member function that returns false ends the
/// reading.
class Builder : public nlohmann::json_sax<Foreign> {
  public:
    bool null() override { return add(Value()); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(std::int64_t value) override { return add(value); }
    bool number_unsigned(std::uint64_t value) override { return add(value); }
    bool number_float(double value, const std::string&) override { return add(value); }
    bool string(std::string& value) override { return add(std::move(value)); }
    bool binary(Foreign::binary_t&) override { return false; } // not in text
    bool start_object(std::size_t) override { return open(object()); }
    bool start_array(std::size_t) override { return open(array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(std::string& name) override {
        open_.back().key = std::move(name);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        problem_ = "not JSON, at byte " + std::to_string(position);
        return false;
    }

    Result<Value> result(bool complete) && {
        if (!complete)
            return fail(ErrorKind::corrupt, std::move(problem_));
        return std::move(root_);
    }

  private:
    /// An array or object that has not ended, and the key of the member that comes next.
    struct Open {
        Value value;
        std::string key;
    };

    bool open(Value value) {
        if (open_.size() == max_depth) {
            problem_ = "nested too deeply";
            return false;
        }
        open_.push_back({std::move(value), {}});
        return true;
    }
    bool close() {
        Value value = std::move(open_.back().value);
        open_.pop_back();
        return add(std::move(value));
    }
    bool add(Value value) {
        if (++values_ > max_values) {
            problem_ = "more than a million values";
            return false;
        }
        if (open_.empty())
            root_ = std::move(value);
        else if (Open& outer = open_.back(); outer.value.is_array())
            outer.value.push_back(std::move(value));
        else
            outer.value[outer.key] = std::move(value);
        return true;
    }

    std::vector<Open> open_;
    std::size_t values_ = 0;
    Value root_;
    std::string problem_;
};

/// Values that we read are at most max_depth deep, and those that we make are shallow.
Foreign to_foreign(const Value& value) { // NOLINT(misc-no-recursion)
    if (const auto boolean = value.boolean())
        return *boolean;
    if (const auto number = value.unsigned_integer())
        return *number;
    if (const auto number = value.integer())
        return *number;
    if (const auto number = value.real())
        return *number;
    if (const std::string* text = value.text())
        return *text;
    if (value.is_array()) {
        Foreign::array_t elements;
        elements.reserve(value.elements().size());
        for (const Value& element : value.elements())
            elements.push_back(to_foreign(element));
        return elements;
    }
    if (value.is_object()) {
        Foreign::object_t members;
        for (const auto& [key, member] : value.members())
            members.emplace_hint(members.end(), key, to_foreign(member));
        return members;
    }
    return nullptr;
}

} // namespace

Result<Value> parse(std::string_view text) {
    if (text.size() > max_text_bytes)
        return fail(ErrorKind::corrupt, "longer than 128 MiB");
    Builder builder;
    const bool complete = Foreign::sax_parse(text, &builder);
    return std::move(builder).result(complete);
}

std::string to_text(const Value& value, int indent) {
    return to_foreign(value).dump(indent, ' ', false, Foreign::error_handler_t::replace);
}

} // namespace msb::json
