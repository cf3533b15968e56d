#include "base/installation.hpp"

#include "base/file.hpp"

#include <mutex>

namespace msb {

namespace {

struct Chosen {
    std::mutex mutex;
    std::string value;
};

Chosen& chosen() {
    static auto* prefix = new Chosen; // threads may still ask when the program exits
    return *prefix;
}

} // namespace

Result<std::string> installation_prefix() {
    {
        Chosen& prefix = chosen();
        const std::lock_guard lock(prefix.mutex);
        if (!prefix.value.empty())
            return prefix.value;
    }
    const std::string directory = MSB_TRY(executable_directory());
    return directory.substr(0, directory.rfind('/'));
}

void set_installation_prefix(std::string prefix) {
    Chosen& place = chosen();
    const std::lock_guard lock(place.mutex);
    place.value = std::move(prefix);
}

Result<std::string> libexec_program(std::string_view name) {
    return MSB_TRY(installation_prefix()) + "/libexec/microsandbox/" + std::string(name);
}

} // namespace msb
