// Secrets, as tlsd has them: what a guest knows of one is a placeholder, and here is who may get its value
// instead, and in which parts of a request.
#pragma once

#include "tls/content/scanner.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::tls {

enum class Action { block, block_and_log, block_and_terminate };
/// "block", "block-and-log", "block-and-terminate"
std::string_view to_string(Action action);
std::optional<Action> parse_action(std::string_view text);

struct Secret {
    std::string env; ///< the guest's variable that has the placeholder
    std::string placeholder;
    std::string value;                    ///< wiped by SecretSet
    std::vector<std::string> hosts;       ///< patterns of who may get it (tls/patterns.hpp)
    std::vector<std::string> passthrough; ///< who may get the placeholder itself
    bool headers = true;
    std::vector<std::string> header_fields; ///< none: all
    bool query = false, body = false;
    std::vector<std::string> methods, paths; ///< none: all; beginnings of paths
    std::uint64_t per_minute = 0, total = 0; ///< requests that get it; 0: any number
    std::optional<Action> action;            ///< none: that of the set
};

/// How often a secret was given out; it outlives changes of the set.
class Budget {
  public:
    using Clock = std::chrono::steady_clock;
    /// Counts one more, if that is still allowed.
    bool take(const Secret& secret, Clock::time_point now = Clock::now());

  private:
    std::uint64_t total_ = 0, minute_ = 0;
    Clock::time_point minute_begin_{};
};

/// Values as answers may have them, in several forms.
struct Echoes {
    Words words;
    std::vector<std::size_t> secret_of; ///< by the number of a word
};

/// Never changed; a change is another set.
class SecretSet {
  public:
    SecretSet() : SecretSet(std::vector<Secret>(), Action::block_and_log) {}
    /// `before`: the one whose place it takes; its budgets go on.
    SecretSet(std::vector<Secret> secrets, Action action, const SecretSet* before = nullptr);
    ~SecretSet();
    SecretSet(const SecretSet&) = delete;
    SecretSet& operator=(const SecretSet&) = delete;

    const std::vector<Secret>& secrets() const { return secrets_; }
    bool empty() const { return secrets_.empty(); }
    Action action_of(const Secret& secret) const { return secret.action.value_or(action_); }
    bool take(std::size_t secret) const { return budgets_[secret]->take(secrets_[secret]); }
    /// Of these secrets' values. Connections to the same host share them: with many secrets they are large.
    std::shared_ptr<const Echoes> echoes_of(const std::vector<std::size_t>& secrets) const;

  private:
    std::shared_ptr<const Echoes> make_echoes(const std::vector<std::size_t>& secrets) const;

    std::vector<Secret> secrets_;
    std::vector<std::shared_ptr<Budget>> budgets_; ///< of each
    Action action_;
    mutable std::map<std::vector<std::size_t>, std::weak_ptr<const Echoes>> echoes_; ///< in use
};

} // namespace msb::tls
