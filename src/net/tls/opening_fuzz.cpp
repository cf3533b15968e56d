// What a guest sends first, in pieces of any size, with what a server says between: the reader says
// the same as when it gets all at once, clears no more than there is, and comes to an end.
#include "base/testing/check.hpp"
#include "net/tls/opening.hpp"

#include <algorithm>
#include <string>
#include <vector>

using namespace msb;
using namespace msb::net;

namespace {

using msb::testing::check;
using Kind = OpeningReader::Kind;

struct Outcome {
    std::vector<std::string> names;
    Kind last = Kind::wait;
    bool operator==(const Outcome&) const = default;
};

/// `at_once`: how many bytes more there are each time.
Outcome read(BytesView guest, BytesView server, std::size_t at_once) {
    OpeningReader reader;
    Outcome outcome;
    std::size_t cleared = 0;
    for (std::size_t there = std::min(at_once, guest.size());;
         there = std::min(there + at_once, guest.size())) {
        for (;;) {
            const auto step = reader.next(guest.first(there).subspan(cleared), false);
            check(step.size <= there - cleared);
            cleared += step.size;
            if (step.kind == Kind::opening)
                reader.server(server);
            if (step.kind == Kind::opening)
                outcome.names.push_back((step.opening.tls ? "tls " : "") +
                                        step.opening.server_name);
            else if (step.kind != Kind::passed)
                outcome.last = step.kind;
            if (step.kind == Kind::over || step.kind == Kind::broken)
                return outcome;
            if (step.kind == Kind::wait)
                break;
        }
        check(there - cleared <= OpeningReader::most_bytes + 5);
        if (there == guest.size())
            return outcome;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 40'000)
        return 0;
    const BytesView input(data + 1, size - 1);
    const std::size_t server = std::min<std::size_t>(data[0], input.size());
    const BytesView guest = input.subspan(server);
    const Outcome whole = read(guest, input.first(server), guest.size() + 1);
    check(whole == read(guest, input.first(server), 1 + data[0] % 7U));
    return 0;
}
