// What `msb snapshot`, in its parts, and `msb volume` share.
#pragma once

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/session.hpp"
#include "disk/sparse_copy.hpp"
#include "json/fwd.hpp"

namespace msb::cli {

inline constexpr const char* which_snapshot_help = "Name, path or digest";

/// How far the copying or hashing is; ends it after a signal.
disk::Watch show_bytes(Session& session);
/// What a signal has ended is cleaned up already.
Status unless_interrupted(Session& session, Context& context, const Error& error);
void print_json(const json::Value& document);
/// "sha256:...", and unless `quiet` the path.
void print_snapshot(const Snapshot& snapshot, bool quiet);

/// A command of the family whose options are kept in a Values.
template <typename Values>
Command& add_subcommand(Command& family, Context& context, const char* name, const char* help,
                        Status (*body)(Context&, const Values&),
                        const std::function<void(Command&, Values&)>& options) {
    return family.add(name, help, group_storage, [&context, body, options](Command& command) {
        auto values = std::make_shared<Values>();
        options(command, *values);
        command.action([&context, values, body] {
            run_command(context, [&] { return body(context, *values); });
        });
    });
}

/// export, import
void add_snapshot_archives(Command& family, Context& context);
/// diff
void add_snapshot_diff(Command& family, Context& context);

} // namespace msb::cli
