// The program `diff`: compares disks of sandboxes, so that `msb` itself reads no file system of a
// guest. It speaks as image/helper.hpp says. Request: {before, after}, paths of disks; an empty
// `before` is the image. Answer: an array of [path, kind, type, size before, size after].
#include "base/system.hpp"
#include "diff/compare.hpp"
#include "image/confined.hpp"
#include "image/helper.hpp"

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

Result<Json> compare_disks(int before, int after) {
    std::optional<Upper> base;
    if (before >= 0)
        base.emplace(MSB_TRY(Upper::open(before)));
    const Upper disk = MSB_TRY(Upper::open(after));
    Json rows = json::array();
    for (const Change& change : MSB_TRY(compare(base ? &*base : nullptr, disk)))
        rows.push_back(json::array({change.path, name_of(change.kind), std::string(1, change.type),
                                    change.size_before, change.size_after}));
    return rows;
}

Result<Json> serve(image::JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    const std::string before_path = image::json_string(request, "before");
    const OwnedFd after =
        MSB_TRY(sys::open(image::json_string(request, "after"), O_RDONLY | O_NOFOLLOW));
    OwnedFd before;
    std::vector<int> fds = {after.get()};
    if (!before_path.empty()) {
        before = MSB_TRY(sys::open(before_path, O_RDONLY | O_NOFOLLOW));
        fds.push_back(before.get());
    }
    return image::run_confined(
        fds, [&] { return compare_disks(before ? before.get() : -1, after.get()); }, {},
        {.role = jail::Role::disk});
}

} // namespace

} // namespace msb::diff

int main() {
    return msb::image::serve_helper(msb::diff::serve);
}
