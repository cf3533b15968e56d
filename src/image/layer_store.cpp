#include "image/layer_store.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "image/ingest.hpp"

#include <algorithm>
#include <fcntl.h>
#include <map>
#include <poll.h>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_workers = 4;
constexpr int progress_interval_ms = 100;
constexpr int pipe_bytes = 1 << 20;
/// Time for a worker to notice that the step before or after it has ended.
constexpr auto moment = 500ms;

Result<std::uint64_t> size_of(const OwnedFd& file) {
    return static_cast<std::uint64_t>(MSB_TRY(sys::fstat(file.get())).st_size);
}

Result<OwnedFd> create_file(const std::string& path) {
    return sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
}

bool is_stored(const Layout& layout, const Digest& diff_id) {
    // The index is renamed last.
    return exists(layout.blob_index(diff_id)) && exists(layout.blob_data(diff_id));
}

/// What a stored layer takes, holes included.
Result<std::uint64_t> stored_size(const Layout& layout, const Digest& diff_id) {
    std::uint64_t total = 0;
    for (const std::string& path : {layout.blob_data(diff_id), layout.blob_index(diff_id)})
        total += static_cast<std::uint64_t>(MSB_TRY(sys::stat(path)).st_size);
    return total;
}

Result<std::pair<OwnedFd, OwnedFd>> wide_pipe() {
    auto pipe = MSB_TRY(sys::pipe());
    (void)::fcntl(pipe[1].get(), F_SETPIPE_SZ, pipe_bytes); // a hint
    return std::pair(std::move(pipe[0]), std::move(pipe[1]));
}

/// The layers of one image that are still to be stored, and those being stored.
class LayerQueue {
  public:
    LayerQueue(const Layout& layout, const ImagePlan& plan, bool force, const Budget& budget,
               LayerFeed& feed, Progress& progress)
        : layout_(layout), plan_(plan), force_(force), budget_(budget), feed_(feed),
          progress_(progress) {
        for (std::size_t i = 0; i < plan.layers.size(); ++i)
            if (++uses_[plan.layers[i].diff_id] == 1)
                waiting_.push_back(i);
        std::ranges::reverse(waiting_); // the next one is at the back
    }

    Status run() {
        for (;;) {
            MSB_TRY(start_some());
            MSB_TRY(check_budget());
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
                MSB_TRY(count(layer));
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
            MSB_TRY(count(plan_.layers[i]));
            progress_.layer_done(i, false);
            item = running_.erase(item);
        }
        return {};
    }

    Status count(const PlannedLayer& layer) {
        stored_bytes_ += uses_[layer.diff_id] * MSB_TRY(stored_size(layout_, layer.diff_id));
        return {};
    }

    /// A layer that the image names twice is twice on its disk.
    Status check_budget() {
        std::uint64_t total = stored_bytes_;
        for (const auto& [i, work] : running_)
            total += uses_[plan_.layers[i].diff_id] * MSB_TRY(work->bytes_stored());
        MSB_TRY(budget_.check_size(total));
        return running_.empty() ? Status() : budget_.check_space();
    }

    const Layout& layout_;
    const ImagePlan& plan_;
    bool force_;
    const Budget& budget_;
    LayerFeed& feed_;
    Progress& progress_;
    std::map<Digest, std::uint64_t> uses_; ///< How often the image names a layer.
    std::uint64_t stored_bytes_ = 0;       ///< Of the layers that are done.
    std::vector<std::size_t> waiting_;     ///< Layer numbers.
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
    MSB_TRY(work->start_workers(input));
    return work;
}

Result<std::uint64_t> LayerWork::bytes_stored() const {
    return MSB_TRY(size_of(data_)) + MSB_TRY(size_of(index_));
}

/// A layer that is transported as it is has one digest, which need not be computed twice.
bool LayerWork::has_two_digests() const {
    return !layer_.blob_digest.empty() && layer_.blob_digest != layer_.diff_id;
}

