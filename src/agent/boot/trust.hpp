// Whom the guest's programs trust: certificates of the host's, and of the authority that issues what
// they see where TLS is intercepted.
#pragma once

#include "wire/bootstrap.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::agent {

/// Puts them into /.msb/tls and the root's own stores, as well as that goes: a root where something
/// cannot be written boots all the same. Adds to `environment` what programs with stores of their own
/// look at, unless it says something already. Does nothing if there are none.
void install_trust(const wire::Bootstrap& bootstrap, std::vector<wire::KeyValue>& environment);

/// A bundle of certificates without the block that an earlier boot has put at its end, or anywhere.
std::string without_own_block(std::string_view bundle);
std::string own_block(std::string_view certificates);

} // namespace msb::agent
