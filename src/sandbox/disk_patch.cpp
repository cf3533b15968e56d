#include "sandbox/disk_patch.hpp"

#include "base/file.hpp"
#include "base/installation.hpp"
#include "base/system.hpp"
#include "image/helper.hpp"
#include "image/image_disk.hpp"
#include "json/yaml.hpp"
#include "spec/paths.hpp"

namespace msb {

namespace {

class Copying : public image::Progress {
  public:
    explicit Copying(const disk::Watch& watch) : watch_(watch) {}
    void layer_bytes(std::size_t, std::uint64_t done, std::uint64_t) override { done_ = done; }
    bool cancelled() override { return watch_ && watch_(done_, 0); }

  private:
    const disk::Watch& watch_;
    std::uint64_t done_ = 0;
};

/// Part of the file's name: raise it when flatten.cpp changes what it writes.
constexpr int flat_version = 1;

Result<json::Value> read_document(const std::string& path) {
    const std::string text =
        MSB_TRY_WRAP(read_file(path, json::max_yaml_bytes), "cannot read '" + path + "'");
    return MSB_TRY_WRAP(json::parse_yaml(text), path);
}

/// Files that are named in files are lists: nothing leads in a circle.
Result<std::vector<Patch>> read_list(const json::Value& document, const std::string& path) {
    return MSB_TRY_WRAP(read_patches(document, parent_of(path)), path);
}

} // namespace

std::string flat_directory(const std::string& home) {
    return home + "/cache/flat";
}

Result<std::string> flat_image(const std::string& home, const image::Image& image,
                               const disk::Watch& watch) {
    const std::string directory = flat_directory(home);
    std::string path = directory + "/v" + std::to_string(flat_version) + "-" +
                       image.manifest_digest.hex() + ".raw";
    if (exists(path))
        return path;
    MSB_TRY(make_directories(directory, 0700));
    // Two at once both make it; the second rename replaces an equal file.
    const std::string temporary = temporary_name(path);
    MSB_TRY(sys::unlink(temporary));
    Copying progress(watch);
    const image::Json request{{"operation", "flatten"},
                              {"disk", temporary},
                              {"image", image::pieces_document(image.disk)}};
    auto made = image::run_helper(MSB_TRY(libexec_program("patch")), request, -1, progress);
    Status named = made ? sys::rename(temporary, path) : Status(fail(made.error()));
    if (!named) {
        (void)sys::unlink(temporary);
        return fail(std::move(named).error().wrap("cannot make a flat disk of image '" +
                                                  image.reference + "'"));
    }
    return path;
}

Status patch_disk(const std::string& disk, const image::Image& image,
                  const std::vector<Patch>& patches, bool flat, bool durable,
                  const disk::Watch& watch) {
    const image::Json request{{"operation", "patch"},
                              {"disk", disk},
                              {"image", flat ? json::array() : image::pieces_document(image.disk)},
                              {"patches", to_document(patches)},
                              {"durable", durable}};
    Copying progress(watch);
    MSB_TRY(image::run_helper(MSB_TRY(libexec_program("patch")), request, -1, progress));
    return {};
}

Result<std::vector<Patch>> read_patch_file(const std::string& given) {
    const std::string path = MSB_TRY(absolute_path(given));
    const json::Value document = MSB_TRY(read_document(path));
    if (!document.is_object())
        return read_list(document, path);
    std::vector<Patch> patches;
    for (const auto& [key, value] : document.members())
        if (key != "patches" && key != "patch_files")
            return fail(Error(ErrorKind::invalid_argument, path + ": '" + key + "' is unknown")
                            .with_hint("there are: patches, patch_files"));
    if (const json::Value* files = document.find("patch_files"))
        for (const json::Value& file : files->elements()) {
            const std::string name = file.text() != nullptr ? *file.text() : "";
            const std::string other = MSB_TRY(absolute_path(name, parent_of(path)));
            for (Patch& patch : MSB_TRY(read_list(MSB_TRY(read_document(other)), other)))
                patches.push_back(std::move(patch));
        }
    if (const json::Value* list = document.find("patches"))
        for (Patch& patch : MSB_TRY(read_list(*list, path)))
            patches.push_back(std::move(patch));
    return patches;
}

} // namespace msb
