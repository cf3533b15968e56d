// Any bytes as a compressed stream: it ends, in an error or an end, and after the same output
// however large the reads are.
#include "image/stream.hpp"

using namespace msb;
using namespace msb::image;

namespace {

constexpr std::uint64_t most = std::uint64_t{4} << 20;

std::pair<bool, Digest> output_of(BytesView bytes, std::size_t piece) {
    MemorySource memory(bytes);
    const auto plain = decompress(memory);
    if (!plain)
        return {false, Digest()};
    LimitedSource limited(**plain, most, "the stream");
    HashingSource hashed(limited);
    Bytes buffer(piece);
    for (;;) {
        const auto count = hashed.read(buffer);
        if (!count)
            return {false, Digest()};
        if (*count == 0)
            return {true, hashed.finish()};
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const BytesView bytes(data + 1, size - 1);
    if (output_of(bytes, 512 + std::size_t{data[0]} * 16) != output_of(bytes, std::size_t{1} << 20))
        __builtin_trap();
    return 0;
}
