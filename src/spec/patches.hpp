// Changes to the files of an image, made to a sandbox's disk before it first starts.
#pragma once

#include "base/result.hpp"
#include "json/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb {

struct Patch {
    enum class Kind {
        file,    ///< a file with this content
        append,  ///< content at the end of a file that there is
        mkdir,   ///< a directory; one that there is stays as it is
        remove,  ///< nothing is there any more, and that may be so already
        symlink, ///< a symbolic link to `content`
        copy,    ///< a file or directory of the host, with everything below
    };
    enum class Source { any, regular, directory };

    Kind kind = Kind::file;
    std::string path;              ///< in the guest: absolute, normal, not "/"
    std::string content;           ///< any bytes
    std::string source;            ///< of a copy: absolute path on the host
    Source expected = Source::any; ///< what has to be there
    std::optional<std::uint32_t>
        mode;             ///< 0644 for files, 0755 for directories; a copy keeps its own
    bool replace = false; ///< else it is an error if something is there

    bool operator==(const Patch&) const = default;
};

inline constexpr std::size_t max_patches = 1024;
inline constexpr std::size_t max_patch_bytes = std::size_t{16} << 20; ///< of content, in all

/// "text", "append", ...: as documents have it.
std::string_view to_string(Patch::Kind kind);

/// SRC:DST of `option` ("copy", "copy-file", "copy-dir"), relative sources resolved against the
/// working directory; or a path ("mkdir", "rm").
Result<Patch> parse_patch(std::string_view option, std::string_view text);

/// A list whose elements are {text: {path, content, mode, replace}}, {file: {path, content_base64,
/// mode, replace}}, {append: {path, content}}, {mkdir: {path, mode}}, {remove: {path}}, {symlink:
/// {target, link, replace}}, {copy_file: {src, dst, mode, replace}} or {copy_dir: {src, dst,
/// mode, replace}}; the same with the word before the colon as a member `kind`. Relative sources are below
/// `directory`, or the working directory.
Result<std::vector<Patch>> read_patches(const json::Value& document,
                                        const std::string& directory = {});

/// As read_patches() takes it.
json::Value to_document(const std::vector<Patch>& patches);

/// What is left to check when a list is complete: its size.
Status validate_patches(const std::vector<Patch>& patches);

} // namespace msb
