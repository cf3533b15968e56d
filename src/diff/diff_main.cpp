// The program `diff`: compares disks of sandboxes, so that `msb` itself reads no file system of a
// guest. It speaks as image/helper.hpp says. Request: {before, image, after}: paths of disks, of which
// `before` may be empty; then `image` has pieces of one as image/image_disk.hpp says. Answer: an array
// of [path, kind, type, size before, size after].
#include "base/system.hpp"
#include "diff/compare.hpp"
#include "image/confined.hpp"
#include "image/helper.hpp"
#include "image/image_disk.hpp"

#include <fcntl.h>

namespace msb::diff {

namespace {

using image::Json;

const char* name_of(Change::Kind kind) {
    switch (kind) {
    case Change::Kind::added: return "added";
    case Change::Kind::changed: return "changed";
    case Change::Kind::removed: return "removed";
    }
    return "";
}

Json rows_of(const std::vector<Change>& changes) {
    Json rows = json::array();
    for (const Change& change : changes)
        rows.push_back(json::array({change.path, name_of(change.kind), std::string(1, change.type),
                                    change.size_before, change.size_after}));
    return rows;
}

/// What a disk is compared with: another one, or an image.
struct Before {
    OwnedFd disk;
    image::ImageDisk image;
};

Result<Json> compare_disks(const Before& before, int after) {
    const Upper disk = MSB_TRY(Upper::open(after));
    if (before.disk)
        return rows_of(MSB_TRY(compare(MSB_TRY(Upper::open(before.disk.get())), disk)));
    const image::ErofsReader image(
        [&before](std::uint64_t offset, MutableBytesView buffer) {
            return before.image.read(offset, buffer);
        },
        before.image.size());
    return rows_of(MSB_TRY(compare(image, disk)));
}

Result<Json> serve(image::JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    const std::string before_path = image::json_string(request, "before");
    const OwnedFd after =
        MSB_TRY(sys::open(image::json_string(request, "after"), O_RDONLY | O_NOFOLLOW));
    Before before;
    before.image = MSB_TRY(image::ImageDisk::open(image::json_member(request, "image")));
    std::vector<int> fds = {after.get()};
    before.image.add_descriptors(fds);
    if (!before_path.empty()) {
        before.disk = MSB_TRY(sys::open(before_path, O_RDONLY | O_NOFOLLOW));
        fds.push_back(before.disk.get());
    }
    return image::run_confined(fds, [&] { return compare_disks(before, after.get()); }, {},
                               {.role = jail::Role::disk});
}

} // namespace

} // namespace msb::diff

int main() {
    return msb::image::serve_helper(msb::diff::serve);
}
