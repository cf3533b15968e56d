// Unpacks archives that anybody may have written.
#pragma once

#include "tar/pack.hpp"

#include <optional>

namespace msb {

enum class LinkPolicy {
    keep,    ///< symbolic links are made as they are
    confine, ///< see links.hpp; others are errors
    skip,    ///< the same, but others are left out and counted
};

struct ExtractOptions {
    std::optional<std::string> only; ///< entries must be this name or below it
    bool owners = false;     ///< set owners, setuid and setgid bits, and every extended attribute
    bool own_xattrs = false; ///< set those of base/own_xattrs.hpp: for what a sandbox keeps inside
    bool overwrite = true;   ///< replace files that exist
    LinkPolicy links = LinkPolicy::keep;
    std::string origin; ///< for LinkPolicy: where the tree was, absolute
    std::size_t* skipped_links = nullptr;
};

/// Unpacks below an open directory. Whatever the archive says, nothing outside is touched: names
/// with ".." are refused, and every directory on the way is entered without following links.
/// A file, link or directory that was not there before gets its name when it is complete; after a
/// failure nothing half-made is left. Directories that exist are merged into and keep their
/// attributes; something else in the place of a directory, or a directory, device or FIFO in the
/// place of a file, is an error. Device nodes and FIFOs in the archive are errors (unsupported).
/// Where symbolic links are judged, a second name for one is refused: it would lead elsewhere.
Status extract_tree(int directory, const ExtractOptions& options, Source& archive,
                    TreeProgress& progress);

} // namespace msb
