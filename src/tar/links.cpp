#include "tar/links.hpp"

namespace msb {

namespace {

/// Splits off the first component; slashes around it are dropped.
std::string_view take_component(std::string_view& path) {
    while (path.starts_with('/'))
        path.remove_prefix(1);
    const std::string_view first = path.substr(0, path.find('/'));
    path.remove_prefix(first.size());
    return first;
}

/// Nothing but names, as far as they matter: "." and empty components are dropped.
Result<std::string> plain_names(std::string_view path, std::string_view target) {
    std::string names;
    for (std::string_view part; !(part = take_component(path)).empty();) {
        if (part == "..")
            return fail(ErrorKind::permission_denied,
                        "link target climbs behind a name: " + std::string(target));
        if (part != ".")
            names.append(names.empty() ? "" : "/").append(part);
    }
    return names;
}

std::string climb(std::size_t levels, const std::string& names) {
    std::string path;
    for (std::size_t i = 0; i < levels; ++i)
        path += i == 0 ? ".." : "/..";
    if (!names.empty())
        path.append(path.empty() ? "" : "/").append(names);
    return path.empty() ? "." : path;
}

bool strip_prefix(std::string_view& path, std::string_view prefix) {
    while (prefix.size() > 1 && prefix.ends_with('/'))
        prefix.remove_suffix(1);
    if (prefix.empty() || prefix == "/" || !path.starts_with(prefix))
        return false;
    const std::string_view rest = path.substr(prefix.size());
    if (!rest.empty() && rest[0] != '/')
        return false;
    path = rest;
    return true;
}

} // namespace

Result<std::string> confine_link(std::string_view target, std::size_t depth,
                                 std::string_view origin) {
    if (target.empty())
        return fail(ErrorKind::corrupt, "a link has an empty target");
    if (target.starts_with('/')) {
        std::string_view inside = target;
        strip_prefix(inside, origin);
        return climb(depth, MSB_TRY(plain_names(inside, target)));
    }
    std::string_view rest = target;
    std::size_t climbed = 0;
    for (;;) {
        std::string_view after = rest;
        const std::string_view part = take_component(after);
        if (part != ".." && part != ".")
            break;
        climbed += part == ".." ? 1 : 0;
        rest = after;
    }
    if (climbed > depth)
        return fail(ErrorKind::permission_denied,
                    "link target leaves the copied tree: " + std::string(target));
    MSB_TRY(plain_names(rest, target));
    return std::string(target);
}

} // namespace msb
