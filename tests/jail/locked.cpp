// Stands where the runtime, the file server, netd, tlsd or netswitch stands: started in its jail, locks itself
// down, and tries one thing.
#include "attempts.hpp"
#include "jail/jail.hpp"

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
    const auto* attempt = argc > 1 ? attempts::find(argv[1]) : nullptr;
    if (attempt == nullptr)
        return attempts::unknown;
    using namespace msb::jail;
    const std::string program = argv[0];
    // Attempts that the mounts alone have to prevent, before there is Landlock and a filter.
    if (argc > 2 && argv[2] == std::string("open"))
        return attempt->run() ? attempts::worked : attempts::refused;
    const auto status =
        program == "/fsd"    ? lock_down(Role::fs, {.writable = {"/m/0"}, .readable = {"/m/1"}})
        : program == "/netd" ? lock_down(Role::net, {})
        : program == "/tlsd" ? lock_down(Role::tls, {})
        : program == "/netswitch"
            ? lock_down(Role::net_switch, {})
            : lock_down(Role::runtime,
                        {.writable = {"/sandbox", "/run"}, .readable = {}, .file_bytes = 64 << 20});
    if (!status) {
        std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
        return attempts::unknown;
    }
    return attempt->run() ? attempts::worked : attempts::refused;
}
