#include "tls/content/secret.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace msb::tls {

namespace {

constexpr std::array<std::pair<std::string_view, Action>, 3> actions = {
    {{"block", Action::block},
     {"block-and-log", Action::block_and_log},
     {"block-and-terminate", Action::block_and_terminate}}};

} // namespace

std::string_view to_string(Action action) {
    return std::ranges::find(actions, action, [](const auto& entry) { return entry.second; })
        ->first;
}

std::optional<Action> parse_action(std::string_view text) {
    const auto found =
        std::ranges::find(actions, text, [](const auto& entry) { return entry.first; });
    return found == actions.end() ? std::nullopt : std::optional(found->second);
}

bool Budget::take(const Secret& secret, Clock::time_point now) {
    if (now - minute_begin_ >= std::chrono::minutes(1)) {
        minute_begin_ = now;
        minute_ = 0;
    }
    if ((secret.total > 0 && total_ >= secret.total) ||
        (secret.per_minute > 0 && minute_ >= secret.per_minute))
        return false;
    ++total_;
    ++minute_;
    return true;
}

SecretSet::SecretSet(std::vector<Secret> secrets, Action action, const SecretSet* before)
    : secrets_(std::move(secrets)), action_(action) {
    for (const Secret& secret : secrets_) {
        // Kept from swap, as far as this process may.
        (void)::mlock(secret.value.data(), secret.value.size());
        std::shared_ptr<Budget> budget;
        for (std::size_t i = 0; before != nullptr && i < before->secrets_.size(); ++i)
            if (before->secrets_[i].env == secret.env)
                budget = before->budgets_[i];
        budgets_.push_back(budget ? std::move(budget) : std::make_shared<Budget>());
    }
}

SecretSet::~SecretSet() {
    for (Secret& secret : secrets_)
        ::explicit_bzero(secret.value.data(), secret.value.size());
}

} // namespace msb::tls
