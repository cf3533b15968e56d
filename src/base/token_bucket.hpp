// A rate with room for bursts: tokens come in at a constant rate up to the bucket's size. Who takes
// more than there are leaves a debt, so that what is larger than the bucket passes as well, and what
// follows waits.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace msb {

/// `size` tokens come in `refill_ms`, both above 0. It begins full, with `burst` more that do not come
/// again.
struct Rate {
    std::uint64_t size = 0;
    std::uint64_t refill_ms = 1000;
    std::uint64_t burst = 0;

    bool operator==(const Rate&) const = default;
};

/// Of one direction of a link: bytes and frames.
struct RateLimits {
    std::optional<Rate> bandwidth, ops;

    bool operator==(const RateLimits&) const = default;
};
/// Of a guest's: what it sends, and what it is sent.
struct LinkRates {
    RateLimits egress, ingress;

    bool operator==(const LinkRates&) const = default;
};

class TokenBucket {
  public:
    using Clock = std::chrono::steady_clock;

    TokenBucket(const Rate& rate, Clock::time_point now)
        : size_(static_cast<double>(rate.size)),
          per_second_(size_ * 1000.0 / static_cast<double>(rate.refill_ms)),
          left_(size_ + static_cast<double>(rate.burst)), filled_(now) {}

    void take(std::uint64_t count, Clock::time_point now) {
        fill(now);
        left_ -= static_cast<double>(count);
    }
    /// Until something may be taken; 0: now.
    std::chrono::nanoseconds wait(Clock::time_point now) {
        fill(now);
        if (left_ > 0)
            return {};
        const std::chrono::duration<double> time((1.0 - left_) / per_second_);
        return std::chrono::ceil<std::chrono::nanoseconds>(std::min(time, longest));
    }

  private:
    static constexpr std::chrono::duration<double> longest = std::chrono::hours(24);

    void fill(Clock::time_point now) {
        const std::chrono::duration<double> passed = now - filled_;
        filled_ = std::max(filled_, now);
        if (left_ < size_) // what is above it is the burst
            left_ = std::min(size_, left_ + std::max(0.0, passed.count()) * per_second_);
    }

    double size_, per_second_, left_;
    Clock::time_point filled_;
};

} // namespace msb
