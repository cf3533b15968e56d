// One function per command group: it adds its subcommands to the parser; their callbacks run when
// the line has been parsed. Each lives in the file of its name.
#pragma once

namespace CLI {
class App;
}

namespace msb::cli {

struct Context;

// Group names of the top-level help, in order.
inline constexpr const char* group_sandboxes = "Sandboxes";
inline constexpr const char* group_images = "Images";
inline constexpr const char* group_installation = "Installation";
inline constexpr const char* group_other = "Other";

void add_run(CLI::App& app, Context& context);
void add_create(CLI::App& app, Context& context);
/// start stop restart kill drain rm ping touch
void add_lifecycle(CLI::App& app, Context& context);
void add_wait(CLI::App& app, Context& context);
void add_list(CLI::App& app, Context& context); ///< ls, ps
void add_inspect(CLI::App& app, Context& context);
void add_exec(CLI::App& app, Context& context);
void add_forward(CLI::App& app, Context& context);
void add_sessions(CLI::App& app, Context& context); ///< sessions attach signal
void add_copy(CLI::App& app, Context& context);
void add_logs(CLI::App& app, Context& context);
void add_pull(CLI::App& app, Context& context);
void add_load(CLI::App& app, Context& context);
void add_image(CLI::App& app, Context& context);
void add_agent(CLI::App& app, Context& context); ///< agent socket-path
void add_doctor(CLI::App& app, Context& context);

} // namespace msb::cli
