// Selective acknowledgement (RFC 2018): what came early from the guest, and what the guest says it has beyond a gap.
#pragma once

#include "base/bytes.hpp"
#include "net/tcp/segment.hpp"

#include <optional>
#include <span>
#include <vector>

namespace msb::net {

/// Payload of the guest's behind a gap. All of it lies in the window that we announced, which has room for it in the
/// queue to the host; so it needs no limit of bytes of its own.
class EarlyData {
  public:
    /// What is behind more gaps than these the guest has to send again.
    static constexpr std::size_t most_pieces = 64;

    /// What is known of it already is kept as it was.
    void add(std::uint32_t sequence, BytesView payload);
    /// The payload that follows `next` now.
    std::optional<Bytes> take(std::uint32_t next);
    /// For an acknowledgement: the latest first.
    void describe(TcpSegment& segment) const;
    std::size_t size() const;
    bool empty() const { return pieces_.empty(); }
    void clear() { pieces_.clear(); }

  private:
    struct Piece {
        std::uint32_t begin = 0;
        Bytes data;
        std::uint32_t end() const { return begin + static_cast<std::uint32_t>(data.size()); }
    };
    std::vector<Piece> pieces_; ///< in order, apart from each other or next to each other
    std::uint32_t latest_ = 0;  ///< where the last one began
};

/// What the guest has of that which is not acknowledged.
class Scoreboard {
  public:
    static constexpr std::size_t most_ranges = 32;

    /// Ranges that are not between the two were never sent, or are old.
    void add(std::span<const SequenceRange> ranges, std::uint32_t unacknowledged,
             std::uint32_t highest);
    void acknowledged(std::uint32_t number);
    /// The first gap from `begin` on that the guest has something behind.
    std::optional<SequenceRange> gap(std::uint32_t begin) const;
    bool empty() const { return ranges_.empty(); }
    void clear() { ranges_.clear(); }

  private:
    std::vector<SequenceRange> ranges_; ///< in order, apart from each other
};

} // namespace msb::net
