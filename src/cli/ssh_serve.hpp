// msb ssh serve: SSH servers of one sandbox, a program each, and what carries bytes to them.
#pragma once

#include "api/ssh_server.hpp"
#include "cli/session.hpp"

#include <string>

namespace msb::cli {

struct SshServeOptions {
    std::string name;
    std::string host = "127.0.0.1";
    unsigned port = 2222;
    bool stdio = false;
    SshOptions server;
};

Status ssh_serve(Context& context, const SshServeOptions& options);

} // namespace msb::cli
