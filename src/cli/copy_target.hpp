// What the two sides of `msb cp` name.
#pragma once

#include "base/result.hpp"

#include <functional>
#include <optional>
#include <string>

namespace msb::cli {

/// SANDBOX:/absolute/path, a local path, or "-" for an archive on our own stdin or stdout.
struct CopyEndpoint {
    std::string sandbox; ///< empty: local
    std::string path;
    bool archive = false;
    std::string text; ///< as the user wrote it
};

/// A local path that could be taken for a sandbox's begins with "./", "../" or "/".
Result<CopyEndpoint> parse_endpoint(const std::string& text);

/// The name that a copy gets inside a destination directory: the last component. None for "DIR/."
/// and "/", which mean their contents; ".." is returned as it is, and the caller has to resolve it.
std::optional<std::string> base_name(const std::string& path);

/// One side's file system, as far as finding the destination needs it.
struct CopyView {
    /// None if there is nothing. Links are followed.
    std::function<Result<std::optional<bool>>(const std::string&)> is_directory;
    std::function<Result<std::string>(const std::string&)> real_path;
    std::function<Status(const std::string&)> make_directories;
};

/// That of the host.
CopyView local_view();

struct CopyTarget {
    std::string directory;
    std::optional<std::string> name; ///< none: the contents go into the directory
};

/// In an existing directory, or a path that ends in "/", the copy is called `base`; any other path
/// is the new name itself.
Result<CopyTarget> resolve_target(const CopyView& view, const std::string& path,
                                  const std::optional<std::string>& base);

/// Whether `path` is `directory` or lies below it; both resolved.
bool is_inside(const std::string& path, const std::string& directory);

} // namespace msb::cli
