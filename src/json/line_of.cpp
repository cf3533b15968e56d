#include "json/line_of.hpp"

#include "json/text.hpp"

#include <algorithm>

namespace msb::json {

namespace {

/// Walks over a document that is known to be correct; whatever else it is given, it ends.
class Walk {
  public:
    Walk(std::string_view text, std::span<const std::string> path) : text_(text), path_(path) {}

    std::size_t find() {
        value(0, 0);
        return found_;
    }

  private:
    char next() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").contains(text_[at_]))
            line_ += text_[at_++] == '\n' ? 1 : 0;
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    /// With its quotes.
    std::string_view string() {
        const std::size_t begin = at_++;
        while (at_ < text_.size() && text_[at_] != '"')
            at_ += text_[at_] == '\\' ? 2 : 1;
        at_ = std::min(at_ + 1, text_.size());
        return text_.substr(begin, at_ - begin);
    }

    /// `matched` keys of the path lead to this value; more than the path has: none do.
    void value(std::size_t matched, std::size_t depth) {
        const char first = next();
        if (depth > max_depth)
            at_ = text_.size();
        else if (first == '{' || first == '[')
            members(first == '{', matched, depth);
        else if (first == '"')
            string();
        else
            at_ = std::min(text_.find_first_of(",]}", at_), text_.size());
    }

    void members(bool object, std::size_t matched, std::size_t depth) {
        const std::size_t nowhere = path_.size() + 1;
        ++at_; // the bracket
        while (at_ < text_.size()) {
            const char first = next();
            if (first == ']' || first == '}') {
                ++at_;
                return;
            }
            if (first == ',') {
                ++at_;
                continue;
            }
            std::size_t below = nowhere;
            if (object && first == '"') {
                const std::size_t line = line_;
                const std::string_view key = string();
                if (matched < path_.size() && is_key(key, path_[matched])) {
                    below = matched + 1;
                    if (below == path_.size())
                        found_ = line; // of several the last counts, as in parse()
                }
                if (next() == ':')
                    ++at_;
            }
            value(below, depth + 1);
        }
    }

    static bool is_key(std::string_view quoted, const std::string& key) {
        const auto value = parse(quoted);
        return value && value->text() != nullptr && *value->text() == key;
    }

    std::string_view text_;
    std::span<const std::string> path_;
    std::size_t at_ = 0;
    std::size_t line_ = 1;
    std::size_t found_ = 0;
};

} // namespace

std::size_t line_of(std::string_view text, std::span<const std::string> path) {
    return path.empty() ? 0 : Walk(text, path).find();
}

} // namespace msb::json
