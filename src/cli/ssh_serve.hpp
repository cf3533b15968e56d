// msb ssh serve: SSH servers of one sandbox, a program each, and what carries bytes to them.
#pragma once

#include "cli/session.hpp"

#include <chrono>
#include <string>

namespace msb::cli {

struct SshServeOptions {
    std::string name;
    std::string host = "127.0.0.1";
    unsigned port = 2222;
    bool stdio = false;
    std::chrono::milliseconds inactivity{};
};

Status ssh_serve(Context& context, const SshServeOptions& options);

} // namespace msb::cli
