// Copying and walking large files that are mostly holes.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace msb::disk {

/// Called now and then with the bytes done and all that there are; true ends the work
/// (ErrorKind::cancelled).
using Watch = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Bytes of a file that are no hole.
struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0; ///< beyond the last
};

/// The first extent that ends behind `position`, cut off at `size`; none if only a hole follows. A
/// file system that knows no holes has one extent.
Result<std::optional<Extent>> next_extent(int fd, std::uint64_t position, std::uint64_t size);

/// Makes `to`, an empty writable file, equal to `from`: by reflink, else the data alone, which the
/// kernel copies, so that holes stay holes.
Status copy_sparse(int from, int to, const Watch& watch = {});

/// Whether `to`, an empty file, could share the blocks of `from`. It stays empty.
bool can_share(int from, int to);

/// Blocks of a file system that can be those of several files.
enum class Sharing { if_possible, never, required };

/// The same into the new file `to`, which does not exist after a failure. It ends with a hole, if it
/// is to have more bytes than `from`. unsupported if blocks have to be shared and cannot be.
Status clone_file(const std::string& from, const std::string& to, std::uint64_t size = 0,
                  Sharing sharing = Sharing::if_possible);

} // namespace msb::disk
