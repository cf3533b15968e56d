// A tool: what it is called, what it takes, what it does.
#pragma once

#include "api/failure.hpp"
#include "ffi/options.hpp"
#include "image/progress.hpp"
#include "mcp/schema.hpp"

#include <string>
#include <vector>

namespace msb::mcp {

class Workbench;

/// What a tool found or did, for programs and for models.
struct Answer {
    json::Value structured = json::object();
    std::string text{}; ///< empty: `structured` as JSON
};

struct Call {
    ffi::Options arguments; ///< done() has to be asked before anything is changed
    Workbench& bench;
    api::Cancel& cancel;
    image::Progress* progress; ///< may be nullptr
};

struct Tool {
    enum class Effect { reads, changes, destroys };

    const char* name;
    const char* title;
    const char* about;
    Effect effect;
    Schema input;
    api::Outcome<Answer> (*run)(Call& call);

    /// As tools/list has it.
    json::Value document() const;
};

/// All of them, in the order in which they are listed.
const std::vector<Tool>& all_tools();

// By what they are about; each in a file of its own.
std::vector<Tool> sandbox_tools();
std::vector<Tool> command_tools();
std::vector<Tool> file_tools();
std::vector<Tool> storage_tools();
std::vector<Tool> network_tools();

} // namespace msb::mcp
