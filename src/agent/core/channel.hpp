// The way to one client, as seen by the parts that send to it.
#pragma once

#include "base/bytes.hpp"
#include "wire/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace msb::agent {

class Channel {
  public:
    /// Queues one frame; it leaves at the end of the round.
    template <typename M> void send(std::uint32_t id, const M& message) {
        if constexpr (wire::DataMessage<M>) {
            if (can_send_at_once(message.data.size())) {
                Bytes head;
                wire::append_data_head<M>(head, id, message.data.size());
                return send_at_once(M::type, head, message.data);
            }
        }
        wire::append_message(queue(M::type), id, message);
    }

    /// False while the peer is so far behind that no more output should be read for it; parts that
    /// got this answer are told when there is room.
    virtual bool accepts_output() = 0;
    /// Call when a destination of the client's input goes over its bound or comes back below it:
    /// while one is over, the client is not read from.
    virtual void input_bound_changed() = 0;

  protected:
    ~Channel() = default;

  private:
    /// Where a frame of this type is to be appended.
    virtual Bytes& queue(std::string_view type) = 0;
    /// Sends large data when nothing is queued: only what the socket does not take is copied.
    virtual bool can_send_at_once(std::size_t size) const = 0;
    virtual void send_at_once(std::string_view type, BytesView head, BytesView data) = 0;
};

} // namespace msb::agent
