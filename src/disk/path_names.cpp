#include "disk/path_names.hpp"

#include <algorithm>
#include <cerrno>

namespace msb::disk {

namespace {

constexpr int max_links = 40;
constexpr std::size_t max_steps = 4096;

} // namespace

std::vector<std::string> names_of_path(std::string_view path) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (const auto name = path.substr(at, end - at); !name.empty() && name != ".")
            names.emplace_back(name);
        at = end + 1;
    }
    return names;
}

PathNames::PathNames(std::string_view path) {
    put_in_front(path);
}

void PathNames::put_in_front(std::string_view path) {
    const auto names = names_of_path(path);
    names_.insert(names_.begin(), names.begin(), names.end());
}

Result<std::string> PathNames::next() {
    if (++steps_ > max_steps)
        return fail(ErrorKind::limit_exceeded, "the path is too long");
    std::string name = std::move(names_.front());
    names_.pop_front();
    return name;
}

Result<bool> PathNames::follow(std::string_view target) {
    if (++links_ > max_links)
        return fail(Error::from_errno(ELOOP, "open", target));
    put_in_front(target);
    return target.starts_with('/');
}

} // namespace msb::disk
