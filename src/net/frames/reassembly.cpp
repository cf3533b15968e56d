#include "net/frames/reassembly.hpp"

#include <algorithm>

namespace msb::net {

namespace {
constexpr std::size_t largest_payload = 65535;
}

std::optional<Bytes> Reassembler::add(const IpPacket& packet, Clock::time_point now) {
    const Key key{packet.source, packet.destination, packet.fragment->id, packet.protocol};
    auto found = packets_.find(key);
    if (found != packets_.end() && now - found->second.begun > lifetime) {
        packets_.erase(found);
        found = packets_.end();
    }
    if (found == packets_.end()) {
        make_room(now);
        found = packets_.emplace(key, Packet{now, {}, 0, {}}).first;
    }
    Packet& whole = found->second;
    if (!insert(whole, *packet.fragment, packet.payload)) {
        packets_.erase(found);
        return std::nullopt;
    }
    if (whole.received != whole.total)
        return std::nullopt;
    Bytes payload;
    payload.reserve(whole.received);
    for (const auto& [offset, part] : whole.parts)
        payload.insert(payload.end(), part.begin(), part.end());
    packets_.erase(found);
    return payload;
}

bool Reassembler::insert(Packet& packet, const Fragment& fragment, BytesView payload) {
    const std::size_t begin = fragment.offset, end = begin + payload.size();
    if (payload.empty() || end > largest_payload || packet.parts.size() >= max_fragments ||
        (fragment.more && payload.size() % 8 != 0))
        return false;
    if (!fragment.more) {
        if (packet.total)
            return false;
        packet.total = end;
    }
    const auto next = packet.parts.lower_bound(begin);
    if (next != packet.parts.end() && next->first < end)
        return false;
    if (next != packet.parts.begin()) {
        const auto& [offset, part] = *std::prev(next);
        if (offset + part.size() > begin)
            return false;
    }
    packet.parts.emplace(begin, Bytes(payload.begin(), payload.end()));
    packet.received += payload.size();
    return !packet.total || std::prev(packet.parts.end())->first < *packet.total;
}

void Reassembler::make_room(Clock::time_point now) {
    std::erase_if(packets_,
                  [now](const auto& entry) { return now - entry.second.begun > lifetime; });
    if (packets_.size() >= max_packets)
        packets_.erase(std::ranges::min_element(
            packets_, {}, [](const auto& entry) { return entry.second.begun; }));
}

} // namespace msb::net
