// What calls of the library begin with.
#pragma once

#include "api/cancel.hpp"
#include "api/launcher.hpp"

namespace msb::api {

Result<Launcher> open_launcher();

/// The check that waiting calls make; does nothing if the call cannot be cancelled.
Launcher::Tick tick_of(Cancel* cancel);

/// Ends a pull when the call is cancelled, and passes on its reports.
class PullProgress : public image::Progress {
  public:
    PullProgress(image::Progress* to, Cancel* cancel) : to_(to), cancel_(cancel) {}
    void resolving(const std::string& reference) override;
    void resolved(const std::string& reference, std::size_t layers, std::uint64_t total) override;
    void layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) override;
    void layer_done(std::size_t layer, bool reused) override;
    void merging(const std::string& reference) override;
    bool cancelled() override { return cancel_ != nullptr && cancel_->triggered(); }

  private:
    image::Progress* to_;
    Cancel* cancel_;
};

} // namespace msb::api
