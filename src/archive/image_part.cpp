#include "archive/image_part.hpp"

#include "base/system.hpp"
#include "image/confined.hpp"
#include "image/importer.hpp"
#include "image/store.hpp"

#include <fcntl.h>

namespace msb::archive {

namespace {

/// A whole file, which has to have the size that the cache knows.
Result<Payload> open_piece(const std::string& path, std::uint64_t size) {
    Payload payload{.file = MSB_TRY(sys::open(path, O_RDONLY)), .size = size};
    if (size > 0)
        payload.extents.push_back({0, size});
    return payload;
}

/// The documents are foreign, so a confined worker reads them.
Result<image::ImagePlan> plan_of(const ImageItem& image, const std::string& digest) {
    if (image::Digest::of(as_bytes(image.manifest)).to_string() != digest)
        return fail(ErrorKind::corrupt, "the archive's image is not that of its snapshot");
    const auto read = [&]() -> Result<image::Json> {
        const auto manifest = MSB_TRY(image::parse_manifest(
            MSB_TRY(image::parse_json_object(image.manifest, "image manifest"))));
        if (image::Digest::of(as_bytes(image.configuration)) != manifest.config.digest)
            return fail(ErrorKind::corrupt, "the archive's image has another configuration");
        return image::encode(MSB_TRY(image::make_plan(manifest, image.manifest, image.configuration,
                                                      image::Platform::host())));
    };
    auto plan = MSB_TRY(image::decode_plan(MSB_TRY(image::run_confined({}, read))));
    if (plan.layers.size() != image.layers.size())
        return fail(ErrorKind::corrupt, "the archive's image has another number of layers");
    return plan;
}

} // namespace

Status add_image(Contents& contents, const std::string& home) {
    const SnapshotManifest& manifest = contents.inventory.head().manifest;
    const image::Store store(home);
    const auto digest = MSB_TRY(image::Digest::parse(manifest.image_digest));
    const image::Image cached = MSB_TRY(store.get_version(manifest.image, digest));
    const image::Layout layout(home);
    ImageItem item{.reference = manifest.image,
                   .manifest = MSB_TRY(store.document(cached.manifest_digest)),
                   .configuration = MSB_TRY(store.document(cached.config_digest))};
    for (const image::Layer& layer : cached.layers) {
        item.layers.push_back({layer.index_size, layer.data_size});
        contents.layers.push_back(
            {.index = MSB_TRY(open_piece(layout.blob_index(layer.diff_id), layer.index_size)),
             .data = MSB_TRY(open_piece(layout.blob_data(layer.diff_id), layer.data_size))});
    }
    contents.inventory.image = std::move(item);
    return {};
}

Result<std::optional<ImageIntake>> ImageIntake::begin(const std::string& home,
                                                      const Inventory& inventory) {
    if (!inventory.image)
        return std::nullopt;
    const SnapshotManifest& manifest = inventory.head().manifest;
    const auto digest = MSB_TRY(image::Digest::parse(manifest.image_digest));
    if (image::Store(home).get_version(manifest.image, digest))
        return std::nullopt;
    const image::Layout layout(home);
    ImageIntake intake(layout, MSB_TRY(plan_of(*inventory.image, manifest.image_digest)),
                       manifest.image);
    const auto make = [&](File& file) -> Status {
        file.path = layout.temporary_file("layer");
        file.fd = MSB_TRY(sys::open(file.path, O_RDWR | O_CREAT | O_EXCL, 0600));
        return {};
    };
    for (std::size_t i = 0; i < inventory.image->layers.size(); ++i) {
        Files& files = intake.files_.emplace_back();
        MSB_TRY(make(files.index));
        MSB_TRY(make(files.data));
    }
    return intake;
}

ImageIntake::~ImageIntake() {
    for (const Files& files : files_)
        for (const File* file : {&files.index, &files.data})
            if (!file->path.empty())
                (void)sys::unlink(file->path); // gone if it was published
}

std::vector<Outputs::Layer> ImageIntake::outputs() const {
    std::vector<Outputs::Layer> all;
    all.reserve(files_.size());
    for (const Files& files : files_)
        all.push_back({files.index.fd.get(), files.data.fd.get()});
    return all;
}

Status ImageIntake::publish(const std::vector<LayerChecksums>& checksums) {
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const auto id = image::Digest::of(
            as_bytes("layer of an archive\n" + checksums[i].index + "\n" + checksums[i].data));
        plan_.layers[i].diff_id = id;
        const Files& files = files_[i];
        for (const auto& [file, path] : {std::pair(&files.index, layout_.blob_index(id)),
                                         std::pair(&files.data, layout_.blob_data(id))}) {
            MSB_TRY(sys::fsync(file->fd.get(), path));
            MSB_TRY(sys::rename(file->path, path));
        }
    }
    MSB_TRY(image::sync_directory(layout_.blobs()));
    image::Progress nobody;
    return image::publish_version(layout_, plan_, reference_, {}, nobody);
}

} // namespace msb::archive
