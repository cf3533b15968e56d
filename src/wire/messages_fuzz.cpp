// Every decoder survives any payload, and what it accepts survives encoding and decoding again.
#include "wire/all_messages.hpp"

using namespace msb;

namespace {

template <typename M> void check(BytesView payload) {
    const auto message = M::decode(payload);
    if (!message)
        return;
    Bytes first;
    cbor::Writer first_writer(first);
    message->encode(first_writer);
    const auto again = M::decode(first);
    if (!again)
        __builtin_trap();
    Bytes second;
    cbor::Writer second_writer(second);
    again->encode(second_writer);
    if (first != second)
        __builtin_trap();
}

template <typename... M> void check_one(std::tuple<M...>*, std::size_t chosen, BytesView payload) {
    std::size_t index = 0;
    (..., (index++ == chosen ? check<M>(payload) : void()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    constexpr std::size_t guests = std::tuple_size_v<wire::AllMessages>;
    constexpr std::size_t hosts = std::tuple_size_v<wire::HostMessages>;
    const BytesView payload(data + 1, size - 1);
    const std::size_t chosen = data[0] % (guests + hosts);
    if (chosen < guests)
        check_one(static_cast<wire::AllMessages*>(nullptr), chosen, payload);
    else
        check_one(static_cast<wire::HostMessages*>(nullptr), chosen - guests, payload);
    return 0;
}
