// However a stream is cut into pieces, the same frames come out.
#include "wire/frame.hpp"

#include <algorithm>

using namespace msb;

namespace {

Bytes frames_of(BytesView stream, std::size_t piece) {
    wire::FrameReader reader;
    Bytes seen;
    while (!stream.empty()) {
        const std::size_t count = std::min(piece, stream.size());
        reader.feed(stream.first(count));
        stream = stream.subspan(count);
        for (;;) {
            auto frame = reader.next();
            if (!frame)
                return seen;
            if (!*frame)
                break;
            seen.push_back(static_cast<std::uint8_t>((*frame)->id));
            seen.push_back((*frame)->flags);
            seen.insert(seen.end(), (*frame)->body.begin(), (*frame)->body.end());
            const auto envelope = wire::decode_envelope((*frame)->body);
            seen.push_back(envelope ? 1 : 0);
        }
    }
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const BytesView stream(data + 1, size - 1);
    if (frames_of(stream, std::size_t{data[0]} % 16 + 1) != frames_of(stream, stream.size() + 1))
        __builtin_trap();
    return 0;
}
