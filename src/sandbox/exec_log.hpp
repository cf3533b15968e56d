// exec.log: what sandboxed commands wrote, as JSON Lines
// {"d":text,"e":"b64"?,"id":session?,"s":"stdout|stderr|output|system","t":RFC 3339 with ms}.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace msb {

class ExecLog {
  public:
    static constexpr std::uint64_t rotate_bytes = std::uint64_t{10} << 20;
    static constexpr int kept_files = 3; ///< exec.log.1 (newest) to exec.log.3

    /// Opens for appending; `directory_fd` is the logs directory and is kept, because the runtime
    /// can no longer resolve paths once it is confined.
    static Result<ExecLog> open(OwnedFd directory_fd);

    /// A failed write (disk full) loses the entry and never stops the sandbox. Bytes that are not
    /// UTF-8 are stored base64 with "e":"b64", so nothing is changed on the way.
    void write(std::string_view source, std::optional<std::uint64_t> session, BytesView data);
    /// "--- sandbox started ---" and the like, source "system".
    void mark(std::string_view text);

  private:
    ExecLog(OwnedFd directory_fd, OwnedFd file, std::uint64_t size)
        : directory_fd_(std::move(directory_fd)), file_(std::move(file)), size_(size) {}
    void rotate();

    OwnedFd directory_fd_;
    OwnedFd file_;
    std::uint64_t size_;
};

} // namespace msb
