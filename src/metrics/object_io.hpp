// Plain structs in files.
#pragma once

#include "base/bytes.hpp"
#include "base/system.hpp"

namespace msb::metrics {

template <typename T> Status write_object(int fd, const T& object, std::uint64_t offset) {
    return sys::pwrite_all(fd, object_bytes(object), offset);
}

template <typename T> bool read_object(int fd, T& object, std::uint64_t offset) {
    const MutableBytesView bytes{reinterpret_cast<std::uint8_t*>(&object), sizeof(object)};
    return sys::pread_all(fd, bytes, offset).has_value();
}

} // namespace msb::metrics
