// --script, --script-raw and --script-path.
#pragma once

#include "base/result.hpp"
#include "spec/scripts.hpp"

#include <string>
#include <vector>

namespace msb::cli {

class Command;

struct ScriptOptions {
    std::vector<std::string> text; ///< NAME=BODY, escapes decoded, shebang added
    std::vector<std::string> raw;  ///< NAME=BODY
    std::vector<std::string> path; ///< NAME:PATH
};

void add_script_options(Command& command, ScriptOptions& options);

/// Reads the files. A name that is given twice is an error.
Result<Scripts> make_scripts(const ScriptOptions& options, const std::string& shell);

} // namespace msb::cli
