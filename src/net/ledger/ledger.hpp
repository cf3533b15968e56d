// What a guest's network did: one line of JSON for each flow, when it has ended or was refused, and
// for each lookup. Written as text, for whoever keeps it (logs/network_log.hpp reads it).
//
//   {"type":"flow","direction":"out","protocol":"tcp","name":"pypi.org","address":"151.101.0.223",
//    "port":443,"group":"public","rule":"allow@domain=pypi.org:tcp:443","start":...,"t":...,
//    "sent":517,"received":4096,"outcome":"closed"}
//   {"type":"lookup","protocol":"udp","name":"pypi.org","rule":"allow@dns","t":...,
//    "outcome":"allowed"}
//
// A guest can cause any number of refusals and lookups, so beyond a rate lines are left out, and the
// next one says how many were ("missed").
#pragma once

#include "json/value.hpp"
#include "net/flow.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace msb::net {

class Ledger {
  public:
    using Sink = std::function<void(std::string_view line)>;
    static constexpr double lines_a_second = 200, most_at_once = 2000;

    explicit Ledger(Sink sink) : sink_(std::move(sink)) {}
    /// Adds the time to an entry and writes it.
    void write(json::Value entry);

    /// A flow or lookup was decided about by this rule (empty: by the default).
    void decided(const std::string& rule, bool allow);
    /// So many bytes went over a flow that it had allowed.
    void moved(const std::string& rule, std::uint64_t sent, std::uint64_t received);
    /// Called when something was counted that report_counts() has not told.
    std::function<void()> counted;
    /// Calls `tell` with the number, and what there is to say, of each rule that has changed: one
    /// line of JSON: {"rule", "allowed", "denied", "sent", "received"}.
    void report_counts(const std::function<void(std::size_t, std::string_view)>& tell);

  private:
    static constexpr std::size_t most_rules_counted = 300;
    struct Count {
        std::size_t number = 0;
        std::uint64_t allowed = 0, denied = 0, sent = 0, received = 0;
        bool told = false;
    };
    /// Nothing if there are many already.
    Count* count_of(const std::string& rule);

    std::map<std::string, Count> counts_;
    Sink sink_;
    double left_ = most_at_once;
    std::chrono::steady_clock::time_point filled_ = std::chrono::steady_clock::now();
    std::uint64_t missed_ = 0;
};

/// A flow while it lasts, as it was judged, and what has gone over it. Its end is written when this
/// is destroyed.
class FlowRecord {
  public:
    FlowRecord() = default; ///< of a flow that nobody records
    FlowRecord(Ledger* ledger, Flow judged, std::string group, std::string rule);
    FlowRecord(FlowRecord&& other) noexcept { *this = std::move(other); }
    FlowRecord& operator=(FlowRecord&& other) noexcept;
    ~FlowRecord() { finish(); }
    FlowRecord(const FlowRecord&) = delete;
    FlowRecord& operator=(const FlowRecord&) = delete;

    Flow flow;
    std::uint64_t sent = 0, received = 0; ///< by the guest
    std::string_view outcome = "closed";

    /// Whether there is a flow to it that was judged.
    bool judged() const { return judged_; }
    /// It was refused after all, which is another entry.
    void forget() { ledger_ = nullptr; }

  private:
    void finish();

    Ledger* ledger_ = nullptr;
    bool judged_ = false;
    std::string group_, rule_;
    std::int64_t start_ns_ = 0;
};

/// The entry of something that was refused.
json::Value denied_entry(const Flow& flow, std::string_view group, std::string_view rule,
                         std::string_view reason);
json::Value lookup_entry(const Flow& flow, std::string_view rule);

} // namespace msb::net
