// Whole-file operations that leave nothing half done.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <string>
#include <sys/types.h>

namespace msb {

/// Reads a whole file; more than `limit` bytes is ErrorKind::limit_exceeded.
Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{16} << 20);
/// The same for a file in a directory that others write to: neither follows a link nor waits for
/// the writer of a FIFO, but says ErrorKind::corrupt or ELOOP.
Result<std::string> read_regular_file(const std::string& path,
                                      std::size_t limit = std::size_t{16} << 20);

/// A name beside `path` that no other thread or running process uses.
std::string temporary_name(const std::string& path);

/// Replaces `path` so that a crash at any moment leaves either the old or the new content:
/// temporary file in the same directory, write, rename; with fsync of both, unless `durable` is false.
Status write_file_atomic(const std::string& path, std::string_view data, mode_t mode = 0644,
                         bool durable = true);

/// mkdir -p; directories that already exist keep their mode.
Status make_directories(const std::string& path, mode_t mode = 0755);

/// rm -rf that never follows a symbolic link and stays below `path`; an absent path is not an
/// error.
Status remove_tree(const std::string& path);

/// The directory of a path that does not end in "/": "." if it names none.
std::string parent_of(const std::string& path);

bool exists(const std::string& path);

/// Directory of the running program's executable (/proc/self/exe), e.g. "/usr/lib/microsandbox".
Result<std::string> executable_directory();

} // namespace msb
