#include "image/importer.hpp"

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "image/erofs.hpp"
#include "image/ingest.hpp"
#include "image/record.hpp"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <poll.h>
#include <set>
#include <thread>
#include <unistd.h>

namespace msb::image {

namespace {

constexpr int progress_interval_ms = 100;

std::string temporary_path(const Layout& layout, const std::string& name) {
    static std::atomic<unsigned> counter{0};
    return layout.temporary() + "/" + name + "." + std::to_string(::getpid()) + "-" +
           std::to_string(counter++);
}

Result<OwnedFd> create_file(const std::string& path) {
    return sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
}

std::string meta_key(const ImagePlan& plan) {
    std::string text = "erofs " + std::to_string(erofs_writer_version) + "\n";
    for (const PlannedLayer& layer : plan.layers)
        text += layer.diff_id.hex() + "\n";
    return sha256_hex(text);
}

Result<Bytes> read_whole(int fd) {
    Bytes bytes(static_cast<std::size_t>(MSB_TRY(sys::fstat(fd)).st_size));
    MSB_TRY(sys::pread_all(fd, bytes, 0));
    return bytes;
}

// In a worker: indexes in, metadata blob out.
Result<Json> merge_layers(const std::vector<OwnedFd>& indexes, int output, std::string_view key) {
    std::vector<Bytes> files;
    std::vector<IndexView> views;
    for (const OwnedFd& fd : indexes)
        files.push_back(MSB_TRY(read_whole(fd.get())));
    for (const Bytes& file : files)
        views.push_back(MSB_TRY(IndexView::parse(file)));
    MergedTree tree;
    for (const IndexView& view : views)
        MSB_TRY(tree.apply(view));
    std::array<std::uint8_t, 16> uuid;
    const auto hash = sha256(as_bytes(key));
    std::copy_n(hash.begin(), uuid.size(), uuid.begin());
    const Bytes blob = MSB_TRY(write_erofs(tree, uuid));
    MSB_TRY(sys::pwrite_all(output, blob, 0));
    return Json{{"size", blob.size()}};
}

Status write_meta(const Layout& layout, const ImagePlan& plan, const std::string& key) {
    std::vector<OwnedFd> indexes;
    std::vector<int> fds;
    for (const PlannedLayer& layer : plan.layers) {
        indexes.push_back(MSB_TRY(sys::open(layout.blob_index(layer.diff_id), O_RDONLY)));
        fds.push_back(indexes.back().get());
    }
    const std::string path = temporary_path(layout, key + ".erofs");
    const OwnedFd output = MSB_TRY(create_file(path));
    fds.push_back(output.get());
    Status done = [&]() -> Status {
        MSB_TRY_WRAP(run_confined(fds, [&] { return merge_layers(indexes, output.get(), key); }),
                     "cannot merge the layers");
        MSB_TRY(sys::fsync(output.get(), path));
        MSB_TRY(sys::rename(path, layout.meta(key)));
        return sync_directory(layout.metas());
    }();
    if (!done)
        (void)sys::unlink(path);
    return done;
}

Status write_document(const Layout& layout, std::string_view text) {
    const std::string path = layout.document(Digest::of(as_bytes(text)));
    return exists(path) ? Status() : write_file_atomic(path, text, 0600);
}

Result<std::uint64_t> size_of(const std::string& path) {
    return static_cast<std::uint64_t>(MSB_TRY(sys::stat(path)).st_size);
}

Result<Record> make_record(const Layout& layout, const ImagePlan& plan, const std::string& key) {
    Record record{.image = {.manifest_digest = Digest::of(as_bytes(plan.manifest)),
                            .config_digest = Digest::of(as_bytes(plan.configuration_text)),
                            .os = "linux",
                            .architecture = plan.configuration.platform.architecture,
                            .variant = plan.configuration.platform.variant,
                            .created = plan.configuration.created,
                            .stored_ns = unix_time_ns(),
                            .config = plan.configuration.config},
                  .meta_key = key,
                  .meta_size = MSB_TRY(size_of(layout.meta(key)))};
    for (const PlannedLayer& layer : plan.layers) {
        record.image.size_bytes += layer.size;
        record.image.layers.push_back(
            {.diff_id = layer.diff_id,
             .blob_digest = layer.blob_digest.empty() ? layer.diff_id : layer.blob_digest,
             .media_type = layer.media_type,
             .compressed_size = layer.size,
             .data_size = MSB_TRY(size_of(layout.blob_data(layer.diff_id))),
             .index_size = MSB_TRY(size_of(layout.blob_index(layer.diff_id)))});
    }
    return record;
}

// A reference that moves to another image leaves the old one to sandboxes that use it; a later
// collection finds out whether any does.
Status replace_record(const Layout& layout, const Record& record) {
    const std::string path = layout.record(record.image.reference);
    if (const auto old = read_record(path);
        old && old->image.manifest_digest != record.image.manifest_digest)
        MSB_TRY(sys::rename(path, layout.pinned_record(old->image.manifest_digest)));
    return write_record(path, record);
}

std::size_t worker_limit() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 4);
}

} // namespace

