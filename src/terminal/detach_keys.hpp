// The keys that leave an attached terminal without ending its command.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace msb {

inline constexpr const char* default_detach_keys = "ctrl-]";

/// Comma separated, pressed one after the other: a character, or "ctrl-X" with X a letter or one
/// of @ [ \ ] ^ _. "none" is an empty sequence: there are no such keys.
Result<Bytes> parse_detach_keys(std::string_view text);

/// Finds the sequence in what is typed.
class DetachKeys {
  public:
    explicit DetachKeys(Bytes keys) : keys_(std::move(keys)) {}

    /// The part of `typed` that goes to the command. A possible beginning of the sequence is held
    /// back until the next key decides.
    Bytes filter(BytesView typed);
    bool pressed() const { return pressed_; }

  private:
    Bytes keys_;
    std::size_t matched_ = 0;
    bool pressed_ = false;
};

} // namespace msb
