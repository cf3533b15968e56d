#include "base/closest.hpp"

#include <algorithm>
#include <vector>

namespace msb {

namespace {

// A missing letter is a more likely slip than a wrong one: "rn" means "run" rather than "rm".
constexpr std::size_t slip = 2;
constexpr std::size_t wrong_letter = 3;
/// Longer words are hardly slips, and would take too much time.
constexpr std::size_t longest_word = 64;
/// From this length on, the beginning of a word may stand for the whole.
constexpr std::size_t shortest_beginning = 3;

/// The cost of turning `from` into `to`: the optimal string alignment distance, with weights.
std::size_t distance(std::string_view from, std::string_view to) {
    const std::size_t columns = to.size() + 1;
    std::vector<std::size_t> costs((from.size() + 1) * columns);
    const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
        return costs[i * columns + j];
    };
    for (std::size_t i = 0; i <= from.size(); ++i)
        for (std::size_t j = 0; j <= to.size(); ++j) {
            if (i == 0 || j == 0) {
                at(i, j) = (i + j) * slip;
                continue;
            }
            const bool same = from[i - 1] == to[j - 1];
            at(i, j) = std::min({at(i - 1, j) + slip, at(i, j - 1) + slip,
                                 at(i - 1, j - 1) + (same ? 0 : wrong_letter)});
            if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + slip);
        }
    return costs.back();
}

} // namespace

std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates) {
    if (word.size() < 2 || word.size() > longest_word)
        return std::nullopt;
    // One slip in three letters.
    std::size_t best = wrong_letter * std::max<std::size_t>(1, word.size() / 3) + 1;
    std::optional<std::string> found;
    for (const std::string& candidate : candidates) {
        if (candidate.empty() || candidate.size() > longest_word)
            continue;
        const bool begins = word.size() >= shortest_beginning && candidate.starts_with(word);
        const std::size_t cost = begins ? slip : distance(word, candidate);
        if (cost < best) {
            best = cost;
            found = candidate;
        }
    }
    return found;
}

} // namespace msb
