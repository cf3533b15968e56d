// One log and its rotated files (NAME.3 oldest ... NAME newest) as one sequence of lines, read
// while another process writes and rotates.
//
// How nothing is lost or seen twice: a file never changes its content but at the end, and rotation
// only renames. A reader holds its file open, so the inode cannot be used again; when it has read
// it to the end it looks where that inode is now. Still the newest name: wait. Further back: the
// file is complete, go on with the next newer one. Gone: more was written than is kept, and lines
// are missing. A look at the four names at once is two looks that agree: files only move towards
// older names and never return, so what was there both times was there at one moment in between.
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace msb {

/// A place between two lines of a chain. `file` identifies a file whatever its name is now; 0 is
/// the beginning of the oldest.
struct LogPosition {
    std::uint64_t file = 0;
    std::uint64_t offset = 0;
    bool operator==(const LogPosition&) const = default;
};

struct LogLine {
    std::string_view text; ///< without newline; valid until the next call
    LogPosition end;       ///< behind the line
};

/// Existing files of a chain, newest first, open.
class LogFileSet {
  public:
    struct File {
        OwnedFd fd;
        std::uint64_t id = 0;
        std::uint64_t size = 0;
        std::int64_t modified_ns = 0;
    };
    /// An absent directory or absent files are an empty set.
    static Result<LogFileSet> open(const std::string& path);
    std::vector<File>& files() { return files_; }
    const std::vector<File>& files() const { return files_; }
    std::optional<std::size_t> find(std::uint64_t id) const;

  private:
    std::vector<File> files_;
};

/// Oldest to newest, from a position; goes on when more has been written.
class LogForward {
  public:
    explicit LogForward(std::string path, LogPosition from = {})
        : path_(std::move(path)), file_(from.file), begin_(from.offset) {}

    /// Nothing: no complete line for now.
    Result<std::optional<LogLine>> next();
    /// True once after lines were missed: rotation went on beyond what is kept.
    bool take_missed() { return std::exchange(missed_, false); }
    LogPosition position() const { return {file_, begin_ + used_}; }

  private:
    bool take_line(LogLine& line);
    Result<bool> read_more();
    Result<bool> next_file();
    void enter(LogFileSet::File& file);

    std::string path_;
    std::uint64_t file_;
    std::uint64_t begin_; ///< file offset of buffer_[0]
    OwnedFd fd_;
    std::string buffer_;
    std::size_t used_ = 0;    ///< bytes of the buffer that were returned as lines
    std::size_t scanned_ = 0; ///< bytes of the buffer known to hold no newline
    bool skipping_ = false;   ///< inside a line that is too long to be one of ours
    bool missed_ = false;
};

/// Newest to oldest, from the end of what is there at opening.
class LogBackward {
  public:
    static Result<LogBackward> open(const std::string& path);
    Result<std::optional<LogLine>> previous();
    /// Behind the next line that previous() returns.
    LogPosition position() const;
    std::int64_t modified_ns() const;

  private:
    explicit LogBackward(LogFileSet set) : set_(std::move(set)) {}
    void enter(std::size_t index);
    Result<bool> read_more();

    LogFileSet set_;
    std::size_t index_ = 0;   ///< file being read
    std::uint64_t begin_ = 0; ///< file offset of buffer_[0]
    std::string buffer_;      ///< from begin_ to the end of the next line to return
    std::string line_;
    bool skipping_ = false; ///< inside a line that is too long to be one of ours
};

} // namespace msb
