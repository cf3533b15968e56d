#include "tls/content/chunks.hpp"

#include <charconv>
#include <fmt/core.h>

namespace msb::tls {

std::expected<void, Refusal> ChunkReader::take_line(std::string_view line) {
    constexpr std::size_t end_size = 2, most_digits = 15;
    const std::string_view text = line.substr(0, line.size() - end_size);
    switch (step_) {
    case Step::payload_end:
        if (!text.empty())
            return std::unexpected("a chunk that is longer than it says");
        step_ = Step::size;
        return {};
    case Step::size: {
        // What is behind ';' is an extension, which nobody needs; it does not go on.
        const std::string_view digits = text.substr(0, text.find_first_of("; \t"));
        const auto [end, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
        if (digits.empty() || digits.size() > most_digits || error != std::errc() ||
            end != digits.data() + digits.size() || text.find('\r') != std::string_view::npos)
            return std::unexpected("a chunk without a size");
        step_ = left_ == 0 ? Step::trailers : Step::payload;
        return {};
    }
    case Step::trailers: {
        if (!text.empty()) {
            trailer_lines_ += line;
            if (trailer_lines_.size() > most_head)
                return std::unexpected("too many fields behind a body");
            return {};
        }
        auto fields = read_fields(trailer_lines_);
        if (!fields)
            return std::unexpected(fields.error());
        trailers_ = std::move(*fields);
        step_ = Step::done;
        return {};
    }
    case Step::payload:
    case Step::done: break;
    }
    return {};
}

std::string chunk(std::string_view payload) {
    if (payload.empty())
        return {};
    return fmt::format("{:x}\r\n{}\r\n", payload.size(), payload);
}

std::string last_chunk(const std::vector<Field>& trailers) {
    return "0\r\n" + fields_text(trailers) + "\r\n";
}

} // namespace msb::tls
