// The program `archive`: writes and reads snapshot archives, so that `msb` itself links no
// compression and reads nothing that is foreign. It speaks as image/helper.hpp says, with the archive
// as descriptor 4. Requests:
//
//   export     {snapshots: [{name, descriptor, directory, base, base_disk}], with_image, home, plain}
//   inventory  {}: answers {inventory}
//   unpack     {inventory, files: [path], home}: the files exist, empty or with what is to be changed
#include "archive/disk_data.hpp"
#include "archive/image_part.hpp"
#include "archive/reader.hpp"
#include "archive/writer.hpp"
#include "base/system.hpp"
#include "disk/merkle.hpp"
#include "image/confined.hpp"
#include "image/helper.hpp"
#include "image/stream.hpp"

#include <fcntl.h>
#include <thread>

namespace msb::archive {

namespace {

using image::helper_input;
using image::Json;

constexpr std::uint64_t report_step = std::uint64_t{16} << 20;

/// What is in a file; with a base, what is not like that there.
Result<Payload> payload_of(OwnedFd file, std::uint64_t size, int base) {
    Payload payload{.file = std::move(file), .size = size};
    payload.extents = MSB_TRY(differences(payload.file.get(), base, size));
    return payload;
}

/// Its files, and the base that its disk is compared with if only changes of that are to be carried.
Status add_snapshot(Contents& contents, const Json& request) {
    SnapshotItem item{.name = image::json_string(request, "name"),
                      .manifest = MSB_TRY(
                          SnapshotManifest::from_json(image::json_string(request, "descriptor")))};
    const std::string directory = image::json_string(request, "directory") + "/";
    OwnedFd disk = MSB_TRY(sys::open(directory + item.manifest.upper_file, O_RDONLY | O_NOFOLLOW));
    OwnedFd base;
    if (const std::string digest = image::json_string(request, "base"); !digest.empty()) {
        base = MSB_TRY(sys::open(image::json_string(request, "base_disk"), O_RDONLY | O_NOFOLLOW));
        const auto hash = MSB_TRY(disk::merkle_root(disk.get(), item.manifest.upper_size,
                                                    std::thread::hardware_concurrency()));
        item.changes = {digest, to_hex(hash)};
    }
    contents.files.push_back(
        MSB_TRY(payload_of(std::move(disk), item.manifest.upper_size, base ? base.get() : -1)));
    item.data_bytes = sum_of(contents.files.back().extents);
    for (const auto& [mount, kept] : item.manifest.storage()) {
        OwnedFd file = MSB_TRY(sys::open(directory + kept.file, O_RDONLY | O_NOFOLLOW));
        contents.files.push_back(MSB_TRY(payload_of(std::move(file), kept.size, -1)));
        item.storage_bytes.push_back(sum_of(contents.files.back().extents));
    }
    contents.inventory.snapshots.push_back(std::move(item));
    return {};
}

Result<Json> write(const Json& request, image::Progress& progress) {
    Contents contents;
    for (const Json& snapshot : image::json_member(request, "snapshots").elements())
        MSB_TRY(add_snapshot(contents, snapshot));
    if (image::json_bool(request, "with_image"))
        MSB_TRY(add_image(contents, image::json_string(request, "home")));
    const std::uint64_t total = contents.inventory.total_bytes();
    const Advance advance = [&, reported = std::uint64_t{0}](std::uint64_t done) mutable -> Status {
        if (done - reported >= report_step)
            progress.layer_bytes(0, reported = done, total);
        return {};
    };
    FdSink output(helper_input);
    if (image::json_bool(request, "plain")) {
        MSB_TRY(write_archive(contents, output, advance));
    } else {
        const auto compressed = MSB_TRY(ZstdSink::create(output));
        MSB_TRY(write_archive(contents, *compressed, advance));
        MSB_TRY(compressed->finish());
    }
    progress.layer_bytes(0, total, total);
    return json::object();
}

/// The archive from its beginning: it is read twice.
Result<FdSource> archive_source() {
    const struct stat info = MSB_TRY(sys::fstat(helper_input));
    return FdSource(helper_input, 0, static_cast<std::uint64_t>(info.st_size));
}

Result<Json> read_inventory_confined() {
    return image::run_confined({helper_input}, []() -> Result<Json> {
        auto source = MSB_TRY(archive_source());
        return Json{{"inventory", MSB_TRY(read_inventory(source)).to_json()}};
    });
}

struct Target {
    Inventory inventory;
    std::vector<OwnedFd> files;
    std::optional<ImageIntake> image;

