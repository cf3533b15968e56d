#include "image/sparse_writer.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <cstring>

namespace msb::image {

namespace {

constexpr std::size_t block_size = 4096;

bool is_zero(BytesView bytes) {
    return bytes.empty() ||
           (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

/// How much of `bytes`, which belong at `offset`, is whole blocks of zeros, or blocks of something
/// else.
std::size_t leading(BytesView bytes, std::uint64_t offset, bool zeros) {
    std::size_t size = 0;
    while (size < bytes.size()) {
        const std::size_t to_boundary = block_size - (offset + size) % block_size;
        const BytesView block = bytes.subspan(size, std::min(to_boundary, bytes.size() - size));
        if (is_zero(block) != zeros)
            break;
        size += block.size();
    }
    return size;
}

} // namespace

Status SparseWriter::write(std::uint64_t offset, BytesView bytes) {
    const std::uint64_t gap = offset - (start_ + buffer_.size());
    if (gap > 0 && gap < block_size && buffer_.size() + gap <= buffer_size) {
        // Small holes (alignment) take less time to write than to seek over.
        buffer_.resize(buffer_.size() + static_cast<std::size_t>(gap));
    } else if (gap > 0) {
        MSB_TRY(flush());
        start_ = offset;
    }
    while (!bytes.empty()) {
        const BytesView part = bytes.first(std::min(bytes.size(), buffer_size - buffer_.size()));
        buffer_.insert(buffer_.end(), part.begin(), part.end());
        bytes = bytes.subspan(part.size());
        if (buffer_.size() == buffer_size)
            MSB_TRY(flush());
    }
    return {};
}

Status SparseWriter::flush() {
    BytesView rest = buffer_;
    while (!rest.empty()) {
        const std::size_t hole = leading(rest, start_, true);
        const std::size_t data = leading(rest.subspan(hole), start_ + hole, false);
        MSB_TRY(sys::pwrite_all(fd_, rest.subspan(hole, data), start_ + hole));
        start_ += hole + data;
        rest = rest.subspan(hole + data);
    }
    buffer_.clear();
    return {};
}

Status SparseWriter::finish(std::uint64_t size) {
    MSB_TRY(flush());
    return sys::truncate(fd_, size);
}

} // namespace msb::image
