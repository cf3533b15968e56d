// The reader survives any input, and whatever skip() accepts has a definite end inside it.
#include "wire/cbor.hpp"

using namespace msb;

namespace {

/// Reads one item with the typed calls, following containers to a depth that skip() allows too.
Status read_item(cbor::Reader& reader, std::size_t depth) {
    Bytes joined;
    switch (MSB_TRY(reader.peek())) {
    case cbor::Kind::unsigned_integer: MSB_TRY(reader.uint()); break;
    case cbor::Kind::negative_integer: MSB_TRY(reader.integer()); break;
    case cbor::Kind::bytes: MSB_TRY(reader.bytes(joined)); break;
    case cbor::Kind::text: MSB_TRY(reader.text(joined)); break;
    case cbor::Kind::boolean: MSB_TRY(reader.boolean()); break;
    case cbor::Kind::null: return reader.null();
    case cbor::Kind::other: return reader.skip();
    case cbor::Kind::array:
    case cbor::Kind::map: {
        if (depth == cbor::max_depth)
            return fail(ErrorKind::limit_exceeded, "depth");
        const bool is_map = *reader.peek() == cbor::Kind::map;
        cbor::Container items = MSB_TRY(is_map ? reader.map() : reader.array());
        while (MSB_TRY(reader.next(items)))
            for (int i = 0; i < (is_map ? 2 : 1); ++i)
                MSB_TRY(read_item(reader, depth + 1));
        break;
    }
    }
    return {};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView input(data, size);
    cbor::Reader skipping(input);
    const bool skipped = skipping.skip().has_value();
    cbor::Reader reading(input);
    const Status read = read_item(reading, 0);
    // Typed reading refuses integers below INT64_MIN; otherwise both agree.
    if (read.has_value() && (!skipped || skipping.at_end() != reading.at_end()))
        __builtin_trap();
    return 0;
}
