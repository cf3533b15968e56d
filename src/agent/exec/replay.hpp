// The newest output of a kept session, for whoever attaches next. Memory only, bounded by its
// owner.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <deque>

namespace msb::agent {

class Replay {
  public:
    void append(bool error, BytesView data);

    /// Positions count the bytes of both streams since the beginning.
    std::uint64_t begin() const { return begin_; }
    std::uint64_t end() const { return end_; }
    /// What it costs, bookkeeping included.
    std::size_t footprint() const { return footprint_; }

    /// Drops the oldest pieces until at most `limit` bytes are used, but keeps everything from
    /// position `keep` on.
    void trim(std::size_t limit, std::uint64_t keep);

    /// Calls `deliver(bool error, BytesView)` for everything from this position on.
    template <typename Deliver> void visit(std::uint64_t from, Deliver deliver) const {
        std::uint64_t at = begin_;
        for (const Piece& piece : pieces_) {
            const std::uint64_t next = at + piece.data.size();
            if (next > from) {
                const std::size_t skip = from > at ? static_cast<std::size_t>(from - at) : 0;
                deliver(piece.error, BytesView(piece.data).subspan(skip));
            }
            at = next;
        }
    }

  private:
    struct Piece {
        bool error;
        Bytes data;
    };
    /// Small writes are put together up to this size, so that bookkeeping stays small.
    static constexpr std::size_t piece_size = std::size_t{8} << 10;
    static constexpr std::size_t piece_overhead = 64;

    std::deque<Piece> pieces_;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    std::size_t footprint_ = 0;
};

} // namespace msb::agent
