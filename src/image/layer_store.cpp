#include "image/layer_store.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "image/ingest.hpp"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <set>

namespace msb::image {

namespace {

constexpr std::size_t max_workers = 4;
constexpr int progress_interval_ms = 100;

Result<OwnedFd> create_file(const std::string& path) {
    return sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
}

bool is_stored(const Layout& layout, const Digest& diff_id) {
    // The index is renamed last.
    return exists(layout.blob_index(diff_id)) && exists(layout.blob_data(diff_id));
}

/// The layers of one image that are still to be stored, and those being stored.
class LayerQueue {
  public:
    LayerQueue(const Layout& layout, const ImagePlan& plan, bool force, LayerFeed& feed,
               Progress& progress)
        : layout_(layout), plan_(plan), force_(force), feed_(feed), progress_(progress) {
        std::set<Digest> seen;
        for (std::size_t i = 0; i < plan.layers.size(); ++i)
            if (seen.insert(plan.layers[i].diff_id).second)
                waiting_.push_back(i);
        std::ranges::reverse(waiting_); // the next one is at the back
    }

    Status run() {
        for (;;) {
            MSB_TRY(start_some());
            if (waiting_.empty() && running_.empty())
                return {};
            MSB_TRY(wait());
        }
    }

  private:
    Status start_some() {
        std::vector<std::size_t> locked_elsewhere;
        while (!waiting_.empty() && running_.size() < max_workers) {
            const std::size_t i = waiting_.back();
            const PlannedLayer& layer = plan_.layers[i];
            waiting_.pop_back();
            auto lock = MSB_TRY(layout_.try_lock_blob(layer.diff_id));
            if (!lock) {
                locked_elsewhere.push_back(i);
            } else if (!force_ && is_stored(layout_, layer.diff_id)) {
                progress_.layer_done(i, true);
            } else {
                const LayerInput input = MSB_TRY(feed_.open(layer));
                running_[i] = MSB_TRY(LayerWork::start(layout_, layer, std::move(*lock), input));
            }
        }
        waiting_.insert(waiting_.begin(), locked_elsewhere.begin(), locked_elsewhere.end());
        return {};
    }

    Status wait() {
        std::vector<pollfd> fds{{.fd = feed_.fd(), .events = POLLIN, .revents = 0}};
        for (const auto& [i, work] : running_)
            fds.push_back({.fd = work->pidfd(), .events = POLLIN, .revents = 0});
        ::poll(fds.data(), fds.size(), progress_interval_ms);
        if (fds[0].revents != 0)
            MSB_TRY(feed_.check());
        std::size_t at = 1;
        for (auto item = running_.begin(); item != running_.end(); ++at) {
            const auto& [i, work] = *item;
            progress_.layer_bytes(i, work->bytes_done(), plan_.layers[i].size);
            if (fds[at].revents == 0) {
                ++item;
                continue;
            }
            if (Status finished = work->finish(); !finished) {
                MSB_TRY(feed_.check());
                return finished;
            }
            progress_.layer_done(i, false);
            item = running_.erase(item);
        }
        return {};
    }

    const Layout& layout_;
    const ImagePlan& plan_;
    bool force_;
    LayerFeed& feed_;
    Progress& progress_;
    std::vector<std::size_t> waiting_; ///< Layer numbers.
    std::map<std::size_t, std::unique_ptr<LayerWork>> running_;
};

} // namespace

Result<std::unique_ptr<LayerWork>> LayerWork::start(const Layout& layout, const PlannedLayer& layer,
                                                    OwnedFd lock, const LayerInput& input) {
    std::unique_ptr<LayerWork> work(
        new LayerWork(layout, layer, std::move(lock), MSB_TRY(SharedCounter::create())));
    work->data_path_ = layout.temporary_file(layer.diff_id.hex() + ".data");
    work->index_path_ = layout.temporary_file(layer.diff_id.hex() + ".index");
    work->data_ = MSB_TRY(create_file(work->data_path_));
    work->index_ = MSB_TRY(create_file(work->index_path_));
    const auto body = [&]() -> Result<Json> {
        const int fd = input.fd.get();
        FdSource source = input.offset ? FdSource(fd, *input.offset, layer.size) : FdSource(fd);
        const auto result = MSB_TRY(
            ingest_layer(source, work->data_.get(), work->index_.get(), work->counter_.get()));
        return Json{{"blob_digest", result.blob_digest.to_string()},
                    {"diff_id", result.diff_id.to_string()},
                    {"blob_size", result.blob_size}};
    };
    work->task_ =
        MSB_TRY(ConfinedTask::start({input.fd.get(), work->data_.get(), work->index_.get()}, body));
    return work;
}

LayerWork::~LayerWork() {
    // After finish() the files have been renamed and these paths are gone.
    (void)sys::unlink(data_path_);
    (void)sys::unlink(index_path_);
    if (task_)
        (void)task_->kill();
}

Status LayerWork::verify(const Json& answer) const {
    const auto check = [](const std::string& what, const Digest& expected,
                          const std::string& actual) -> Status {
        if (!expected.empty() && expected.to_string() != actual)
            return fail(ErrorKind::corrupt, what + " does not match its digest: expected " +
                                                expected.to_string() + ", got " + actual);
        return {};
    };
    MSB_TRY(check("layer", layer_.blob_digest, json_string(answer, "blob_digest")));
    if (json_unsigned(answer, "blob_size") != layer_.size)
        return fail(ErrorKind::corrupt, "layer " + layer_.blob_digest.to_string() + " has " +
                                            std::to_string(json_unsigned(answer, "blob_size")) +
                                            " bytes instead of " + std::to_string(layer_.size));
    return check("uncompressed layer", layer_.diff_id, json_string(answer, "diff_id"));
}

Status LayerWork::finish() {
    auto answer = task_->finish();
    task_.reset();
    if (!answer)
        return fail(std::move(answer).error().wrap("layer " + layer_.diff_id.to_string()));
    MSB_TRY(verify(*answer));
    MSB_TRY(sys::fsync(data_.get(), data_path_));
    MSB_TRY(sys::fsync(index_.get(), index_path_));
    MSB_TRY(sys::rename(data_path_, layout_.blob_data(layer_.diff_id)));
    MSB_TRY(sys::rename(index_path_, layout_.blob_index(layer_.diff_id)));
    return sync_directory(layout_.blobs());
}

Status store_layers(const Layout& layout, const ImagePlan& plan, bool force, LayerFeed& feed,
                    Progress& progress) {
    return LayerQueue(layout, plan, force, feed, progress).run();
}

} // namespace msb::image
