// Destinations that are reached without the proxy, as NO_PROXY lists them: names, which stand for all
// below them, too; addresses; prefixes; "*" for everything.
#pragma once

#include "net/flow.hpp"
#include "net/policy/rules.hpp"

#include <string_view>
#include <vector>

namespace msb::net {

class Exemptions {
  public:
    static constexpr std::size_t most = 256; ///< what is behind these does not count

    /// Words between commas or blanks. A port behind a word is passed over, as curl does; what is
    /// nothing of the above matches nothing.
    static Exemptions parse(std::string_view list);

    /// By the address, or by a name that the guest knows it under.
    bool cover(const Flow& flow) const;

  private:
    void add(std::string_view word);

    bool all_ = false;
    std::vector<Prefix> prefixes_;
    std::vector<DomainTarget> names_;
};

} // namespace msb::net
