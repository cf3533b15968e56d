// What is counted of a sandbox's life. The host tells from it whether the sandbox is idle.
#pragma once

#include "wire/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>

namespace msb::agent {

class Activity {
  public:
    /// `counts`: the message keeps the sandbox from being idle.
    void count_host_message(bool counts) { count(counters_.host_messages, counts); }
    void count_guest_message(bool counts) { count(counters_.guest_messages, counts); }
    void count_output(std::size_t bytes) { counters_.exec_output_bytes += bytes; }
    void count_tcp(std::size_t bytes) { counters_.tcp_bytes += bytes; }
    void count_file_bytes(std::size_t bytes) { counters_.fs_bytes += bytes; }

    /// Goes up with each message that counts.
    std::uint64_t sequence() const { return sequence_; }
    const wire::ActivityCounters& counters() const { return counters_; }
    /// Time of the last activity, as precisely as it is known: `now_ns` if there was some since the
    /// previous call. Reading the clock at each message would cost as much as receiving one.
    std::uint64_t last_time(std::uint64_t now_ns) {
        if (std::exchange(noticed_, sequence_) != sequence_)
            last_ns_ = now_ns;
        return last_ns_;
    }

  private:
    void count(std::uint64_t& counter, bool counts) {
        ++counter;
        if (counts)
            ++sequence_;
    }

    std::uint64_t sequence_ = 0;
    std::uint64_t noticed_ = 0;
    std::uint64_t last_ns_ = 0;
    wire::ActivityCounters counters_;
};

} // namespace msb::agent
