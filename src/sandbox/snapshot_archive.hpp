// Snapshots as files that can be sent: written, and taken in again. The program `archive` does what
// touches bytes of an archive.
#pragma once

#include "sandbox/snapshots.hpp"

namespace msb {

struct ExportRequest {
    std::string which; ///< name, path or digest
    std::string file;
    std::string since;         ///< another snapshot: only what differs from its disk
    bool with_parents = false; ///< all that it came from, as far as that is known
    bool with_image = false;
    bool plain = false; ///< not compressed
    bool force = false; ///< takes the place of a file that is there
};

struct ImportRequest {
    std::string file;      ///< or "-": standard input, which may be a pipe
    std::string directory; ///< that they are to be in; empty: that of the store
    std::string name;      ///< of the one that was asked for when it was archived; empty: as there
    bool force = false;    ///< takes the place of a snapshot that is there
};

/// The file has its name when all of it is written and durable. Returns its path.
Result<std::string> export_snapshot(Snapshots& snapshots, const ExportRequest& request,
                                    const disk::Watch& watch);
/// Nothing of it is there after a failure, except parents. Returns the one that was asked for when it
/// was archived.
Result<Snapshot> import_snapshot(Snapshots& snapshots, const ImportRequest& request,
                                 const disk::Watch& watch);

} // namespace msb
