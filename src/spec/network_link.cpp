#include "spec/network_link.hpp"

#include "json/text.hpp"
#include "spec/spec.hpp"

#include <charconv>
#include <fmt/format.h>

namespace msb {

namespace {

constexpr std::uint64_t longest_refill_ms = std::uint64_t{24} * 3600 * 1000;
constexpr std::uint64_t most_tokens = std::uint64_t{1} << 50;

/// A whole number, of bytes with K, M or G behind it.
std::optional<std::uint64_t> parse_count(std::string_view text, bool bytes) {
    unsigned shift = 0;
    if (bytes && !text.empty()) {
        const char unit = text.back();
        shift = unit == 'K' || unit == 'k'   ? 10
                : unit == 'M' || unit == 'm' ? 20
                : unit == 'G' || unit == 'g' ? 30
                                             : 0;
        text.remove_suffix(shift != 0 ? 1 : 0);
    }
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty() ||
        value > most_tokens >> shift)
        return std::nullopt;
    return value << shift;
}

Status validate_rate(const Rate& rate, std::string_view where) {
    if (rate.size == 0 || rate.size > most_tokens || rate.burst > most_tokens)
        return invalid(fmt::format("{}: the size must be above 0 and at most 2^50", where));
    if (rate.refill_ms == 0 || rate.refill_ms > longest_refill_ms)
        return invalid(fmt::format("{}: the time must be above 0 and at most a day", where));
    return {};
}

/// The members of an object, of which `known` are those that there may be.
Status check_members(const json::Value& value, std::string_view where,
                     std::initializer_list<std::string_view> known) {
    if (!value.is_object())
        return invalid(fmt::format("'{}' is not an object", where));
    for (const auto& [key, member] : value.members())
        if (std::ranges::find(known, key) == known.end())
            return invalid(fmt::format("'{}.{}' is unknown", where, key));
    return {};
}

const json::Value* find(const json::Value& value, std::string_view key) {
    const json::Value* const found = value.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::optional<Rate>> read_rate(const json::Value& limits, std::string_view key,
                                      const std::string& direction) {
    const json::Value* const value = find(limits, key);
    if (value == nullptr)
        return std::nullopt;
    const std::string where = "rate_limiter." + direction + "." + std::string(key);
    if (value->text() != nullptr)
        return std::optional(MSB_TRY(parse_rate(*value->text(), key == "bandwidth")));
    MSB_TRY(check_members(*value, where, {"size", "refill_time_ms", "one_time_burst"}));
    Rate rate;
    for (const auto& [member, into] :
         {std::pair{"size", &rate.size}, std::pair{"refill_time_ms", &rate.refill_ms},
          std::pair{"one_time_burst", &rate.burst}})
        if (const json::Value* const number = find(*value, member)) {
            const auto count = number->unsigned_integer();
            if (!count)
                return invalid(fmt::format("'{}.{}' is not a number", where, member));
            *into = *count;
        }
    MSB_TRY(validate_rate(rate, where));
    return std::optional(rate);
}

json::Value to_document(const std::optional<Rate>& rate) {
    if (!rate)
        return nullptr;
    return {
        {"size", rate->size}, {"refill_time_ms", rate->refill_ms}, {"one_time_burst", rate->burst}};
}

template <typename T> json::Value text_or_null(const std::optional<T>& value) {
    return value ? json::Value(value->to_string()) : json::Value();
}

Status check_family(const std::optional<IpAddress>& address, bool v6) {
    if (address && address->v6 != v6)
        return invalid(fmt::format("{} is not an IPv{} address", address->to_string(), v6 ? 6 : 4));
    return {};
}

Status check_pool(const std::optional<Prefix>& pool, bool v6) {
    const unsigned most_bits = v6 ? 64 : 30;
    if (pool && (pool->network.v6 != v6 || pool->bits == 0 || pool->bits > most_bits))
        return invalid(fmt::format("invalid IPv{} pool {}: a prefix of at most {} bits", v6 ? 6 : 4,
                                   pool->to_string(), most_bits));
    return {};
}

} // namespace

Result<Rate> parse_rate(std::string_view text, bool bytes, std::string_view burst) {
    const auto bad = [&](std::string_view word) {
        return invalid(fmt::format("invalid rate '{}' (expected {}[/TIME], e.g. {})", word,
                                   bytes ? "SIZE" : "COUNT", bytes ? "10M/1s" : "1000/1s"));
    };
    Rate rate;
    const auto slash = text.find('/');
    const auto size = parse_count(text.substr(0, slash), bytes);
    if (!size)
        return bad(text);
    rate.size = *size;
    if (slash != std::string_view::npos)
        rate.refill_ms = MSB_TRY(parse_duration_ms(text.substr(slash + 1), true));
    if (!burst.empty()) {
        const auto more = parse_count(burst, bytes);
        if (!more)
            return invalid(fmt::format("invalid burst '{}' (expected {})", burst,
                                       bytes ? "SIZE, e.g. 100M" : "COUNT"));
        rate.burst = *more;
    }
    MSB_TRY(validate_rate(rate, text));
    return rate;
}

Result<Mac> parse_mac(std::string_view text) {
    Mac mac{};
    const auto bad = [&] {
        return invalid("invalid Ethernet address '" + std::string(text) +
                       "' (expected that of one station, e.g. 02:00:00:00:00:01)");
    };
    constexpr std::size_t size = 17;
    if (text.size() != size)
        return bad();
    for (std::size_t i = 0; i < mac.size(); ++i) {
        const char* const digits = text.data() + 3 * i;
        const auto [end, error] = std::from_chars(digits, digits + 2, mac[i], 16);
        if (error != std::errc{} || end != digits + 2 || (i > 0 && digits[-1] != ':'))
            return bad();
    }
    if ((mac[0] & 1) != 0 || mac == Mac{})
        return bad();
    return mac;
}

std::string to_string(const Mac& mac) {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3],
                       mac[4], mac[5]);
}

