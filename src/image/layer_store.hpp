// Takes the layers of an image into the cache, several at once, each read by a confined worker of
// its own. Runs in the helper program.
#pragma once

#include "image/budget.hpp"
#include "image/confined.hpp"
#include "image/document.hpp"
#include "image/layout.hpp"
#include "image/progress.hpp"

#include <optional>

namespace msb::image {

/// A worker's input: a descriptor from its position to its end, or a part of a file.
struct LayerInput {
    OwnedFd fd;
    std::optional<std::uint64_t> offset; ///< With the planned size: a part of a file.
};

/// Where the bytes of layers come from.
class LayerFeed {
  public:
    virtual ~LayerFeed() = default;
    virtual Result<LayerInput> open(const PlannedLayer& layer) = 0;
    /// Readable when check() has an error; -1 if it never has.
    virtual int fd() const { return -1; }
    /// Whether the feed has failed, and why. A layer that is too short is then only a consequence.
    virtual Status check() { return {}; }
};

/// One layer being taken in by the three workers of ingest.hpp.
class LayerWork {
  public:
    /// The caller holds `lock` (Layout::try_lock_blob) and found the layer missing.
    static Result<std::unique_ptr<LayerWork>> start(const Layout& layout, const PlannedLayer& layer,
                                                    OwnedFd lock, const LayerInput& input);
    ~LayerWork();
    LayerWork(const LayerWork&) = delete;
    LayerWork& operator=(const LayerWork&) = delete;

    /// Of the last step.
    int pidfd() const { return reader_->pidfd(); }
    std::uint64_t bytes_done() const { return counter_.load(); }
    /// So far, holes included.
    Result<std::uint64_t> bytes_stored() const;
    const PlannedLayer& layer() const { return layer_; }
    /// Waits for the workers, checks the digests and makes the layer durable. After this it is
    /// stored; on failure nothing of it is left.
    Status finish();

  private:
    LayerWork(const Layout& layout, PlannedLayer layer, OwnedFd lock, SharedCounter counter)
        : layout_(layout), layer_(std::move(layer)), lock_(std::move(lock)),
          counter_(std::move(counter)) {}
    Status start_workers(const LayerInput& input);
    bool has_two_digests() const;
    struct Answers {
        Json unpacked;
        Json digested;
    };
    Result<Answers> finish_workers();
    Status verify(const Answers& answers) const;

    Layout layout_;
    PlannedLayer layer_;
    OwnedFd lock_;
    SharedCounter counter_;
    std::string data_path_;
    std::string index_path_;
    OwnedFd data_;
    OwnedFd index_;
    std::optional<ConfinedTask> unpacker_;
    std::optional<ConfinedTask> digester_;
    std::optional<ConfinedTask> reader_;
};

/// Takes in every layer of `plan` that is not stored yet; all of them with `force`. All layers
/// together, stored ones too, are to stay within the budget.
Status store_layers(const Layout& layout, const ImagePlan& plan, bool force, const Budget& budget,
                    LayerFeed& feed, Progress& progress);

} // namespace msb::image
