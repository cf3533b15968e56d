// However a stream is cut into pieces, the same frames come out, and they are those that lie in it.
#include "wire/frame.hpp"

#include <algorithm>

using namespace msb;

namespace {

void note(Bytes& seen, const wire::Frame& frame) {
    seen.push_back(static_cast<std::uint8_t>(frame.id));
    seen.push_back(frame.flags);
    seen.insert(seen.end(), frame.body.begin(), frame.body.end());
    seen.push_back(wire::decode_envelope(frame.body) ? 1 : 0);
}

Bytes frames_in(BytesView stream) {
    Bytes seen;
    for (;;) {
        const std::size_t size = stream.size();
        const auto frame = wire::take_frame(stream);
        if (!frame || !*frame)
            return seen;
        const BytesView raw = wire::raw_frame(**frame);
        if (raw.size() != size - stream.size() || raw.data() + raw.size() != stream.data())
            __builtin_trap();
        note(seen, **frame);
    }
}

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
            note(seen, **frame);
        }
    }
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const BytesView stream(data + 1, size - 1);
    const Bytes frames = frames_in(stream);
    for (const std::size_t piece : {std::size_t{data[0]} % 16 + 1, stream.size() + 1})
        if (frames_of(stream, piece) != frames)
            __builtin_trap();
    return 0;
}