Status LayerWork::start_workers(const LayerInput& input) {
    const auto [plain_out, plain_in] = MSB_TRY(wide_pipe());
    const auto [hashed_out, hashed_in] = MSB_TRY(wide_pipe());
    unpacker_ =
        MSB_TRY(ConfinedTask::start({input.fd.get(), plain_in.get()}, [&]() -> Result<Json> {
            const int fd = input.fd.get();
            FdSource source =
                input.offset ? FdSource(fd, *input.offset, layer_.size) : FdSource(fd);
            const auto unpacked =
                MSB_TRY(unpack_layer(source, plain_in.get(), has_two_digests(), counter_.get()));
            return Json{{"digest", unpacked.digest.to_string()}, {"size", unpacked.size}};
        }));
    digester_ =
        MSB_TRY(ConfinedTask::start({plain_out.get(), hashed_in.get()}, [&]() -> Result<Json> {
            const Digest digest = MSB_TRY(digest_stream(plain_out.get(), hashed_in.get()));
            return Json{{"digest", digest.to_string()}};
        }));
    reader_ = MSB_TRY(
        ConfinedTask::start({hashed_out.get(), data_.get(), index_.get()}, [&]() -> Result<Json> {
            FdSource source(hashed_out.get());
            MSB_TRY(ingest_layer(source, data_.get(), index_.get()));
            return json::object();
        }));
    return {};
}

LayerWork::~LayerWork() {
    // After finish() the files have been renamed and these paths are gone.
    (void)sys::unlink(data_path_);
    (void)sys::unlink(index_path_);
    for (auto* task : {&unpacker_, &digester_, &reader_})
        if (*task)
            (void)(*task)->kill();
}

Status LayerWork::verify(const Answers& answers) const {
    const auto check = [](const std::string& what, const Digest& expected,
                          const std::string& actual) -> Status {
        if (!expected.empty() && expected.to_string() != actual)
            return fail(ErrorKind::corrupt, what + " does not match its digest: expected " +
                                                expected.to_string() + ", got " + actual);
        return {};
    };
    if (has_two_digests())
        MSB_TRY(check("layer", layer_.blob_digest, json_string(answers.unpacked, "digest")));
    if (const auto size = json_unsigned(answers.unpacked, "size"); size != layer_.size)
        return fail(ErrorKind::corrupt, "layer " + layer_.blob_digest.to_string() + " has " +
                                            std::to_string(size) + " bytes instead of " +
                                            std::to_string(layer_.size));
    return check(has_two_digests() ? "uncompressed layer" : "layer", layer_.diff_id,
                 json_string(answers.digested, "digest"));
}

/// When the last step has ended, the others are about to end.
Result<LayerWork::Answers> LayerWork::finish_workers() {
    const auto read = reader_->finish();
    if (!read) {
        // An error in an earlier step looked like an early end of the stream to the reader; report
        // the earlier one.
        if (unpacker_->stop(moment))
            MSB_TRY(unpacker_->finish());
        return fail(read.error());
    }
    unpacker_->stop();
    digester_->stop();
    return Answers{MSB_TRY(unpacker_->finish()), MSB_TRY(digester_->finish())};
}

Status LayerWork::finish() {
    MSB_TRY(verify(MSB_TRY_WRAP(finish_workers(), "layer " + layer_.diff_id.to_string())));
    MSB_TRY(sys::fsync(data_.get(), data_path_));
    MSB_TRY(sys::fsync(index_.get(), index_path_));
    MSB_TRY(sys::rename(data_path_, layout_.blob_data(layer_.diff_id)));
    MSB_TRY(sys::rename(index_path_, layout_.blob_index(layer_.diff_id)));
    return sync_directory(layout_.blobs());
}

Status store_layers(const Layout& layout, const ImagePlan& plan, bool force, const Budget& budget,
                    LayerFeed& feed, Progress& progress) {
    return LayerQueue(layout, plan, force, budget, feed, progress).run();
}

} // namespace msb::image
