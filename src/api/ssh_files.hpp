// $MSB_HOME/ssh: keys of the host's side of SSH. Made at first use, 0600 in a directory of 0700.
#pragma once

#include "base/fd.hpp"
#include "base/installation.hpp"
#include "sandbox/home.hpp"
#include "ssh/keys.hpp"

namespace msb {

class SshFiles {
  public:
    static Result<SshFiles> open(const Home& home, const Installation& installation);

    /// Private key that all sandboxes of this home show to clients. known_hosts() exists then, too.
    Result<std::string> host_key() const;
    /// A key of ours for `ssh NAME.msb`, which may always enter.
    Status make_client_key() const;
    /// Who may enter: what was authorized, and our own key if it was made. Never empty. Lines that no
    /// key can be read from are counted.
    Result<std::vector<std::string>> authorized(std::size_t& unreadable) const;
    /// False: it was already.
    Result<bool> authorize(const ssh::PublicKey& key) const;
    /// Settings for OpenSSH's programs.
    Status write_config(std::string_view text) const;

    static std::string authorized_keys_of(const Home& home) {
        return home.root() + "/ssh/authorized_keys";
    }
    std::string authorized_keys() const { return directory_ + "/authorized_keys"; }
    std::string client_key() const { return directory_ + "/id_ed25519"; }
    std::string known_hosts() const { return directory_ + "/known_hosts"; }
    std::string config() const { return directory_ + "/config"; }
    const std::string& server() const { return server_; }
    const std::string& directory() const { return directory_; }

  private:
    SshFiles(std::string directory, std::string server)
        : directory_(std::move(directory)), server_(std::move(server)) {}
    Result<OwnedFd> lock() const;
    /// The public half of the key at `path`, which is made if there is none.
    Status make_key(const std::string& path) const;

    std::string directory_;
    std::string server_; ///< path of the program sshd
};

} // namespace msb
