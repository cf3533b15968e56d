// Stands where the runtime or, with a second argument, the file server stands: started in its jail,
// locks itself down, and tries one thing.
#include "attempts.hpp"
#include "jail/jail.hpp"

#include <cstdio>

int main(int argc, char** argv) {
    const auto* attempt = argc > 1 ? attempts::find(argv[1]) : nullptr;
    if (attempt == nullptr)
        return attempts::unknown;
    const auto status =
        argc > 2 ? msb::jail::lock_down(msb::jail::Role::fs,
                                        {.writable = {"/m/0"}, .readable = {"/m/1"}})
                 : msb::jail::lock_down(msb::jail::Role::runtime,
                                        {.writable = {"/sandbox", "/run"}, .readable = {}});
    if (!status) {
        std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
        return attempts::unknown;
    }
    return attempt->run() ? attempts::worked : attempts::refused;
}