    Outputs outputs() const {
        Outputs all;
        for (const SnapshotItem& item : inventory.snapshots)
            for (std::size_t i = 0; i < item.payloads().size(); ++i)
                all.files.push_back(
                    {files[all.files.size()].get(), i == 0 && item.changes.has_value()});
        if (image)
            all.layers = image->outputs();
        else if (inventory.image)
            all.layers.resize(inventory.image->layers.size());
        return all;
    }
};

/// What the worker needs open.
std::vector<int> descriptors(const Outputs& outputs) {
    std::vector<int> fds = {helper_input};
    for (const Output& file : outputs.files)
        if (file.file >= 0)
            fds.push_back(file.file);
    for (const Outputs::Layer& layer : outputs.layers)
        for (const int fd : {layer.index, layer.data})
            if (fd >= 0)
                fds.push_back(fd);
    return fds;
}

Result<std::vector<LayerChecksums>> unpack_confined(const Target& target,
                                                    image::Progress& progress) {
    const Outputs outputs = target.outputs();
    const auto counter = MSB_TRY(image::SharedCounter::create());
    const std::uint64_t total = target.inventory.total_bytes();
    const auto work = [&]() -> Result<Json> {
        auto source = MSB_TRY(archive_source());
        Json layers = json::array();
        for (const LayerChecksums& layer :
             MSB_TRY(unpack(source, target.inventory, outputs, counter.get())))
            layers.push_back({{"index", layer.index}, {"data", layer.data}});
        return layers;
    };
    const auto report = [&]() -> Status {
        progress.layer_bytes(0, std::min(counter.load(), total), total);
        return {};
    };
    const Json answer = MSB_TRY(
        image::run_confined(descriptors(outputs), work, report, {.role = jail::Role::disk}));
    MSB_TRY(report());
    std::vector<LayerChecksums> checksums;
    for (const Json& layer : answer.elements())
        checksums.push_back(
            {image::json_string(layer, "index"), image::json_string(layer, "data")});
    if (checksums.size() != outputs.layers.size())
        return fail(ErrorKind::system, "the process that unpacks gave no answer");
    return checksums;
}

Result<Json> read(const Json& request, image::Progress& progress) {
    const auto inventory = MSB_TRY(Inventory::from_json(image::json_string(request, "inventory")));
    Target target{.inventory = inventory,
                  .image =
                      MSB_TRY(ImageIntake::begin(image::json_string(request, "home"), inventory))};
    for (const std::string& path : image::json_strings(request, "files"))
        target.files.push_back(path.empty() ? OwnedFd()
                                            : MSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW)));
    const auto checksums = MSB_TRY(unpack_confined(target, progress));
    if (target.image)
        MSB_TRY(target.image->publish(checksums));
    return json::object();
}

Result<Json> serve(image::JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    image::ProgressWriter progress(image::helper_socket);
    const std::string operation = image::json_string(request, "operation");
    if (operation == "export")
        return write(request, progress);
    if (operation == "inventory")
        return read_inventory_confined();
    if (operation == "unpack")
        return read(request, progress);
    return fail(ErrorKind::invalid_argument, "unknown operation '" + operation + "'");
}

} // namespace

} // namespace msb::archive

int main() {
    return msb::image::serve_helper(msb::archive::serve);
}
