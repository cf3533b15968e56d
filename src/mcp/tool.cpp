#include "mcp/tool.hpp"

namespace msb::mcp {

json::Value Tool::document() const {
    return {{"name", name},
            {"title", title},
            {"description", about},
            {"inputSchema", input.document()},
            {"annotations",
             {{"title", title},
              {"readOnlyHint", effect == Effect::reads},
              {"destructiveHint", effect == Effect::destroys},
              {"idempotentHint", effect == Effect::reads},
              {"openWorldHint", false}}}};
}

const std::vector<Tool>& all_tools() {
    static const std::vector<Tool> tools = [] {
        std::vector<Tool> all;
        for (const auto part :
             {sandbox_tools, command_tools, file_tools, storage_tools, network_tools})
            for (Tool& tool : part())
                all.push_back(std::move(tool));
        return all;
    }();
    return tools;
}

} // namespace msb::mcp
