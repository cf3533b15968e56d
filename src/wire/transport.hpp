// Constants that both ends of the vsock between runtime and agent share.
#pragma once

#include <chrono>
#include <cstdint>

namespace msb::wire {

/// Host port to which the agent connects when it starts: the control channel.
inline constexpr std::uint32_t control_port = 1024;
/// Guest port on which the agent serves clients, one connection each.
inline constexpr std::uint32_t client_port = 1025;
/// Bytes that may be on their way in each direction of a client's connection. Both sides have to
/// agree: a sender in the guest does not use more credit than it has buffer of its own.
inline constexpr std::uint32_t client_window = 512 << 10;
/// The agent's pieces of a stream: with its frame, one is not more than half a window. The relay
/// then passes it on from where it lies.
inline constexpr std::uint32_t client_piece = client_window / 2 - 4096;
/// When a sandbox ends, clients that are behind are waited for as long as one of them takes
/// something within this time. What a slow one reads is seen in steps of up to a piece, because
/// programs take those as a whole; so this is what a reader of 50 KiB/s needs.
inline constexpr std::chrono::seconds reader_patience{5};

} // namespace msb::wire
