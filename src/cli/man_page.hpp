// Manual pages, out of the description of the commands.
#pragma once

#include "cli/parser.hpp"

#include <string>
#include <vector>

namespace msb::cli {

struct ManPage {
    std::string file; ///< "msb-image-ls.1"
    std::string text;
};

/// One for the program, one for each command that the help shows.
std::vector<ManPage> man_pages(Command& root, const std::string& version);

} // namespace msb::cli
