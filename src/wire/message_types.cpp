#include "wire/all_messages.hpp"

#include <algorithm>
#include <array>

namespace msb::wire {

namespace {
template <typename... M> constexpr auto table_of(std::tuple<M...>*) {
    return std::array<MessageType, sizeof...(M)>{
        MessageType{M::type, M::min_generation, M::flags}...};
}
constexpr auto message_types = table_of(static_cast<AllMessages*>(nullptr));
} // namespace

const MessageType* find_message_type(std::string_view name) {
    const auto* found = std::ranges::find(message_types, name, &MessageType::name);
    return found == std::end(message_types) ? nullptr : found;
}

} // namespace msb::wire
