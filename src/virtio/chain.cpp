#include "virtio/chain.hpp"

#include <algorithm>
#include <cstring>

namespace msb::virtio {

Cursor::Cursor(std::span<const iovec> pieces) : pieces_(pieces) {
    for (const iovec& piece : pieces)
        remaining_ += piece.iov_len;
}

template <typename Use> std::uint64_t Cursor::advance(std::uint64_t count, Use use) {
    count = std::min(count, remaining_);
    std::uint64_t done = 0;
    while (done < count) {
        const iovec& piece = pieces_.front();
        const std::size_t step = static_cast<std::size_t>(
            std::min<std::uint64_t>(count - done, piece.iov_len - offset_));
        use(static_cast<std::uint8_t*>(piece.iov_base) + offset_, step, done);
        done += step;
        offset_ += step;
        if (offset_ == piece.iov_len) {
            pieces_ = pieces_.subspan(1);
            offset_ = 0;
        }
    }
    remaining_ -= done;
    return done;
}

std::size_t Cursor::read(MutableBytesView out) {
    return advance(out.size(), [&](const std::uint8_t* from, std::size_t size, std::uint64_t done) {
        std::memcpy(out.data() + done, from, size);
    });
}

std::size_t Cursor::write(BytesView data) {
    return advance(data.size(), [&](std::uint8_t* to, std::size_t size, std::uint64_t done) {
        std::memcpy(to, data.data() + done, size);
    });
}

std::uint64_t Cursor::skip(std::uint64_t count) {
    return advance(count, [](std::uint8_t*, std::size_t, std::uint64_t) {});
}

void Cursor::take(std::uint64_t count, std::vector<iovec>& out) {
    out.clear();
    advance(count, [&](std::uint8_t* from, std::size_t size, std::uint64_t) {
        out.push_back({from, size});
    });
}

void Chain::clear() {
    head = 0;
    readable.clear();
    writable.clear();
    readable_size = 0;
    writable_size = 0;
}

} // namespace msb::virtio
