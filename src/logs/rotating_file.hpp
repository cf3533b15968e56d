// A log file of bounded size: NAME is appended to, NAME.1 (newest) to NAME.3 hold what came before.
//
// Rotation renames, newest name last, and never copies: whoever reads a file by its descriptor or
// inode finds every line exactly once (chain.hpp is the reader). The directory is held open,
// because a confined process can no longer resolve paths.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace msb {

class RotatingFile {
  public:
    static constexpr std::uint64_t rotate_bytes = std::uint64_t{10} << 20;
    static constexpr int kept_files = 3;

    /// Opens for appending. A line that a crash or a full disk cut short is ended first.
    static Result<RotatingFile> open(OwnedFd directory_fd, std::string name);

    /// Appends `data`, which is one or more whole lines, to one file with one write. Data that does
    /// not fit on the disk is lost; a log never stops the sandbox.
    void append(BytesView data);
    /// Appends a part of a line; rotation happens only where `line_start` says a line begins.
    void append_part(BytesView data, bool line_start);

  private:
    RotatingFile(OwnedFd directory_fd, std::string name, OwnedFd file, std::uint64_t size)
        : directory_fd_(std::move(directory_fd)), name_(std::move(name)), file_(std::move(file)),
          size_(size) {}
    void rotate();
    void write(BytesView data);

    OwnedFd directory_fd_;
    std::string name_;
    OwnedFd file_;
    std::uint64_t size_;
    bool cut_ = false; ///< the last write was incomplete: a line has no end yet
};

} // namespace msb
