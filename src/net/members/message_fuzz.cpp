#include "net/members/message.hpp"

#include <cstdlib>

using namespace msb;

/// What can be read is the same when it was written again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = net::decode_member_message(BytesView(data, size));
    if (!message)
        return 0;
    const auto again = net::decode_member_message(net::encode(*message));
    if (!again || *again != *message)
        std::abort();
    return 0;
}
