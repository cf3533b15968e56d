// What the program `sshd` is told by its starter: a JSON document on descriptor 3. The client's
// stream is 4, connections to the sandbox's agent are 5 and 6. Both ends are built together, so the
// format has no version.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace msb::ssh {

inline constexpr int job_fd = 3;
inline constexpr int client_fd = 4;
/// Commands have a connection of their own: output that nobody takes stops all of it.
inline constexpr int command_agent_fd = 5;
inline constexpr int other_agent_fd = 6;

struct Job {
    std::string host_key;                ///< private, as OpenSSH writes it
    std::vector<std::string> authorized; ///< public keys: "TYPE BASE64"
    std::vector<std::string> env;        ///< of the sandbox: "K=V"
    std::string shell;
    std::string workdir; ///< "/" if the sandbox has none
    std::string user;    ///< of the guest; empty: the login name
    bool sftp = true;
    std::uint64_t inactivity_ms = 0; ///< 0: never

    std::string to_json() const;
    static Result<Job> from_json(std::string_view text);
};

} // namespace msb::ssh
