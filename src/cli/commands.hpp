// One function per command group: it adds its commands to the parser. The parser makes the options
// of the command that is used, and runs its action. Each function is in the file of its name.
#pragma once

namespace msb::cli {

class Command;
struct Context;

// Group names of the top-level help, in order.
inline constexpr const char* group_sandboxes = "Sandboxes";
inline constexpr const char* group_images = "Images";
inline constexpr const char* group_storage = "Storage";
inline constexpr const char* group_installation = "Installation";
inline constexpr const char* group_other = "Other";
inline constexpr const char* group_hidden = "";

void add_run(Command& parent, Context& context);
void add_create(Command& parent, Context& context);
/// start stop restart kill drain rm ping touch
void add_lifecycle(Command& parent, Context& context);
void add_wait(Command& parent, Context& context);
void add_list(Command& parent, Context& context); ///< ls, ps
void add_metrics(Command& parent, Context& context);
void add_inspect(Command& parent, Context& context);
void add_exec(Command& parent, Context& context);
void add_forward(Command& parent, Context& context);
void add_ssh(Command& parent, Context& context);      ///< ssh serve, authorize, config
void add_sessions(Command& parent, Context& context); ///< sessions attach signal
void add_jobs(Command& parent, Context& context);
void add_copy(Command& parent, Context& context);
void add_modify(Command& parent, Context& context);
void add_net_log(Command& net, Context& context);
void add_port(Command& parent, Context& context);
void add_network(Command& parent, Context& context);
void add_net(Command& parent, Context& context); ///< net check, log, learn, policies
void add_logs(Command& parent, Context& context);
void add_pull(Command& parent, Context& context);
void add_load(Command& parent, Context& context);
void add_image(Command& parent, Context& context);
void add_snapshot(Command& parent, Context& context);
void add_volume(Command& parent, Context& context);
void add_fork(Command& parent, Context& context);
void add_diff(Command& parent, Context& context);
void add_image_prune(Command& family, Context& context);
void add_storage(Command& parent, Context& context); ///< df prune
void add_agent(Command& parent, Context& context);   ///< agent socket-path
void add_mcp(Command& parent, Context& context);
void add_alias(Command& parent, Context& context); ///< install uninstall
void add_doctor(Command& self, Command& parent, Context& context);
void add_self(Command& self, Command& parent, Context& context); ///< update downgrade uninstall
void add_config(Command& parent, Context& context);              ///< config show, validate, schema
void add_completion(Command& root, Context& context);
void add_man(Command& root, Context& context);

} // namespace msb::cli
