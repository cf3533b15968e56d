// The headers that most users of the protocol need.
#pragma once

#include "wire/bootstrap.hpp"
#include "wire/control_messages.hpp"
#include "wire/exec_messages.hpp"
#include "wire/message.hpp"
#include "wire/tcp_messages.hpp"
