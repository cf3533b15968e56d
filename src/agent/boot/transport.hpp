// The guest's end of virtio-vsock (CID 3; the host is CID 2).
#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <chrono>
#include <cstdint>

namespace msb::agent {

/// A non-blocking connection to a port of the host. Retries while the device appears.
Result<OwnedFd> connect_to_host(std::uint32_t port, std::chrono::milliseconds timeout);
/// A non-blocking listening socket; its connections have wire::client_window.
Result<OwnedFd> listen_on(std::uint32_t port);
/// The next connection from the host, non-blocking. An empty descriptor: no connection is waiting,
/// or a process of the guest posed as the host and was refused.
Result<OwnedFd> accept_from_host(int listener);

} // namespace msb::agent