Status validate_interface(const InterfaceSpec& interface) {
    if (interface.mtu < least_mtu || interface.mtu > most_mtu)
        return invalid(fmt::format("the MTU must be {} to {}", least_mtu, most_mtu));
    MSB_TRY(check_family(interface.v4, false));
    MSB_TRY(check_family(interface.v6, true));
    MSB_TRY(check_pool(interface.v4_pool, false));
    MSB_TRY(check_pool(interface.v6_pool, true));
    // The gateway is the address before the guest's, in one network of four.
    if (interface.v4 && (interface.v4->bytes[3] & 3) != 2)
        return invalid(
            "the guest's IPv4 address must be the third of four (its last number 4n + 2), "
            "because its gateway is the second: " +
            interface.v4->to_string());
    const auto is_loopback = [](const std::optional<IpAddress>& address) {
        return address && !address->v6 && address->bytes[0] == 127;
    };
    if (is_loopback(interface.v4))
        return invalid("the guest's address must not be one of a loopback");
    if (interface.v6) { // the gateway is PREFIX::1
        const auto host = load_be<std::uint64_t>(BytesView(interface.v6->bytes).subspan(8));
        if (host <= 1)
            return invalid(
                "the guest's IPv6 address must not be the first of its /64, which is its "
                "gateway's: " +
                interface.v6->to_string());
    }
    return {};
}

json::Value to_document(const InterfaceSpec& interface) {
    return {{"mac", interface.mac ? json::Value(to_string(*interface.mac)) : json::Value()},
            {"mtu", interface.mtu},
            {"ipv4", text_or_null(interface.v4)},
            {"ipv6", text_or_null(interface.v6)},
            {"ipv4_pool", text_or_null(interface.v4_pool)},
            {"ipv6_pool", text_or_null(interface.v6_pool)}};
}

Result<InterfaceSpec> read_interface(const json::Value& document) {
    MSB_TRY(check_members(document, "interface",
                          {"mac", "mtu", "ipv4", "ipv6", "ipv4_pool", "ipv6_pool"}));
    InterfaceSpec interface;
    for (const auto& [key, member] : document.members()) {
        const std::string* const text = member.text();
        if (member.is_null())
            continue;
        if (key == "mtu") {
            interface.mtu = static_cast<std::uint16_t>(
                std::min<std::uint64_t>(member.unsigned_integer().value_or(0), UINT16_MAX));
            continue;
        }
        if (text == nullptr)
            return invalid("'interface." + key + "' is not text");
        if (key == "mac") {
            interface.mac = MSB_TRY(parse_mac(*text));
        } else if (key == "ipv4" || key == "ipv6") {
            const auto address = IpAddress::parse(*text);
            if (!address)
                return invalid("'interface." + key + "' is not an address: " + *text);
            (key == "ipv4" ? interface.v4 : interface.v6) = *address;
        } else {
            const auto pool = Prefix::parse(*text);
            if (!pool)
                return invalid("'interface." + key + "' is not a prefix: " + *text);
            (key == "ipv4_pool" ? interface.v4_pool : interface.v6_pool) = *pool;
        }
    }
    MSB_TRY(validate_interface(interface));
    return interface;
}

json::Value to_document(const LinkRates& rates) {
    const auto direction = [](const RateLimits& limits) -> json::Value {
        return {{"bandwidth", to_document(limits.bandwidth)}, {"ops", to_document(limits.ops)}};
    };
    return {{"egress", direction(rates.egress)}, {"ingress", direction(rates.ingress)}};
}

Result<LinkRates> read_rates(const json::Value& document) {
    MSB_TRY(check_members(document, "rate_limiter", {"egress", "ingress"}));
    LinkRates rates;
    for (const auto& [key, limits] : document.members()) {
        if (limits.is_null())
            continue;
        MSB_TRY(check_members(limits, "rate_limiter." + key, {"bandwidth", "ops"}));
        RateLimits& into = key == "egress" ? rates.egress : rates.ingress;
        into.bandwidth = MSB_TRY(read_rate(limits, "bandwidth", key));
        into.ops = MSB_TRY(read_rate(limits, "ops", key));
    }
    return rates;
}

} // namespace msb
