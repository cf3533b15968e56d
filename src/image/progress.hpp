// What a pull or load tells its caller while it runs.
#pragma once

#include <cstdint>
#include <string>

namespace msb::image {

/// Callbacks arrive on the thread that called Store::pull or Store::load. Layers are numbered from
/// 0, bottom to top, and run concurrently. All members may be left as they are.
class Progress {
  public:
    virtual ~Progress() = default;

    virtual void resolving(const std::string& reference) { (void)reference; }
    /// `total_bytes`: what will be transported if nothing is cached.
    virtual void resolved(const std::string& reference, std::size_t layers,
                          std::uint64_t total_bytes) {
        (void)reference, (void)layers, (void)total_bytes;
    }
    /// Bytes of layer `layer` taken in (downloaded, unpacked and stored, which is one step).
    virtual void layer_bytes(std::size_t layer, std::uint64_t done, std::uint64_t total) {
        (void)layer, (void)done, (void)total;
    }
    /// `reused`: the layer was in the store already.
    virtual void layer_done(std::size_t layer, bool reused) { (void)layer, (void)reused; }
    virtual void merging(const std::string& reference) { (void)reference; }
    /// Polled several times a second; true ends the operation with ErrorKind::cancelled.
    virtual bool cancelled() { return false; }
};

} // namespace msb::image
