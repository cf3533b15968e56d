#include "net/dns/names.hpp"

#include "net/policy/groups.hpp"

#include <algorithm>

namespace msb::net {

void NameMemory::learn(std::string_view name, std::span<const IpAddress> addresses,
                       std::chrono::seconds ttl, Clock::time_point now) {
    while (!by_end_.empty() && by_end_.begin()->first < now)
        forget(ends_.find(by_end_.begin()->second));
    const auto end = now + std::clamp(ttl, least_time, most_time);
    for (const IpAddress& address : addresses) {
        const Binding binding{embedded_v4(address), name};
        const auto known = ends_.find(binding);
        if (known != ends_.end())
            forget(known);
        else if (ends_.size() >= max_bindings)
            forget(ends_.find(by_end_.begin()->second));
        ends_.emplace(binding, end);
        by_end_.emplace(end, binding);
    }
}

std::vector<std::string> NameMemory::names_of(const IpAddress& address,
                                              Clock::time_point now) const {
    const IpAddress inner = embedded_v4(address);
    std::vector<std::string> names;
    for (auto entry = ends_.lower_bound({inner, {}});
         entry != ends_.end() && entry->first.first == inner; ++entry)
        if (entry->second >= now)
            names.push_back(entry->first.second);
    return names;
}

void NameMemory::clear() {
    ends_.clear();
    by_end_.clear();
}

void NameMemory::forget(std::map<Binding, Clock::time_point>::iterator binding) {
    by_end_.erase({binding->second, binding->first});
    ends_.erase(binding);
}

} // namespace msb::net
