// Between Store and the helper program: one JSON request line, then JSON event lines back, the last
// of which is the result. Both ends are built together, so the format has no version.
//
// The helper gets its end of the socket as descriptor 3 and, for a load, the archive as 4.
#pragma once

#include "base/result.hpp"
#include "image/json.hpp"
#include "image/progress.hpp"

#include <functional>

namespace msb::image {

constexpr int helper_socket = 3;
constexpr int helper_input = 4;

Json encode_error(const Error& error);
Error decode_error(const Json& json);

/// Sends `line` as one line. Helper side; also the request.
Status send_json(int fd, const Json& line);

/// Splits a byte stream into JSON lines.
class JsonLines {
  public:
    explicit JsonLines(int fd) : fd_(fd) {}
    /// The next line, or null at the end of the stream. Blocks.
    Result<Json> next();

  private:
    int fd_;
    std::string buffer_;
};

/// Runs `program` with `request` until its result, passing its events to `progress`. `input` is -1
/// if there is none.
Result<Json> run_helper(const std::string& program, const Json& request, int input,
                        Progress& progress);

/// The main() of a helper program: one request, one answer.
int serve_helper(const std::function<Result<Json>(JsonLines&)>& serve);

/// Writes a caller's Progress calls as event lines: the helper's side of `progress`.
class ProgressWriter : public Progress {
  public:
    explicit ProgressWriter(int fd) : fd_(fd) {}
    void resolving(const std::string& reference) override;
    void resolved(const std::string& reference, std::size_t layers,
                  std::uint64_t total_bytes) override;
    void layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) override;
    void layer_done(std::size_t layer, bool reused) override;
    void merging(const std::string& reference) override;

  private:
    void send(const Json& event);
    int fd_;
};

} // namespace msb::image
