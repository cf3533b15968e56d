// Both ends of a stream's window (see session_messages.hpp). Pure bookkeeping: the owner sends.
#pragma once

#include "wire/session_messages.hpp"

#include <algorithm>
#include <limits>

namespace msb::wire {

/// The sender of data: how much may leave now.
class SendWindow {
  public:
    static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

    /// `asked`: the request said `flow`. Without, there is no limit.
    explicit SendWindow(bool asked) : available_(asked ? initial_window : unlimited) {}

    std::uint64_t available() const { return available_; }
    void sent(std::uint64_t bytes) {
        if (available_ != unlimited)
            available_ -= std::min(available_, bytes);
    }
    /// core.flow.window arrived.
    void grant(std::uint64_t bytes) {
        granted_ = true;
        if (available_ != unlimited)
            available_ += std::min(bytes, unlimited - 1 - available_);
    }
    /// The request was answered. An agent that never granted until then knows no windows.
    void answered() {
        if (!granted_)
            available_ = unlimited;
    }

  private:
    std::uint64_t available_;
    bool granted_ = false;
};

/// The receiver: how much it lets the sender send ahead of what was passed on.
class ReceiveWindow {
  public:
    /// Smaller grants wait until this much has come together.
    static constexpr std::uint64_t size = 16 * initial_window;
    static constexpr std::uint64_t grain = size / 4;

    explicit ReceiveWindow(bool asked) : asked_(asked) {}

    /// To be granted at once, before the first answer; 0 = the client did not ask. `held` bytes of
    /// an earlier sender still wait.
    std::uint64_t first_grant(std::uint64_t held = 0) {
        held_back_ = 0;
        debt_ = held;
        return asked_ ? size - initial_window : 0;
    }
    /// So many bytes were passed on (or thrown away). What to grant for it now; 0 = nothing yet.
    std::uint64_t consumed(std::uint64_t bytes) {
        if (!asked_)
            return 0;
        const std::uint64_t paid = std::min(debt_, bytes);
        debt_ -= paid;
        held_back_ += bytes - paid;
        if (held_back_ < grain)
            return 0;
        return std::exchange(held_back_, 0);
    }

  private:
    bool asked_;
    std::uint64_t held_back_ = 0; ///< passed on and not granted again yet
    std::uint64_t debt_ = 0;      ///< to be passed on first, was never part of this window
};

} // namespace msb::wire
