// What netd tells tlsd about a connection that it hands over, one packet each with the descriptors of
// both sides: the guest's and the upstream's. netd has read what the guest sent, so tlsd trusts no
// byte of it.
#pragma once

#include "base/address.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace msb::net {

struct Handover {
    static constexpr std::size_t most_bytes = std::size_t{16} << 10;
    static constexpr std::size_t most_names = 16;

    std::string name;               ///< that TLS asks for, in lower case; empty: none
    std::vector<std::string> names; ///< what the resolver called the destination
    Endpoint destination;           ///< as the guest dialled it
    bool tls = true;                ///< false: the connection begins with something else

    std::string to_json() const;
    static Result<Handover> from_json(std::string_view text);
    bool operator==(const Handover&) const = default;
};

} // namespace msb::net
