#include "cli/image_progress.hpp"

#include <fmt/format.h>
#include <numeric>

namespace msb::cli {

void ImageProgress::resolving(const std::string& reference) {
    line_.begin("Resolving", reference);
    verb_ = "Pulling";
    done_bytes_.clear();
    layers_ = layers_done_ = 0;
    total_bytes_ = 0;
}

void ImageProgress::resolved(const std::string& reference, std::size_t layers,
                             std::uint64_t total_bytes) {
    line_.begin(verb_, fmt::format("{} ({} layers)", reference, layers));
    layers_ = layers;
    total_bytes_ = total_bytes;
}

void ImageProgress::layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t) {
    done_bytes_[layer] = done;
    show();
}

void ImageProgress::layer_done(std::size_t, bool) {
    ++layers_done_;
    show();
}

void ImageProgress::show() {
    constexpr std::size_t cells = 24;
    const auto done =
        std::accumulate(done_bytes_.begin(), done_bytes_.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const auto& item) { return sum + item.second; });
    std::string bar;
    if (total_bytes_ > 0) {
        const auto filled =
            static_cast<std::size_t>(std::min(done, total_bytes_) / (total_bytes_ / cells + 1));
        for (std::size_t i = 0; i < cells; ++i)
            bar += i < filled ? "━" : "─";
        bar += fmt::format(" {} / {}", format_bytes(done), format_bytes(total_bytes_));
    } else {
        bar = format_bytes(done);
    }
    line_.detail(fmt::format("{}  {}/{} layers", bar, layers_done_, layers_));
}

void ImageProgress::merging(const std::string& reference) {
    line_.begin("Merging", reference);
}

bool ImageProgress::cancelled() {
    line_.tick();
    return cancelled_();
}

} // namespace msb::cli
