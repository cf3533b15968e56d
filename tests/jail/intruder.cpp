// Stands where the guest kernel stands: started by the engine, in the engine's jail. Static, so
// that it needs no file but itself. The word attempt=NAME of its command line says what to try.
#include "attempts.hpp"

#include <cstring>

int main(int argc, char** argv) {
    constexpr const char* key = "attempt=";
    for (int i = 1; i < argc; ++i) {
        if (std::strncmp(argv[i], key, std::strlen(key)) != 0)
            continue;
        if (const auto* attempt = attempts::find(argv[i] + std::strlen(key)))
            return attempt->run() ? attempts::worked : attempts::refused;
    }
    return attempts::unknown;
}
