// What the guest was told that names mean: which names an address was called by, for as long as the
// answers said and no longer.
#pragma once

#include "base/address.hpp"

#include <chrono>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msb::net {

class NameMemory {
  public:
    using Clock = std::chrono::steady_clock;
    /// Pairs of address and name; those that would be forgotten first make room.
    static constexpr std::size_t max_bindings = 16384;
    /// A guest may take this long from an answer to its connection, whatever the answer says.
    static constexpr std::chrono::seconds least_time{30};
    static constexpr std::chrono::seconds most_time{24 * 3600};

    void learn(std::string_view name, std::span<const IpAddress> addresses,
               std::chrono::seconds ttl, Clock::time_point now);
    std::vector<std::string> names_of(const IpAddress& address, Clock::time_point now) const;
    void clear();
    std::size_t size() const { return ends_.size(); }

  private:
    using Binding = std::pair<IpAddress, std::string>;

    void forget(std::map<Binding, Clock::time_point>::iterator binding);

    std::map<Binding, Clock::time_point> ends_;
    std::set<std::pair<Clock::time_point, Binding>> by_end_;
};

} // namespace msb::net
