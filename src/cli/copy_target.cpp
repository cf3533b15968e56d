#include "cli/copy_target.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "spec/spec.hpp"

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <sys/stat.h>

namespace msb::cli {

namespace {

bool is_plainly_local(std::string_view text) {
    return text.starts_with('/') || text.starts_with("./") || text.starts_with("../") ||
           text == "." || text == "..";
}

std::string without_slashes(std::string path) {
    while (path.size() > 1 && path.ends_with('/'))
        path.pop_back();
    return path;
}

} // namespace

Result<CopyEndpoint> parse_endpoint(const std::string& text) {
    if (text.empty())
        return fail(ErrorKind::invalid_argument, "a path is empty");
    CopyEndpoint endpoint{.path = text, .text = text};
    if (text == "-") {
        endpoint.archive = true;
        return endpoint;
    }
    const auto colon = text.find(':');
    if (is_plainly_local(text) || colon == std::string::npos ||
        !validate_name(text.substr(0, colon)))
        return endpoint;
    endpoint.sandbox = text.substr(0, colon);
    endpoint.path = text.substr(colon + 1);
    if (!endpoint.path.starts_with('/'))
        return fail(
            Error(ErrorKind::invalid_argument, "path in a sandbox must be absolute: " + text)
                .with_hint("a local file of this name is ./" + text));
    return endpoint;
}

std::optional<std::string> base_name(const std::string& path) {
    const std::string trimmed = without_slashes(path);
    std::string base = trimmed.substr(trimmed.rfind('/') + 1);
    if (base.empty() || base == ".")
        return std::nullopt;
    return base;
}

CopyView local_view() {
    CopyView view;
    view.is_directory = [](const std::string& path) -> Result<std::optional<bool>> {
        const auto info = sys::stat(path);
        if (info)
            return S_ISDIR(info->st_mode);
        if (info.error().sys_errno() == ENOENT)
            return std::nullopt;
        return fail(info.error());
    };
    view.real_path = [](const std::string& path) -> Result<std::string> {
        const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr),
                                                          ::free);
        if (!real)
            return fail_errno("realpath", path);
        return std::string(real.get());
    };
    view.make_directories = [](const std::string& path) { return msb::make_directories(path); };
    return view;
}

Result<CopyTarget> resolve_target(const CopyView& view, const std::string& path,
                                  const std::optional<std::string>& base) {
    const auto directory = MSB_TRY(view.is_directory(path));
    if (directory && *directory)
        return CopyTarget{path, base};
    if (path.ends_with('/')) {
        if (directory)
            return fail(ErrorKind::already_exists, "'" + path + "' is not a directory");
        MSB_TRY(view.make_directories(without_slashes(path)));
        return CopyTarget{path, base};
    }
    // Follow a link, so that the file is replaced and not the link.
    const std::string real = directory ? MSB_TRY(view.real_path(path)) : path;
    CopyTarget target{parent_of(without_slashes(real)), base_name(real)};
    const auto parent = MSB_TRY(view.is_directory(target.directory));
    if (!parent || !*parent)
        return fail(
            Error(ErrorKind::not_found, "'" + target.directory + "' is not an existing directory")
                .with_hint("a destination that ends in / is made"));
    return target;
}

bool is_inside(const std::string& path, const std::string& directory) {
    return directory == "/" || path == directory || path.starts_with(directory + "/");
}

} // namespace msb::cli
