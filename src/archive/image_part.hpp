// The image within a snapshot archive.
//
// What an archive has of an image cannot be compared with the digests that a registry would give it,
// because the cache keeps layers unpacked. So it never becomes what `msb run IMAGE` finds: its layers
// are stored under a hash of what came, and its record is that of a version which only those find
// who name its manifest, as snapshots do.
#pragma once

#include "archive/reader.hpp"
#include "archive/writer.hpp"
#include "image/document.hpp"
#include "image/layout.hpp"

namespace msb::archive {

/// Adds the cached image of the last snapshot to what is to be archived.
Status add_image(Contents& contents, const std::string& home);

/// Takes an image into the cache, in steps. Temporary files go away with it.
class ImageIntake {
  public:
    /// Nothing if the cache has it.
    static Result<std::optional<ImageIntake>> begin(const std::string& home,
                                                    const Inventory& inventory);
    ImageIntake(ImageIntake&&) = default;
    ImageIntake& operator=(ImageIntake&&) = delete;
    ~ImageIntake();

    std::vector<Outputs::Layer> outputs() const;
    /// The files are filled.
    Status publish(const std::vector<LayerChecksums>& checksums);

  private:
    struct File {
        std::string path;
        OwnedFd fd;
    };
    struct Files {
        File index;
        File data;
    };
    ImageIntake(image::Layout layout, image::ImagePlan plan, std::string reference)
        : layout_(std::move(layout)), plan_(std::move(plan)), reference_(std::move(reference)) {}

    image::Layout layout_;
    image::ImagePlan plan_;
    std::string reference_;
    std::vector<Files> files_;
};

} // namespace msb::archive
