#include "logs/network_log.hpp"

#include "json/text.hpp"
#include "logs/chain.hpp"
#include "logs/line.hpp"

namespace msb {

namespace {

/// Text of the entry's member; what could give orders to a terminal is for those who print it.
std::string text_of(const json::Value& entry, std::string_view key) {
    const json::Value* const value = entry.find(key);
    return value != nullptr && value->text() != nullptr ? *value->text() : std::string();
}

std::uint64_t number_of(const json::Value& entry, std::string_view key) {
    const json::Value* const value = entry.find(key);
    return value != nullptr ? value->unsigned_integer().value_or(0) : 0;
}

bool flag_of(const json::Value& entry, std::string_view key) {
    const json::Value* const value = entry.find(key);
    return value != nullptr && value->boolean().value_or(false);
}

} // namespace

json::Value NetworkEntry::to_document() const {
    return {{"t", time},
            {"type", type},
            {"direction", direction},
            {"protocol", protocol},
            {"name", json::or_null(name)},
            {"address", json::or_null(address)},
            {"port", port},
            {"group", group},
            {"rule", json::or_null(rule)},
            {"outcome", outcome},
            {"intercepted", intercepted},
            {"reason", json::or_null(reason)},
            {"sent", sent},
            {"received", received},
            {"missed", missed},
            {"old", json::or_null(old_policy)},
            {"new", json::or_null(new_policy)},
            {"secret", secret}};
}

std::optional<NetworkEntry> parse_network_line(std::string_view line) {
    if (line.size() > max_log_line)
        return std::nullopt;
    const auto value = json::parse(line);
    if (!value || !value->is_object())
        return std::nullopt;
    NetworkEntry entry{.time = text_of(*value, "t"),
                       .type = text_of(*value, "type"),
                       .direction = text_of(*value, "direction"),
                       .protocol = text_of(*value, "protocol"),
                       .name = text_of(*value, "name"),
                       .address = text_of(*value, "address"),
                       .group = text_of(*value, "group"),
                       .rule = text_of(*value, "rule"),
                       .outcome = text_of(*value, "outcome"),
                       .reason = text_of(*value, "reason"),
                       .old_policy = text_of(*value, "old"),
                       .new_policy = text_of(*value, "new"),
                       .intercepted = flag_of(*value, "intercepted"),
                       .port = static_cast<std::uint16_t>(number_of(*value, "port")),
                       .sent = number_of(*value, "sent"),
                       .received = number_of(*value, "received"),
                       .missed = number_of(*value, "missed")};
    if (entry.time.empty() || (entry.type != "flow" && entry.type != "lookup" &&
                               entry.type != "policy" && entry.type != "secret"))
        return std::nullopt;
    if (const json::Value* const secret = value->find("secret");
        secret != nullptr && secret->is_object())
        entry.secret = *secret;
    return entry;
}

Status read_network_log(const SandboxFiles& files,
                        const std::function<void(const NetworkEntry&)>& take) {
    LogForward log(files.network_log());
    for (;;) {
        const auto line = MSB_TRY(log.next());
        if (!line)
            return {};
        if (const auto entry = parse_network_line(line->text))
            take(*entry);
    }
}

} // namespace msb
