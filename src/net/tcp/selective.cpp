#include "net/tcp/selective.hpp"

#include <algorithm>

namespace msb::net {

void EarlyData::add(std::uint32_t sequence, BytesView payload) {
    for (std::size_t i = 0; !payload.empty(); ++i) {
        if (i < pieces_.size() && !before(sequence, pieces_[i].end()))
            continue;
        // Up to the next piece it is new; what that piece has is passed over.
        const std::size_t free =
            i == pieces_.size() ? payload.size()
            : before(sequence, pieces_[i].begin)
                ? std::min<std::size_t>(payload.size(), pieces_[i].begin - sequence)
                : 0;
        if (free > 0) {
            if (pieces_.size() == most_pieces)
                return;
            pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i),
                           {sequence, Bytes(payload.begin(),
                                            payload.begin() + static_cast<std::ptrdiff_t>(free))});
            latest_ = sequence;
        } else {
            const std::size_t known =
                std::min<std::size_t>(payload.size(), pieces_[i].end() - sequence);
            sequence += static_cast<std::uint32_t>(known);
            payload = payload.subspan(known);
            continue;
        }
        sequence += static_cast<std::uint32_t>(free);
        payload = payload.subspan(free);
    }
}

std::optional<Bytes> EarlyData::take(std::uint32_t next) {
    while (!pieces_.empty() && !after(pieces_.front().begin, next)) {
        Piece piece = std::move(pieces_.front());
        pieces_.erase(pieces_.begin());
        if (!after(piece.end(), next))
            continue; // it came again, in front of the gap
        piece.data.erase(piece.data.begin(),
                         piece.data.begin() + static_cast<std::ptrdiff_t>(next - piece.begin));
        return std::move(piece.data);
    }
    return std::nullopt;
}

void EarlyData::describe(TcpSegment& segment) const {
    std::vector<SequenceRange> ranges;
    for (const Piece& piece : pieces_)
        if (!ranges.empty() && ranges.back().end == piece.begin)
            ranges.back().end = piece.end();
        else
            ranges.push_back({piece.begin, piece.end()});
    const auto latest = std::ranges::find_if(ranges, [this](const SequenceRange& range) {
        return !before(latest_, range.begin) && before(latest_, range.end);
    });
    if (latest != ranges.end())
        std::rotate(ranges.begin(), latest, latest + 1);
    segment.selective_count = std::min(ranges.size(), segment.selective.size());
    std::copy_n(ranges.begin(), segment.selective_count, segment.selective.begin());
}

std::size_t EarlyData::size() const {
    std::size_t total = 0;
    for (const Piece& piece : pieces_)
        total += piece.data.size();
    return total;
}

void Scoreboard::add(std::span<const SequenceRange> ranges, std::uint32_t unacknowledged,
                     std::uint32_t highest) {
    for (SequenceRange range : ranges) {
        if (!after(range.begin, unacknowledged) || !after(range.end, range.begin) ||
            after(range.end, highest))
            continue;
        const auto apart = [&](const SequenceRange& one) {
            return before(one.end, range.begin) || after(one.begin, range.end);
        };
        for (const SequenceRange& one : ranges_)
            if (!apart(one))
                range = {before(one.begin, range.begin) ? one.begin : range.begin,
                         after(one.end, range.end) ? one.end : range.end};
        std::erase_if(ranges_, [&](const SequenceRange& one) { return !apart(one); });
        if (ranges_.size() == most_ranges)
            return;
        ranges_.insert(
            std::ranges::find_if(
                ranges_, [&](const SequenceRange& one) { return after(one.begin, range.begin); }),
            range);
    }
}

void Scoreboard::acknowledged(std::uint32_t number) {
    std::erase_if(ranges_, [&](const SequenceRange& one) { return !after(one.end, number); });
}

std::optional<SequenceRange> Scoreboard::gap(std::uint32_t begin) const {
    for (const SequenceRange& one : ranges_) {
        if (before(begin, one.begin))
            return SequenceRange{begin, one.begin};
        if (before(begin, one.end))
            begin = one.end;
    }
    return std::nullopt;
}

} // namespace msb::net
