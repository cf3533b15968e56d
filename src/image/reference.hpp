// Names of images, as Docker reads them: [domain[:port]/]path[:tag][@digest].
#pragma once

#include "image/digest.hpp"

namespace msb::image {

/// A normalised reference: the domain is always there, and so is a tag or a digest (or both).
/// Every part is checked against a closed alphabet without empty or dot-only components, so parts
/// are safe in URLs and paths.
class Reference {
  public:
    /// Normalises: "alpine" is "docker.io/library/alpine:latest". `invalid_argument` says which
    /// part is wrong.
    static Result<Reference> parse(std::string_view text);

    /// Host, with its port if one was given: "docker.io", "localhost:5000", "[::1]:5000".
    const std::string& domain() const { return domain_; }
    /// Repository within the registry: "library/alpine".
    const std::string& path() const { return path_; }
    /// Empty only if a digest is there.
    const std::string& tag() const { return tag_; }
    /// Empty unless pinned.
    const Digest& digest() const { return digest_; }

    /// "domain/path"
    std::string repository() const { return domain_ + "/" + path_; }
    /// The normalised text: the key of everything stored for this reference.
    std::string to_string() const;

  private:
    std::string domain_;
    std::string path_;
    std::string tag_;
    Digest digest_;
};

} // namespace msb::image