bool is_stored(const Layout& layout, const Digest& diff_id) {
    // The index is renamed last.
    return exists(layout.blob_index(diff_id)) && exists(layout.blob_data(diff_id));
}

Result<std::unique_ptr<LayerWork>> LayerWork::start(const Layout& layout, const PlannedLayer& layer,
                                                    OwnedFd lock, const Input& input) {
    std::unique_ptr<LayerWork> work(
        new LayerWork(layout, layer, std::move(lock), MSB_TRY(SharedCounter::create())));
    work->data_path_ = temporary_path(layout, layer.diff_id.hex() + ".data");
    work->index_path_ = temporary_path(layout, layer.diff_id.hex() + ".index");
    work->data_ = MSB_TRY(create_file(work->data_path_));
    work->index_ = MSB_TRY(create_file(work->index_path_));
    const auto body = [&]() -> Result<Json> {
        FdSource source =
            input.offset ? FdSource(input.fd, *input.offset, layer.size) : FdSource(input.fd);
        const auto result = MSB_TRY(
            ingest_layer(source, work->data_.get(), work->index_.get(), work->counter_.get()));
        return Json{{"blob_digest", result.blob_digest.to_string()},
                    {"diff_id", result.diff_id.to_string()},
                    {"blob_size", result.blob_size}};
    };
    work->task_ =
        MSB_TRY(ConfinedTask::start({input.fd, work->data_.get(), work->index_.get()}, body));
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

Status publish(const Layout& layout, const ImagePlan& plan, bool force,
               const std::string& source_stamp, Progress& progress) {
    const std::string key = meta_key(plan);
    {
        const OwnedFd lock = MSB_TRY(layout.lock_meta(key));
        if (force || !exists(layout.meta(key))) {
            progress.merging(plan.references.empty() ? std::string() : plan.references.front());
            MSB_TRY(write_meta(layout, plan, key));
        }
    }
    MSB_TRY(write_document(layout, plan.manifest));
    MSB_TRY(write_document(layout, plan.configuration_text));
    MSB_TRY(sync_directory(layout.documents()));
    Record record = MSB_TRY(make_record(layout, plan, key));
    record.source_stamp = source_stamp;
    for (const std::string& reference : plan.references) {
        const OwnedFd lock = MSB_TRY(layout.lock_reference(reference));
        record.image.reference = reference;
        MSB_TRY(replace_record(layout, record));
    }
    return sync_directory(layout.images());
}

Status import_archive_image(const Layout& layout, int archive, const ImagePlan& plan,
                            const std::string& source_stamp, Progress& progress) {
    std::vector<std::size_t> waiting; // layer numbers, next one last
    std::set<Digest> seen;
    for (std::size_t i = 0; i < plan.layers.size(); ++i)
        if (seen.insert(plan.layers[i].diff_id).second)
            waiting.push_back(i);
    std::ranges::reverse(waiting);
    std::map<std::size_t, std::unique_ptr<LayerWork>> running;
    while (!waiting.empty() || !running.empty()) {
        std::vector<std::size_t> locked_elsewhere;
        while (!waiting.empty() && running.size() < worker_limit()) {
            const std::size_t i = waiting.back();
            const PlannedLayer& layer = plan.layers[i];
            waiting.pop_back();
            auto lock = MSB_TRY(layout.try_lock_blob(layer.diff_id));
            if (!lock) {
                locked_elsewhere.push_back(i);
            } else if (is_stored(layout, layer.diff_id)) {
                progress.layer_done(i, true);
            } else {
                running[i] = MSB_TRY(LayerWork::start(layout, layer, std::move(*lock),
                                                      {.fd = archive, .offset = layer.offset}));
            }
        }
        waiting.insert(waiting.begin(), locked_elsewhere.begin(), locked_elsewhere.end());
        std::vector<pollfd> fds;
        for (const auto& [i, work] : running)
            fds.push_back({.fd = work->pidfd(), .events = POLLIN, .revents = 0});
        if (fds.empty() && waiting.empty())
            break;
        ::poll(fds.data(), fds.size(), progress_interval_ms);
        std::size_t at = 0;
        for (auto item = running.begin(); item != running.end(); ++at) {
            const auto& [i, work] = *item;
            progress.layer_bytes(i, work->bytes_done(), plan.layers[i].size);
            if (!(fds[at].revents & POLLIN)) {
                ++item;
                continue;
            }
            MSB_TRY(work->finish());
            progress.layer_done(i, false);
            item = running.erase(item);
        }
    }
    return publish(layout, plan, false, source_stamp, progress);
}

} // namespace msb::image
