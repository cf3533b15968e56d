// Messages of a Unix socket that bring descriptors along (unix(7), SCM_RIGHTS). Of a packet socket one
// is one packet; over a stream it is what was sent at once, for who sends no more before the answer.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

#include <optional>
#include <span>
#include <vector>

namespace msb {

struct Packet {
    static constexpr std::size_t most_descriptors = 4;

    Bytes data;
    std::vector<OwnedFd> descriptors;
};

/// Without waiting. At most `most_descriptors`.
Status send_packet(int socket, BytesView data, std::span<const int> descriptors = {});
/// Without waiting. Nothing: there is none. An error: there will not be any more, or it was longer than
/// `most_bytes`, or brought more descriptors than there may be; these are closed.
Result<std::optional<Packet>> receive_packet(int socket, std::size_t most_bytes);

} // namespace msb
