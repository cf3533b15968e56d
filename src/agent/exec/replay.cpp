#include "agent/exec/replay.hpp"

#include <algorithm>

namespace msb::agent {

void Replay::append(bool error, BytesView data) {
    end_ += data.size();
    while (!data.empty()) {
        if (pieces_.empty() || pieces_.back().error != error ||
            pieces_.back().data.size() >= piece_size) {
            pieces_.push_back({error, {}});
            pieces_.back().data.reserve(std::min(data.size(), piece_size));
            footprint_ += piece_overhead + pieces_.back().data.capacity();
        }
        Bytes& last = pieces_.back().data;
        const std::size_t before = last.capacity();
        const BytesView part = data.first(std::min(data.size(), piece_size - last.size()));
        last.insert(last.end(), part.begin(), part.end());
        footprint_ += last.capacity() - before;
        data = data.subspan(part.size());
    }
}

void Replay::trim(std::size_t limit, std::uint64_t keep) {
    while (footprint_ > limit && !pieces_.empty()) {
        const Piece& oldest = pieces_.front();
        if (begin_ + oldest.data.size() > keep)
            return;
        begin_ += oldest.data.size();
        footprint_ -= piece_overhead + oldest.data.capacity();
        pieces_.pop_front();
    }
}

} // namespace msb::agent
