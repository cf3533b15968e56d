// Shows what the image store does on the one progress line.
#pragma once

#include "cli/output.hpp"
#include "image/progress.hpp"

#include <functional>
#include <map>

namespace msb::cli {

class ImageProgress final : public image::Progress {
  public:
    /// `cancelled` is polled; true ends the pull or load.
    ImageProgress(cli::Progress& line, std::function<bool()> cancelled)
        : line_(line), cancelled_(std::move(cancelled)) {}

    void resolving(const std::string& reference) override;
    void resolved(const std::string& reference, std::size_t layers,
                  std::uint64_t total_bytes) override;
    void layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) override;
    void layer_done(std::size_t layer, bool reused) override;
    void merging(const std::string& reference) override;
    bool cancelled() override;

  private:
    void show();
    cli::Progress& line_;
    std::function<bool()> cancelled_;
    std::string verb_ = "Loading"; ///< Only a pull resolves first.
    std::map<std::size_t, std::uint64_t> done_bytes_;
    std::size_t layers_ = 0;
    std::size_t layers_done_ = 0;
    std::uint64_t total_bytes_ = 0;
};

} // namespace msb::cli
