#include "device/rng/rng.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/random.h>

namespace msb::device {

namespace {
constexpr auto period = std::chrono::milliseconds(100);
constexpr std::uint32_t bytes_per_period = Rng::bytes_per_second / 10;
} // namespace

Rng::~Rng() {
    loop_.cancel(refill_timer_);
}

void Rng::read_config(std::uint32_t, MutableBytesView out) {
    std::ranges::fill(out, std::uint8_t{0}); // §5.4.4: there is no configuration
}

void Rng::queue_stopped(std::uint16_t) {
    queue_ = nullptr;
}

bool Rng::queue_kicked(std::uint16_t) {
    if (refill_timer_ == 0)
        refill();
    else
        serve();
    return false;
}

/// A period starts with the first request after an idle one, so that an idle guest costs no timer.
void Rng::refill() {
    budget_ = bytes_per_period;
    refill_timer_ = loop_.after(period, [this] {
        refill_timer_ = 0;
        if (queue_ != nullptr && (budget_ < bytes_per_buffer || queue_->has_available()))
            refill();
    });
    serve();
}

void Rng::serve() {
    if (queue_ == nullptr)
        return;
    do {
        while (budget_ >= bytes_per_buffer && queue_->pop(chain_)) {
            std::array<std::uint8_t, bytes_per_buffer> random;
            const auto wanted = static_cast<std::size_t>(
                std::min<std::uint64_t>(chain_.writable_size, random.size()));
            // Never short for a small request once the host's pool is initialised, which it is long
            // before a sandbox starts (getrandom(2)); a failure hands back an empty buffer.
            const ssize_t got = ::getrandom(random.data(), wanted, GRND_NONBLOCK);
            const std::size_t filled = got < 0 ? 0 : static_cast<std::size_t>(got);
            chain_.writer().write({random.data(), filled});
            // Empty buffers are not free either, or they could keep us here for ever.
            budget_ -= static_cast<std::uint32_t>(std::max<std::size_t>(filled, 64));
            queue_->push(chain_, static_cast<std::uint32_t>(filled));
        }
    } while (budget_ >= bytes_per_buffer && queue_->arm());
    queue_->notify();
}

} // namespace msb::device
