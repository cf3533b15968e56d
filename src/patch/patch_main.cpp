// The program `patch`: makes and changes disks of sandboxes that have never run, so that `msb` itself
// reads no file system and no image. It speaks as image/helper.hpp says. Requests:
//
//   patch    {disk, image: [{path, length}], patches, durable}: the patches as spec/patches.hpp has
//            them; without pieces of an image the disk is flat
//   flatten  {disk, image}: makes the disk, with all files of the image
//
// What is read of the image and written to the disk is the work of confined workers. The files of the
// host that are copied are read here, and handed to them as an archive.
#include "base/system.hpp"
#include "disk/format.hpp"
#include "image/confined.hpp"
#include "image/helper.hpp"
#include "image/image_disk.hpp"
#include "image/stream.hpp"
#include "patch/flatten.hpp"
#include "patch/patcher.hpp"
#include "spec/paths.hpp"
#include "tar/pack.hpp"

#include <algorithm>
#include <fcntl.h>
#include <span>
#include <sys/stat.h>

namespace msb::patch {

namespace {

using image::ImageDisk;
using image::Json;

constexpr std::uint64_t report_step = std::uint64_t{16} << 20;

image::ErofsReader::ReadAt reading(const ImageDisk& image) {
    return [&image](std::uint64_t offset, MutableBytesView buffer) {
        return image.read(offset, buffer);
    };
}

/// What a source is called in its archive, and so in messages.
std::string archive_name(const std::string& source) {
    const std::string path = normal_path(source);
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.empty() || name == ".." ? "root" : name;
}

/// Patches up to a copy, and the copy: that one's archive is the worker's only stream.
using Batch = std::span<const Patch>;

Result<Json> apply(int disk, const ImageDisk& image, Batch batch, int archive) {
    disk::FileSystem fs = MSB_TRY(disk::FileSystem::open(disk, true));
    const image::ErofsReader reader(reading(image), image.size());
    Patcher patcher = MSB_TRY(Patcher::open(fs, image.size() > 0 ? &reader : nullptr));
    FdSource copied(archive);
    for (const Patch& patch : batch)
        MSB_TRY(patcher.apply(patch, &copied));
    MSB_TRY(fs.close());
    return json::object();
}

Status check_source(const Patch& patch) {
    const auto info = sys::stat(patch.source);
    if (!info)
        return fail(Error(info.error()).wrap("cannot copy '" + patch.source + "'"));
    const bool wrong = (patch.expected == Patch::Source::regular && !S_ISREG(info->st_mode)) ||
                       (patch.expected == Patch::Source::directory && !S_ISDIR(info->st_mode)) ||
                       (!S_ISREG(info->st_mode) && !S_ISDIR(info->st_mode));
    if (wrong)
        return invalid("'" + patch.source + "' is not a " +
                       (patch.expected == Patch::Source::regular     ? "regular file"
                        : patch.expected == Patch::Source::directory ? "directory"
                                                                     : "file or directory"));
    return {};
}

/// The worker's error says more than ours about a pipe that it has left.
Status run(int disk, const ImageDisk& image, Batch batch, TreeProgress& progress) {
    const Patch& last = batch.back();
    const bool copies = last.kind == Patch::Kind::copy;
    if (copies)
        MSB_TRY(check_source(last));
    auto pipe = MSB_TRY(sys::pipe());
    std::vector<int> fds = {disk, pipe[0].get()};
    image.add_descriptors(fds);
    auto task = MSB_TRY(image::ConfinedTask::start(
        fds, [&] { return apply(disk, image, batch, pipe[0].get()); }, {.role = jail::Role::disk}));
    pipe[0].reset();
    Status packed;
    if (copies) {
        FdSink sink(pipe[1].get());
        packed = pack_tree(last.source,
                           {.name = archive_name(last.source), .xattrs = false, .follow = true},
                           sink, progress);
    }
    pipe[1].reset();
    const bool left = !packed && packed.error().sys_errno() == EPIPE;
    if (!packed && !left)
        (void)task.kill();
    const auto done = task.finish();
    if (!packed && !left)
        return fail(Error(packed.error()).wrap("cannot copy '" + last.source + "'"));
    return done ? Status() : fail(done.error());
}

/// Only the worker reads the image's metadata. It is asked twice: the disk is made in between.
Result<Json> flatten_image(const Json& request) {
    const ImageDisk image = MSB_TRY(ImageDisk::open(image::json_member(request, "image")));
    std::vector<int> fds;
    image.add_descriptors(fds);
    const auto read = reading(image);
    Json needs =
        MSB_TRY(image::run_confined(fds,
                                    [&]() -> Result<Json> {
                                        image::ErofsReader reader(read, image.size());
                                        const FlatSize size = size_of(MSB_TRY(reader.read_all()));
                                        return Json{{"bytes", size.bytes}, {"inodes", size.inodes}};
                                    },
                                    {}, {.role = jail::Role::disk}));
    const std::string path = image::json_string(request, "disk");
    MSB_TRY(disk::format_disk(path, {.size = image::json_unsigned(needs, "bytes"),
                                     .overlay = false,
                                     .inodes = image::json_unsigned(needs, "inodes")}));
    const OwnedFd file = MSB_TRY(sys::open(path, O_RDWR | O_NOFOLLOW));
    fds.push_back(file.get());
    MSB_TRY(image::run_confined(fds,
                                [&]() -> Result<Json> {
                                    image::ErofsReader reader(read, image.size());
                                    disk::FileSystem fs =
                                        MSB_TRY(disk::FileSystem::open(file.get(), true));
                                    MSB_TRY(flatten(fs, reader, MSB_TRY(reader.read_all())));
                                    MSB_TRY(fs.close());
                                    return json::object();
                                },
                                {}, {.role = jail::Role::disk}));
    MSB_TRY(sys::fsync(file.get(), path));
    return needs;
}

Result<Json> patch_disk(const Json& request) {
    image::ProgressWriter progress(image::helper_socket);
    const auto patches = MSB_TRY(read_patches(image::json_member(request, "patches"), "/"));
    const OwnedFd disk =
        MSB_TRY(sys::open(image::json_string(request, "disk"), O_RDWR | O_NOFOLLOW));
    const ImageDisk image = MSB_TRY(ImageDisk::open(image::json_member(request, "image")));
    TreeProgress copied;
    std::uint64_t reported = 0;
    copied.tick = [&]() -> Status {
        if (copied.bytes - reported >= report_step)
            progress.layer_bytes(0, reported = copied.bytes, 0);
        return {};
    };
    for (Batch rest(patches); !rest.empty();) {
        const auto copy = std::ranges::find(rest, Patch::Kind::copy, &Patch::kind);
        const auto count =
            static_cast<std::size_t>(copy - rest.begin()) + (copy != rest.end() ? 1 : 0);
        MSB_TRY(run(disk.get(), image, rest.first(count), copied));
        rest = rest.subspan(count);
    }
    if (image::json_bool(request, "durable"))
        MSB_TRY(sys::fsync(disk.get(), "the disk"));
    return json::object();
}

Result<Json> serve(image::JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    return image::json_string(request, "operation") == "flatten" ? flatten_image(request)
                                                                 : patch_disk(request);
}

} // namespace

} // namespace msb::patch

int main() {
    return msb::image::serve_helper(msb::patch::serve);
}
