// The shares of one device.
//
// A device costs a guest milliseconds at boot, so many shares have few devices. A share that has a
// device alone is its root. Several are directories of a root that is made up, in which nothing can
// be done but to look them up; each is a file system of its own to the guest (FUSE_ATTR_SUBMOUNT).
// Which of them a request is for is in the upper byte of the file's number: see
// Passthrough::Options::first_id.
#pragma once

#include "device/fs/passthrough.hpp"

#include <memory>
#include <string>
#include <vector>

namespace msb::device {

class Shares {
  public:
    struct Share {
        std::string name; ///< in the made-up root
        std::unique_ptr<Passthrough> files;
    };

    /// What Passthrough::Options::first_id is for the share at `index` of `count`.
    static std::uint64_t first_id(std::size_t index, std::size_t count) {
        return count == 1 ? 0 : (std::uint64_t{index} + 1) << index_shift;
    }
    static constexpr std::size_t max_count = 255;

    explicit Shares(std::vector<Share> shares) : shares_(std::move(shares)) {}

    /// 0 or errno; the body of the answer counts only with 0.
    int handle(const fuse_in_header& header, const fuse::Operation& operation, FuseReply& reply);
    /// Forgets the guest.
    void reset();

  private:
    static constexpr unsigned index_shift = 56;

    int ask_all(const fuse_in_header& header, const fuse::Operation& operation, FuseReply& reply);
    int start(const fuse_in_header& header, const fuse::Operation& operation, FuseReply& reply);
    int ask_root(const fuse_in_header& header, const fuse::Operation& operation, FuseReply& reply);

    std::vector<Share> shares_;
};

} // namespace msb::device
