#include "net/ledger/ledger.hpp"

#include "base/time.hpp"
#include "json/text.hpp"

#include <algorithm>

namespace msb::net {

namespace {

std::string time_text(std::int64_t ns) {
    return format_rfc3339(ns, 3, "Z");
}

json::Value flow_entry(const Flow& flow, std::string_view group, std::string_view rule) {
    const bool out = flow.direction == Direction::out;
    // For a lookup the name is all that counts, and of a published port the guest's port.
    const std::string server = flow.opening ? flow.opening->server_name : "";
    const std::string name = !server.empty()       ? server
                             : !flow.names.empty() ? flow.names.front()
                                                   : "";
    json::Value entry = {
        {"type", flow.lookup ? "lookup" : "flow"},
        {"direction", out ? "out" : "in"},
        {"protocol", to_string(flow.protocol)},
        {"name", json::or_null(name)},
        {"address", flow.lookup ? json::Value() : json::Value(flow.peer().to_string())},
        {"port", flow.destination.port},
        {"group", group},
        {"rule", json::or_null(std::string(rule))}};
    if (flow.intercepted)
        entry["intercepted"] = true;
    return entry;
}

} // namespace

void Ledger::write(json::Value entry) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double> passed = now - std::exchange(filled_, now);
    left_ = std::min(most_at_once, left_ + passed.count() * lines_a_second);
    if (left_ < 1) {
        ++missed_;
        return;
    }
    left_ -= 1;
    entry["t"] = time_text(unix_time_ns());
    if (missed_ > 0)
        entry["missed"] = std::exchange(missed_, 0);
    sink_(json::to_text(entry));
}

Ledger::Count* Ledger::count_of(const std::string& rule) {
    const auto found = counts_.find(rule);
    if (found == counts_.end() && counts_.size() >= most_rules_counted)
        return nullptr;
    Count& count = counts_.try_emplace(rule, Count{.number = counts_.size()}).first->second;
    count.told = false;
    if (counted)
        counted();
    return &count;
}

void Ledger::decided(const std::string& rule, bool allow) {
    if (Count* const count = count_of(rule))
        ++(allow ? count->allowed : count->denied);
}

void Ledger::moved(const std::string& rule, std::uint64_t sent, std::uint64_t received) {
    if (sent + received == 0)
        return;
    if (Count* const count = count_of(rule)) {
        count->sent += sent;
        count->received += received;
    }
}

void Ledger::report_counts(const std::function<void(std::size_t, std::string_view)>& tell) {
    for (auto& [rule, count] : counts_) {
        if (std::exchange(count.told, true))
            continue;
        tell(count.number, json::to_text({{"rule", json::or_null(rule)},
                                          {"allowed", count.allowed},
                                          {"denied", count.denied},
                                          {"sent", count.sent},
                                          {"received", count.received}}));
    }
}

FlowRecord::FlowRecord(Ledger* ledger, Flow judged, std::string group, std::string rule)
    : flow(std::move(judged)), ledger_(ledger), judged_(true), group_(std::move(group)),
      rule_(std::move(rule)), start_ns_(unix_time_ns()) {}

FlowRecord& FlowRecord::operator=(FlowRecord&& other) noexcept {
    if (this == &other)
        return *this;
    finish();
    flow = std::move(other.flow);
    sent = other.sent;
    received = other.received;
    outcome = other.outcome;
    ledger_ = std::exchange(other.ledger_, nullptr);
    judged_ = other.judged_;
    group_ = std::move(other.group_);
    rule_ = std::move(other.rule_);
    start_ns_ = other.start_ns_;
    return *this;
}

void FlowRecord::finish() {
    Ledger* const ledger = std::exchange(ledger_, nullptr);
    if (ledger == nullptr)
        return;
    ledger->moved(rule_, sent, received);
    json::Value entry = flow_entry(flow, group_, rule_);
    entry["start"] = time_text(start_ns_);
    entry["sent"] = sent;
    entry["received"] = received;
    entry["outcome"] = outcome;
    ledger->write(std::move(entry));
}

json::Value denied_entry(const Flow& flow, std::string_view group, std::string_view rule,
                         std::string_view reason) {
    json::Value entry = flow_entry(flow, group, rule);
    entry["outcome"] = "denied";
    entry["reason"] = reason;
    return entry;
}

json::Value lookup_entry(const Flow& flow, std::string_view rule) {
    json::Value entry = flow_entry(flow, "host", rule);
    entry["outcome"] = "allowed";
    return entry;
}

} // namespace msb::net
