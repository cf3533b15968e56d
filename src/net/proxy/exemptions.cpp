#include "net/proxy/exemptions.hpp"

#include "net/policy/policy.hpp"

#include <algorithm>

namespace msb::net {

namespace {

constexpr std::string_view separators = ", \t";

/// "[2001:db8::1]:443", "example.org:443" and "192.0.2.1:443" without brackets and port.
std::string_view without_port(std::string_view word) {
    if (word.starts_with('['))
        return word.substr(1, std::min(word.find(']'), word.size()) - 1);
    const std::size_t colon = word.find(':');
    const bool one = colon != std::string_view::npos && word.rfind(':') == colon;
    return one ? word.substr(0, colon) : word;
}

} // namespace

Exemptions Exemptions::parse(std::string_view list) {
    Exemptions result;
    for (std::size_t count = 0; count < most; ++count) {
        list.remove_prefix(std::min(list.find_first_not_of(separators), list.size()));
        if (list.empty())
            break;
        const std::string_view word = list.substr(0, list.find_first_of(separators));
        list.remove_prefix(word.size());
        result.add(without_port(word));
    }
    return result;
}

void Exemptions::add(std::string_view word) {
    if (word == "*") {
        all_ = true;
    } else if (const auto prefix = Prefix::parse(word)) {
        prefixes_.push_back(*prefix);
    } else {
        if (word.starts_with("*."))
            word.remove_prefix(1);
        if (word.starts_with('.'))
            word.remove_prefix(1);
        std::string name(word);
        std::ranges::transform(name, name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        if (!name.empty())
            names_.push_back({std::move(name), true});
    }
}

bool Exemptions::cover(const Flow& flow) const {
    return all_ ||
           std::ranges::any_of(
               prefixes_,
               [&](const Prefix& prefix) { return prefix.contains(flow.destination.address); }) ||
           std::ranges::any_of(flow.names, [&](const std::string& name) {
               return std::ranges::any_of(
                   names_, [&](const DomainTarget& target) { return matches_name(target, name); });
           });
}

} // namespace msb::net
