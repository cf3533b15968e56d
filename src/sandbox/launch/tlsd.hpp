// The process that opens a sandbox's TLS connections (tlsd), as the launching command starts it.
#pragma once

#include "sandbox/launch/netd.hpp"
#include "spec/tls_spec.hpp"

#include <string>

namespace msb {

/// tlsd, with all that it needs but a process, and connected with netd. Reads the files that the
/// specification names; errors say which.
Result<JailedStart> prepare_tlsd(const HelperStart& start, const NetworkSpec& spec,
                                 NetdStart& netd);

/// The certificates that this machine trusts: a file of them, or what SSL_CERT_FILE says. Empty:
/// there is none.
std::string host_authorities_file();
/// Its content, for guests.
Result<std::string> read_host_authorities();

} // namespace msb
