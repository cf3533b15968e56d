// /.msb/heartbeat.json: the last heartbeat, for programs inside the guest. The host has its own,
// over the control channel, which nobody in the guest can write.
#pragma once

#include "wire/messages.hpp"

namespace msb::agent {

/// Replaces the file in the directory /.msb. Never blocks, whatever the guest has put in its place.
void write_heartbeat(int directory_fd, const wire::Heartbeat& heartbeat);

} // namespace msb::agent
