// /.msb/heartbeat.json: the last heartbeat, for who looks from inside. The host has its own, over
// the control channel, which nobody in the guest can write.
#pragma once

#include "wire/messages.hpp"

namespace msb::agent {

/// Replaces the file in the directory /.msb. Does not wait, whatever the guest has put there.
void write_heartbeat(int directory_fd, const wire::Heartbeat& heartbeat);

} // namespace msb::agent
