// A body that is looked at or changed on its way.
#pragma once

#include "tls/content/head.hpp"

#include <cstring>
#include <string>

namespace msb::tls {

/// The largest body that is collected, because its length or its coding changes; before and after that.
inline constexpr std::size_t most_body = std::size_t{16} << 20;

struct FilteredBody {
    Framing framing;
    bool collect = false; ///< until its end, because its length may change
    bool replace = false; ///< placeholders or values in it
    bool same_size = false;
    std::string collected, coding;

    void wipe() {
        ::explicit_bzero(collected.data(), collected.size());
        std::string().swap(collected);
    }
};

/// Messages in it say how long they are, so nothing in it may become longer or shorter.
inline bool has_inner_lengths(const Head& head) {
    const std::string* const type = head.find("content-type");
    return type != nullptr && type->starts_with("application/grpc");
}

} // namespace msb::tls
