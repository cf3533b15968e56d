// What times of change say: since nobody can set one, a file that has the same one is the same, if it is old
// enough not to stand for two changes.
#pragma once

#include <ctime>

namespace msb::device {

inline bool same_time(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/// Two changes of a file that are closer than this may have the same time: kernels before 6.13 count
/// in ticks.
inline constexpr long settled_ns = 20'000'000;

inline bool is_settled(const timespec& change) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    const auto elapsed =
        (now.tv_sec - change.tv_sec) * 1'000'000'000L + now.tv_nsec - change.tv_nsec;
    return now.tv_sec - change.tv_sec > 1 || elapsed > settled_ns;
}

} // namespace msb::device
