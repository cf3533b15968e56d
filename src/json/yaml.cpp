#include "json/yaml.hpp"

#include <charconv>
#include <new>
#include <yaml.h>

namespace msb::json {

namespace {

/// One event of the parser, which owns what it points to.
class Event {
  public:
    Event() = default;
    ~Event() { yaml_event_delete(&event_); }
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    yaml_event_t* get() { return &event_; }
    yaml_event_type_t type() const { return event_.type; }
    std::size_t line() const { return event_.start_mark.line + 1; }
    std::string text() const {
        return {reinterpret_cast<const char*>(event_.data.scalar.value), event_.data.scalar.length};
    }
    bool is_plain() const { return event_.data.scalar.style == YAML_PLAIN_SCALAR_STYLE; }
    /// Whether it has an anchor or a tag.
    bool is_decorated() const {
        switch (event_.type) {
        case YAML_SCALAR_EVENT:
            return event_.data.scalar.anchor != nullptr || event_.data.scalar.tag != nullptr;
        case YAML_SEQUENCE_START_EVENT:
            return event_.data.sequence_start.anchor != nullptr ||
                   event_.data.sequence_start.tag != nullptr;
        case YAML_MAPPING_START_EVENT:
            return event_.data.mapping_start.anchor != nullptr ||
                   event_.data.mapping_start.tag != nullptr;
        default: return event_.type == YAML_ALIAS_EVENT;
        }
    }

  private:
    yaml_event_t event_{};
};

std::unexpected<Error> bad(std::size_t line, const std::string& what) {
    return fail(ErrorKind::invalid_argument, "line " + std::to_string(line) + ": " + what);
}

/// A scalar without quotes.
Value plain_value(std::string text) {
    if (text.empty() || text == "~" || text == "null")
        return {};
    if (text == "true" || text == "false")
        return text == "true";
    const char* const end = text.data() + text.size();
    std::uint64_t number = 0;
    if (const auto [rest, error] = std::from_chars(text.data(), end, number);
        error == std::errc() && rest == end)
        return number;
    std::int64_t below = 0;
    if (const auto [rest, error] = std::from_chars(text.data(), end, below);
        error == std::errc() && rest == end)
        return below;
    return text;
}

class Builder {
  public:
    explicit Builder(std::string_view text) {
        if (yaml_parser_initialize(&parser_) == 0)
            throw std::bad_alloc(); // as any other value that has no memory
        yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size());
        yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    }
    ~Builder() { yaml_parser_delete(&parser_); }
    Builder(const Builder&) = delete;
    Builder& operator=(const Builder&) = delete;

    Result<Value> document() {
        Value value;
        for (bool seen = false;;) {
            Event event;
            MSB_TRY(next(event));
            if (event.type() == YAML_STREAM_END_EVENT)
                return value;
            if (event.type() != YAML_DOCUMENT_START_EVENT)
                continue; // the stream's start, a document's end
            if (std::exchange(seen, true))
                return bad(event.line(), "a second document");
            Event first;
            MSB_TRY(next(first));
            value = MSB_TRY(node(first, 0));
        }
    }

  private:
    Status next(Event& event) {
        if (yaml_parser_parse(&parser_, event.get()) != 0)
            return {};
        return bad(parser_.problem_mark.line + 1,
                   parser_.problem != nullptr ? parser_.problem : "no YAML");
    }

    Result<Value> node(const Event& event, std::size_t depth) {
        if (event.is_decorated())
            return bad(event.line(), "anchors, aliases and tags are not understood");
        if (depth > max_yaml_depth || ++values_ > max_yaml_values)
            return bad(event.line(), "nested too deeply, or too many values");
        switch (event.type()) {
        case YAML_SCALAR_EVENT:
            return event.is_plain() ? plain_value(event.text()) : Value(event.text());
        case YAML_SEQUENCE_START_EVENT: return list(depth);
        case YAML_MAPPING_START_EVENT: return mapping(depth);
        default: return bad(event.line(), "a value is missing");
        }
    }

    Result<Value> list(std::size_t depth) {
        Value result = array();
        for (;;) {
            Event event;
            MSB_TRY(next(event));
            if (event.type() == YAML_SEQUENCE_END_EVENT)
                return result;
            result.push_back(MSB_TRY(node(event, depth + 1)));
        }
    }

    Result<Value> mapping(std::size_t depth) {
        Value result = object();
        for (;;) {
            Event key;
            MSB_TRY(next(key));
            if (key.type() == YAML_MAPPING_END_EVENT)
                return result;
            if (key.type() != YAML_SCALAR_EVENT || key.is_decorated())
                return bad(key.line(), "a key is not text");
            if (result.contains(key.text()))
                return bad(key.line(), "'" + key.text() + "' is there twice");
            Event value;
            MSB_TRY(next(value));
            result[key.text()] = MSB_TRY(node(value, depth + 1));
        }
    }

    yaml_parser_t parser_{};
    std::size_t values_ = 0;
};

} // namespace

Result<Value> parse_yaml(std::string_view text) {
    if (text.size() > max_yaml_bytes)
        return fail(ErrorKind::invalid_argument, "more than 1 MiB");
    return Builder(text).document();
}

} // namespace msb::json
