// Puts planned images into the cache: layers, merged metadata, documents, record. Runs in the
// helper program; whatever parses outside bytes runs in workers that this starts.
#pragma once

#include "image/confined.hpp"
#include "image/document.hpp"
#include "image/layout.hpp"
#include "image/progress.hpp"

#include <map>
#include <optional>

namespace msb::image {

/// One layer being taken in by a worker.
class LayerWork {
  public:
    /// Where the worker reads: a descriptor, from where it stands to its end, or a part of a file.
    struct Input {
        int fd = -1;
        std::optional<std::uint64_t> offset; ///< With the planned size: a part of a file.
    };

    /// The caller holds `lock` (Layout::try_lock_blob) and found the layer missing.
    static Result<std::unique_ptr<LayerWork>> start(const Layout& layout, const PlannedLayer& layer,
                                                    OwnedFd lock, const Input& input);
    ~LayerWork();
    LayerWork(const LayerWork&) = delete;
    LayerWork& operator=(const LayerWork&) = delete;

    int pidfd() const { return task_->pidfd(); }
    std::uint64_t bytes_done() const { return counter_.load(); }
    const PlannedLayer& layer() const { return layer_; }
    /// Waits for the worker, checks the digests and makes the layer durable. After this it is
    /// stored; on failure nothing of it is left.
    Status finish();

  private:
    LayerWork(const Layout& layout, PlannedLayer layer, OwnedFd lock, SharedCounter counter)
        : layout_(layout), layer_(std::move(layer)), lock_(std::move(lock)),
          counter_(std::move(counter)) {}
    Status verify(const Json& answer) const;

    Layout layout_;
    PlannedLayer layer_;
    OwnedFd lock_;
    SharedCounter counter_;
    std::string data_path_;
    std::string index_path_;
    OwnedFd data_;
    OwnedFd index_;
    std::optional<ConfinedTask> task_;
};

bool is_stored(const Layout& layout, const Digest& diff_id);

/// Merges the stored layers of `plan` (unless that was done before) and writes documents and one
/// record per reference.
Status publish(const Layout& layout, const ImagePlan& plan, bool force,
               const std::string& source_stamp, Progress& progress);

/// Takes in all layers of an archive's image and publishes it.
Status import_archive_image(const Layout& layout, int archive, const ImagePlan& plan,
                            const std::string& source_stamp, Progress& progress);

} // namespace msb::image
