#include "tls/content/secret.hpp"

#include "base/bytes.hpp"
#include "tls/content/escapes.hpp"

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

std::shared_ptr<const Echoes> SecretSet::echoes_of(const std::vector<std::size_t>& secrets) const {
    if (const auto known = echoes_.find(secrets); known != echoes_.end())
        if (auto echoes = known->second.lock())
            return echoes;
    std::erase_if(echoes_, [](const auto& entry) { return entry.second.expired(); });
    auto echoes = make_echoes(secrets);
    echoes_[secrets] = echoes;
    return echoes;
}

std::shared_ptr<const Echoes>
SecretSet::make_echoes(const std::vector<std::size_t>& secrets) const {
    constexpr std::size_t shortest = 6; // shorter ones would be found everywhere
    std::vector<std::string> forms;
    std::vector<std::size_t> secret_of;
    for (const std::size_t i : secrets) {
        const std::string& value = secrets_[i].value;
        if (value.size() < shortest)
            continue;
        for (std::string& form : within_base64(value)) // as in Basic credentials
            forms.push_back(std::move(form));
        forms.push_back(value);
        forms.push_back(json_escaped(value));
        forms.push_back(percent_encoded(value));
        forms.push_back(percent_encoded(value, false));
        forms.push_back(to_base64(as_bytes(value)));
        secret_of.resize(forms.size(), i);
    }
    auto echoes = std::make_shared<const Echoes>(
        Words(std::vector<std::string_view>(forms.begin(), forms.end())), std::move(secret_of));
    for (std::string& form : forms)
        ::explicit_bzero(form.data(), form.size());
    return echoes;
}

SecretSet::~SecretSet() {
    for (Secret& secret : secrets_)
        ::explicit_bzero(secret.value.data(), secret.value.size());
}

} // namespace msb::tls
