#include "base/time.hpp"

#include <ctime>

namespace msb {

namespace {
std::int64_t now_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}
} // namespace

std::int64_t unix_time_ns() {
    return now_ns(CLOCK_REALTIME);
}

std::int64_t monotonic_ns() {
    return now_ns(CLOCK_MONOTONIC);
}

} // namespace msb
