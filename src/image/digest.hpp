// Content digests as image documents write them: "sha256:" and 64 lower-case hex digits.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace msb::image {

/// A valid SHA-256 digest, or empty (the default). Its text can be used as a file name as it is.
class Digest {
  public:
    Digest() = default;

    /// "sha256:<64 lower-case hex>" only: other algorithms are `unsupported`, anything else is
    /// `invalid_argument`. (OCI image-spec, descriptor.md "Digests".)
    static Result<Digest> parse(std::string_view text);
    /// From the 32 raw bytes.
    static Digest from_bytes(BytesView bytes);
    /// The digest of `data` itself. For documents, not for layers.
    static Digest of(BytesView data);

    bool empty() const { return hex_.empty(); }
    /// 64 hex digits, no algorithm: the form used in file names.
    const std::string& hex() const { return hex_; }
    /// "sha256:<hex>"; empty if this is empty.
    std::string to_string() const;

    auto operator<=>(const Digest&) const = default;

  private:
    explicit Digest(std::string hex) : hex_(std::move(hex)) {}
    std::string hex_;
};

/// Whether `text` is 64 lower-case hex digits.
bool is_sha256_hex(std::string_view text);

} // namespace msb::image
