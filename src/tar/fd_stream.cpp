#include "tar/fd_stream.hpp"

#include "base/system.hpp"

#include <algorithm>

namespace msb {

Status FdSink::write(BytesView data) {
    return sys::write_all(fd_, data);
}

Result<std::size_t> FdSource::read(MutableBytesView buffer) {
    if (!positioned_)
        return sys::read(fd_, buffer);
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer.size()));
    if (want == 0)
        return 0;
    MSB_TRY(sys::pread_all(fd_, buffer.first(want), offset_));
    offset_ += want;
    left_ -= want;
    return want;
}

std::uint64_t FdSource::skip(std::uint64_t count) {
    const std::uint64_t jump = positioned_ ? std::min(count, left_) : 0;
    offset_ += jump;
    left_ -= jump;
    return jump;
}

} // namespace msb
