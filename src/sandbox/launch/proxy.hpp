// The proxy that a sandbox's connections go through, at its start: its address, and its credentials
// out of the environment of the command that starts it.
#pragma once

#include "base/result.hpp"
#include "net/proxy/proxy.hpp"

#include <optional>
#include <string>

namespace msb {

/// `wanted`: of the specification. Nothing if it is "env" and the environment names none. A name is
/// looked up, which may take as long as this machine's resolver takes.
Result<std::optional<net::Proxy>> find_proxy(const std::string& wanted);

} // namespace msb
