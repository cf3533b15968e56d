// A streaming tar reader for hostile input: ustar, pax (POSIX.1-2001) and GNU, as container tools
// write them.
//
// It is our own because names in a tar are bytes and must stay bytes: libarchive converts pax names
// through the process's locale, which in a UTF-8 locale silently changes decomposed characters to
// composed ones and in the C locale reports every non-ASCII name as a failed conversion, and which
// loads conversion modules that a confined worker has no access to. Where formats leave room, the
// reading is that of Go's archive/tar, which all container tools use: global pax headers are
// ignored, types other than regular files have no data.
#pragma once

#include "tar/source.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace msb {

inline constexpr std::size_t max_path_length = 4096;
/// Of one file; more are neither written nor read.
inline constexpr std::size_t max_tar_extents = 65536;
/// Of directories, in trees that are packed and extracted.
inline constexpr std::size_t max_tree_depth = 256;
inline constexpr std::size_t tar_buffer_size = std::size_t{256} << 10;

enum class TarType { file, hard_link, symlink, character_device, block_device, directory, fifo };

/// A run of data in a sparse file; what lies between runs is zeros.
struct TarExtent {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct TarEntry {
    TarType type = TarType::file;
    std::string path; ///< As written: may be absolute, may hold "..". No NUL.
    std::string link; ///< Target of a symlink (as written) or hard link (a path in the archive).
    std::uint32_t mode = 0; ///< Permission bits, 07777.
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime = 0;       ///< Seconds since the epoch.
    std::uint32_t mtime_nsec = 0; ///< 0..999999999
    /// The same of the last access, where the archive tells it.
    std::optional<std::pair<std::int64_t, std::uint32_t>> atime;
    std::uint64_t size = 0; ///< Of a file, holes included.
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::map<std::string, std::string> xattrs; ///< From SCHILY.xattr.*, full names.
    /// Where the data is, ascending; one extent for an ordinary file.
    std::vector<TarExtent> extents;
};

class TarReader {
  public:
    explicit TarReader(Source& source);

    /// Skips what is left of the current entry. Nothing at the end of the archive, which is two
    /// zero blocks or the end of the stream.
    Result<std::optional<TarEntry>> next();

    struct Data {
        std::uint64_t offset = 0; ///< In the file.
        BytesView bytes;          ///< Valid until the next call.
    };
    /// The next data of the current file; nothing when all has been read.
    Result<std::optional<Data>> next_data();

    /// Position in the stream of the first data byte of the current entry. Right after next() only.
    std::uint64_t position() const { return position_; }

  private:
    using Records = std::vector<std::pair<std::string, std::string>>;
    struct Pending;

    Status fill(std::size_t wanted);
    Result<BytesView> take(std::size_t count, std::string_view what);
    Result<std::string> take_text(std::uint64_t size, std::uint64_t limit, std::string_view what);
    Status skip(std::uint64_t count);
    Status skip_padding();
    Result<std::optional<TarEntry>> finish_entry(BytesView header, Pending& pending);
    Status read_gnu_sparse(BytesView header, TarEntry& entry);
    Status read_sparse_map(TarEntry& entry);
    Status apply_sparse_records(const Records& records, TarEntry& entry);

    Source& source_;
    Bytes buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
    std::uint64_t position_ = 0;
    /// Stored bytes of the current entry not read yet, and the padding after them.
    std::uint64_t data_left_ = 0;
    std::uint64_t padding_ = 0;
    std::vector<TarExtent> extents_;
    std::size_t extent_ = 0;
    std::uint64_t extent_done_ = 0;
};

/// Decimal seconds with an optional fraction, as pax writes times; fractions beyond a nanosecond
/// are cut. For tests and the reader.
std::optional<std::pair<std::int64_t, std::uint32_t>> parse_pax_time(std::string_view text);

} // namespace msb
