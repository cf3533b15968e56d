// A file or a directory tree as a pax archive.
#pragma once

#include "tar/source.hpp"

#include <functional>
#include <string>

namespace msb {

/// Called before each entry and each piece of data; an error ends the work with it.
struct TreeProgress {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::function<Status()> tick;

    Status step(std::uint64_t more_bytes) {
        bytes += more_bytes;
        return tick ? tick() : Status{};
    }
};

struct PackOptions {
    std::string name;        ///< what `path` is called in the archive; "." for "its contents"
    bool xattrs = true;      ///< all that can be read
    bool own_xattrs = false; ///< also those of base/own_xattrs.hpp
    bool follow = false;     ///< `path` may be a symbolic link to what is meant
    /// As the root of a machine: with device nodes and FIFOs, without sockets and times of access, and
    /// other file systems below it are empty directories. What belongs to an ordinary user who asks
    /// is root's.
    bool as_root = false;
};

/// Links are archived, never followed. Device nodes, FIFOs and sockets are errors (unsupported)
/// unless said otherwise, and so are trees nested deeper than 256 directories. The tree may change meanwhile: what is
/// archived is what was there when each entry was opened.
Status pack_tree(const std::string& path, const PackOptions& options, Sink& sink,
                 TreeProgress& progress);

} // namespace msb
