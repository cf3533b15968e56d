// Private networks: sandboxes that reach each other by name, and that nobody else reaches by them.
//
// $MSB_HOME/networks/<name>.json is the network: its name, and which addresses are its members'. Who is
// a member, and at which address, is in the sandboxes' own specifications and nowhere else, so that the
// two cannot disagree. .locks/<name>.lock is held by whoever makes or removes the network or gives out an
// address, until the sandbox's specification is written. Never deleted.
//
// What runs is another thing (joining.hpp).
#pragma once

#include "base/fd.hpp"
#include "sandbox/home.hpp"
#include "spec/network_spec.hpp"

#include <optional>
#include <string>
#include <vector>

namespace msb {

struct Network {
    std::string name;
    Prefix subnet;
    std::int64_t created_at_ns = 0;
};

/// What a sandbox is called in a network: names are looked up without case.
std::string member_name(std::string sandbox);

class Networks {
  public:
    explicit Networks(const Home& home) : home_(home) {}

    /// `subnet`: an IPv4 prefix of 24 to 29 bits; unless given, one of 10.213.0.0/16 that no other
    /// network has. already_exists if there is a network of this name.
    Result<Network> create(const std::string& name, const std::optional<Prefix>& subnet);
    /// not_found, or corrupt.
    Result<Network> open(const std::string& name) const;
    /// By name.
    Result<std::vector<Network>> list() const;
    /// busy while there is a sandbox, even a stopped one, that is a member.
    Status remove(const std::string& name);
    /// Removes all that have no member: their names.
    Result<std::vector<std::string>> prune();

    struct Member {
        std::string sandbox;
        IpAddress address{};
    };
    /// By address; also those that do not run.
    std::vector<Member> members(const std::string& name) const;

    /// Fills in an address that no other member has. To be held until others can see the member.
    /// already_exists if a member is looked up by the same name: case does not count there.
    Result<OwnedFd> allot(const std::string& sandbox, JoinedNetwork& joined) const;

  private:
    Result<OwnedFd> lock(const std::string& name) const;
    std::string record(const std::string& name) const;
    Result<Prefix> free_subnet(const std::string& name) const;

    Home home_;
};

} // namespace msb
