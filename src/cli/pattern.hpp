// Regular expressions of the command line: POSIX extended (as grep -E), and \d, \w, \s, \b, and
// (?i) in front for any case. The library's own std::regex recurses with the length of the text,
// which here is chosen by a guest.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <regex.h>
#include <string>
#include <string_view>

namespace msb::cli {

class Pattern {
  public:
    static Result<Pattern> compile(const std::string& text);
    /// True if some part of `text` matches. `text` may hold any bytes.
    bool matches(std::string_view text) const;

  private:
    struct Free {
        void operator()(regex_t* regex) const {
            ::regfree(regex);
            delete regex;
        }
    };
    explicit Pattern(std::unique_ptr<regex_t, Free> regex) : regex_(std::move(regex)) {}
    std::unique_ptr<regex_t, Free> regex_;
};

} // namespace msb::cli
