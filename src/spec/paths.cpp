#include "spec/paths.hpp"

#include <climits>
#include <filesystem>
#include <unistd.h>

namespace msb {

std::string normal_path(std::string_view path) {
    std::string text = std::filesystem::path(path).lexically_normal().string();
    while (text.size() > 1 && text.ends_with('/'))
        text.pop_back();
    return text;
}

Result<std::string> absolute_path(std::string_view path, std::string_view directory) {
    std::string whole(path);
    if (!path.starts_with('/') && !directory.empty()) {
        whole = std::string(directory) + "/" + whole;
    } else if (!path.starts_with('/')) {
        std::string here(PATH_MAX, '\0');
        if (::getcwd(here.data(), here.size()) == nullptr)
            return fail_errno("getcwd");
        here.resize(here.find('\0'));
        whole = here + "/" + whole;
    }
    while (whole.size() > 1 && (whole.ends_with('/') || whole.ends_with("/.")))
        whole.pop_back();
    return whole;
}

bool leads_upwards(std::string_view path) {
    return ("/" + std::string(path) + "/").find("/../") != std::string::npos;
}

} // namespace msb
