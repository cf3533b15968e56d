// A body in chunks (RFC 9112 §7.1), read strictly and piece by piece.
#pragma once

#include "tls/content/head.hpp"

#include <algorithm>
#include <utility>

namespace msb::tls {

class ChunkReader {
  public:
    static constexpr std::size_t most_line = 4096;

    /// Takes from the front of `data` what belongs to the body. `sink` gets its payload, if there is some in
    /// this piece. An error: it is no body in chunks.
    template <typename Sink>
    std::expected<void, Refusal> feed(std::string_view& data, const Sink& sink);
    bool done() const { return step_ == Step::done; }
    /// Fields behind the body.
    const std::vector<Field>& trailers() const { return trailers_; }

  private:
    enum class Step { size, payload, payload_end, trailers, done };
    std::expected<void, Refusal> take_line(std::string_view line);

    Step step_ = Step::size;
    std::uint64_t left_ = 0;
    std::string line_; ///< that has begun
    std::string trailer_lines_;
    std::vector<Field> trailers_;
};

/// A chunk; nothing for no payload, since that would be the last one.
std::string chunk(std::string_view payload);
std::string last_chunk(const std::vector<Field>& trailers);

template <typename Sink>
std::expected<void, Refusal> ChunkReader::feed(std::string_view& data, const Sink& sink) {
    while (!data.empty() && step_ != Step::done) {
        if (step_ == Step::payload) {
            const std::string_view payload = data.substr(
                0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size())));
            data.remove_prefix(payload.size());
            left_ -= payload.size();
            sink(payload);
            if (left_ == 0)
                step_ = Step::payload_end;
            continue;
        }
        const auto end = data.find('\n');
        const std::string_view part = data.substr(0, end == std::string_view::npos ? end : end + 1);
        data.remove_prefix(part.size());
        line_ += part;
        if (line_.size() > most_line)
            return std::unexpected("a line of a chunk that does not end");
        if (end == std::string_view::npos)
            return {};
        if (!line_.ends_with("\r\n"))
            return std::unexpected("a line of a chunk that does not end with CR LF");
        const std::string line = std::exchange(line_, {});
        if (auto taken = take_line(line); !taken)
            return taken;
    }
    return {};
}

} // namespace msb::tls
