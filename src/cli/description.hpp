// What there is to say about a command and its options. Completion and the manual pages are made of
// it, so that there is no second list of either.
#pragma once

#include <string>
#include <vector>

namespace msb::cli {

/// What a value names. The shell completes it, or msb with the names that exist.
enum class ValueOf {
    anything,
    sandbox,
    image,
    snapshot,
    volume,
    network,
    policy,
    file,
    directory,
    file_or_guest_path, ///< of ours, or SANDBOX:PATH
};

struct OptionDescription {
    std::vector<std::string> names; ///< "-n", "--name"; of one that is found by its place: "name"
    std::string value;              ///< what the help calls its value; empty: a flag
    std::string help;
    std::string initial;  ///< the default, if the help shows it
    std::string variable; ///< of the environment, that has the same effect
    std::vector<std::string> choices;
    ValueOf of = ValueOf::anything;
    char separator = '\0'; ///< between the values of a list in one word
    bool positional = false;
    bool required = false;
    bool repeats = false;
};

struct CommandSummary {
    std::string name;
    std::vector<std::string> aliases;
    std::string help;
};

struct CommandDescription {
    CommandSummary summary;
    std::string footer;
    bool takes_command_line = false; ///< behind "--"
    std::vector<OptionDescription> options;
};

} // namespace msb::cli
