// What can stand where the user is typing, out of the description of the commands.
#pragma once

#include "cli/parser.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::cli {

struct Candidate {
    std::string word;
    std::string help; ///< one line
};

struct Completion {
    std::vector<Candidate> candidates;
    /// Names of this kind fit as well, each behind `before`. Looking them up is the caller's.
    ValueOf of = ValueOf::anything;
    std::string before; ///< of the word, e.g. "--policy=" or "one,"
    std::string typed;  ///< the rest of the word: what a name has to begin with
};

/// `words` follow the program's name; the last one is being typed, and may be empty.
Completion complete(Command& root, const std::vector<std::string>& words);

} // namespace msb::cli
