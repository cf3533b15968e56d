#include "image/digest.hpp"

#include "base/sha256.hpp"

#include <algorithm>

namespace msb::image {

bool is_sha256_hex(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

Result<Digest> Digest::parse(std::string_view text) {
    const auto colon = text.find(':');
    const std::string shown(text.substr(0, 120));
    if (colon == std::string_view::npos || colon == 0)
        return fail(ErrorKind::invalid_argument, "'" + shown + "' is not a digest");
    const std::string_view algorithm = text.substr(0, colon);
    if (algorithm == "sha384" || algorithm == "sha512")
        return fail(ErrorKind::unsupported, "digest algorithm '" + std::string(algorithm) +
                                                "' is not supported (only sha256)");
    if (algorithm != "sha256" || !is_sha256_hex(text.substr(colon + 1)))
        return fail(ErrorKind::invalid_argument,
                    "'" + shown + "' is not a digest (expected sha256:<64 hex digits>)");
    return Digest(std::string(text.substr(colon + 1)));
}

Digest Digest::from_bytes(BytesView bytes) {
    return Digest(to_hex(bytes));
}

Digest Digest::of(BytesView data) {
    return from_bytes(sha256(data));
}

std::string Digest::to_string() const {
    return empty() ? std::string() : "sha256:" + hex_;
}

} // namespace msb::image
