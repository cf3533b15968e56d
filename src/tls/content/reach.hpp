// Which secrets may go to the server of a connection, and which placeholders must not even be seen there.
#pragma once

#include "tls/content/observer.hpp"

#include <memory>
#include <vector>

namespace msb::tls {

/// Never changed: what has begun ends with the secrets that it began with.
struct Reach {
    Reach(const Peers& peers, std::shared_ptr<const SecretSet> of);

    std::shared_ptr<const Words> echo_words() const { return {echoes, &echoes->words}; }

    std::shared_ptr<const SecretSet> secrets;
    std::vector<std::size_t> allowed; ///< secrets whose hosts this is
    std::vector<std::size_t> watched; ///< by the number of a word in `foreign`; above: may go there
    std::shared_ptr<const Words>
        foreign; ///< placeholders that may not go there, then those that may
    std::shared_ptr<const Echoes> echoes; ///< of values that become placeholders
};

} // namespace msb::tls
