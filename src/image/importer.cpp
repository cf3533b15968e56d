#include "image/importer.hpp"

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "image/confined.hpp"
#include "image/erofs.hpp"
#include "image/layer_tree.hpp"
#include "image/merge.hpp"
#include "image/record.hpp"

#include <algorithm>
#include <fcntl.h>

namespace msb::image {

namespace {

std::string key_of(const ImagePlan& plan, const std::vector<Digest>& layers) {
    std::string text = "erofs " + std::to_string(erofs_writer_version) + "\n";
    for (const Digest& layer : layers)
        text += layer.hex() + "\n";
    for (const std::string& path : plan.configuration.volumes)
        text += "volume " + std::to_string(path.size()) + " " + path + "\n";
    return sha256_hex(text);
}

/// Names the metadata of the layers as they are stored.
std::string meta_key(const ImagePlan& plan) {
    std::vector<Digest> layers;
    layers.reserve(plan.layers.size());
    for (const PlannedLayer& layer : plan.layers)
        layers.push_back(layer.diff_id);
    return key_of(plan, layers);
}

/// The same for every copy of an image, wherever its layers came from: a disk that was written above
/// one copy has to know another again.
std::array<std::uint8_t, 16> uuid_of(const ImagePlan& plan) {
    std::array<std::uint8_t, 16> uuid;
    const auto hash = sha256(as_bytes(key_of(plan, plan.configuration.diff_ids)));
    std::copy_n(hash.begin(), uuid.size(), uuid.begin());
    return uuid;
}

Result<Bytes> read_whole(int fd) {
    Bytes bytes(static_cast<std::size_t>(MSB_TRY(sys::fstat(fd)).st_size));
    MSB_TRY(sys::pread_all(fd, bytes, 0));
    return bytes;
}

/// Makes the image's VOLUMEs directories in it, as container tools do. A volume that is not a path
/// is left out.
Status make_volumes(MergedTree& tree, const std::vector<std::string>& volumes) {
    for (const std::string& volume : volumes)
        if (const auto path = split_path(volume))
            MSB_TRY(tree.make_directories(*path));
    return {};
}

// Runs in a worker: reads indexes, writes the metadata blob.
Result<Json> merge_layers(const std::vector<OwnedFd>& indexes, const ImagePlan& plan, int output) {
    std::vector<Bytes> files;
    std::vector<IndexView> views;
    files.reserve(indexes.size());
    views.reserve(indexes.size());
    for (const OwnedFd& fd : indexes)
        files.push_back(MSB_TRY(read_whole(fd.get())));
    for (const Bytes& file : files)
        views.push_back(MSB_TRY(IndexView::parse(file)));
    MergedTree tree;
    for (const IndexView& view : views)
        MSB_TRY(tree.apply(view));
    MSB_TRY(make_volumes(tree, plan.configuration.volumes));
    const Bytes blob = MSB_TRY(write_erofs(tree, uuid_of(plan)));
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
    const std::string path = layout.temporary_file(key + ".erofs");
    const OwnedFd output = MSB_TRY(sys::open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    fds.push_back(output.get());
    Status done = [&]() -> Status {
        MSB_TRY_WRAP(run_confined(fds, [&] { return merge_layers(indexes, plan, output.get()); }),
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

/// Everything but the record, which is returned.
Result<Record> complete(const Layout& layout, const ImagePlan& plan, bool force,
                        Progress& progress) {
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
    record.index = plan.index;
    return record;
}

} // namespace

Status publish(const Layout& layout, const ImagePlan& plan, bool force,
               const std::string& source_stamp, Progress& progress) {
    Record record = MSB_TRY(complete(layout, plan, force, progress));
    record.source_stamp = source_stamp;
    for (const std::string& reference : plan.references) {
        const OwnedFd lock = MSB_TRY(layout.lock_reference(reference));
        record.image.reference = reference;
        MSB_TRY(replace_record(layout, record));
    }
    return sync_directory(layout.images());
}

Status publish_version(const Layout& layout, const ImagePlan& plan, const std::string& reference,
                       const std::string& source_stamp, Progress& progress) {
    Record record = MSB_TRY(complete(layout, plan, false, progress));
    record.source_stamp = source_stamp;
    record.image.reference = reference;
    MSB_TRY(write_record(layout.pinned_record(record.image.manifest_digest), record));
    return sync_directory(layout.images());
}

} // namespace msb::image
