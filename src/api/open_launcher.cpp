#include "api/open_launcher.hpp"

namespace msb::api {

Result<Launcher> open_launcher() {
    const Home home = MSB_TRY(Home::from_environment());
    MSB_TRY(home.prepare());
    return Launcher(home, MSB_TRY(Installation::locate()));
}

Launcher::Tick tick_of(Cancel* cancel) {
    if (cancel == nullptr)
        return {};
    return [cancel] { return cancel->triggered(); };
}

void PullProgress::resolving(const std::string& reference) {
    if (to_ != nullptr)
        to_->resolving(reference);
}

void PullProgress::resolved(const std::string& reference, std::size_t layers, std::uint64_t total) {
    if (to_ != nullptr)
        to_->resolved(reference, layers, total);
}

void PullProgress::layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) {
    if (to_ != nullptr)
        to_->layer_bytes(layer, done, total);
}

void PullProgress::layer_done(std::size_t layer, bool reused) {
    if (to_ != nullptr)
        to_->layer_done(layer, reused);
}

void PullProgress::merging(const std::string& reference) {
    if (to_ != nullptr)
        to_->merging(reference);
}

} // namespace msb::api
