// The program `volumefs`: reads and writes the file system of a volume's disk, so that `msb` itself does not. It
// speaks as image/helper.hpp says; archives go over the descriptor that it is given as input. Requests:
//   {op: "stat", disk, path}                          -> {kind: "directory", "other" or null}
//   {op: "pack", disk, path, follow, name}            writes an archive
//   {op: "unpack", disk, path, only, owners, parents} reads one; `only` may be empty
#include "base/system.hpp"
#include "image/confined.hpp"
#include "image/helper.hpp"
#include "image/stream.hpp"
#include "volume/volume_tree.hpp"

#include <fcntl.h>

namespace msb::volume {

namespace {

using image::Json;

Result<Json> look(int disk, const std::string& path) {
    disk::FileSystem fs = MSB_TRY(disk::FileSystem::open(disk, false));
    const VolumeTree tree(fs);
    const auto inode = MSB_TRY(tree.find(path, true));
    if (!inode)
        return Json{{"kind", nullptr}};
    return Json{{"kind", MSB_TRY(tree.is_directory(*inode)) ? "directory" : "other"}};
}

Result<Json> pack(int disk, const Json& request, int to) {
    disk::FileSystem fs = MSB_TRY(disk::FileSystem::open(disk, false));
    FdSink sink(to);
    MSB_TRY(VolumeTree(fs).pack(image::json_string(request, "path"),
                                image::json_bool(request, "follow"),
                                image::json_string(request, "name"), sink));
    return json::object();
}

Result<Json> unpack(int disk, const Json& request, int from) {
    disk::FileSystem fs = MSB_TRY(disk::FileSystem::open(disk, true));
    VolumeTree tree(fs);
    const std::string path = image::json_string(request, "path");
    const std::string only = image::json_string(request, "only");
    if (image::json_bool(request, "parents"))
        MSB_TRY(tree.make_directories(path));
    FdSource source(from);
    MSB_TRY(tree.unpack(path, only.empty() ? std::nullopt : std::optional(only),
                        image::json_bool(request, "owners"), source));
    MSB_TRY(fs.close());
    return json::object();
}

Result<Json> serve(image::JsonLines& lines) {
    const Json request = MSB_TRY(lines.next());
    const std::string op = image::json_string(request, "op");
    const bool writes = op == "unpack";
    const OwnedFd disk = MSB_TRY(
        sys::open(image::json_string(request, "disk"), (writes ? O_RDWR : O_RDONLY) | O_NOFOLLOW));
    std::vector<int> fds = {disk.get()};
    if (op != "stat")
        fds.push_back(image::helper_input);
    auto answer = MSB_TRY(image::run_confined(
        fds,
        [&] {
            return op == "stat"   ? look(disk.get(), image::json_string(request, "path"))
                   : op == "pack" ? pack(disk.get(), request, image::helper_input)
                                  : unpack(disk.get(), request, image::helper_input);
        },
        {}, {.role = jail::Role::disk}));
    if (writes)
        MSB_TRY(sys::fsync(disk.get(), "the disk"));
    return answer;
}

} // namespace

} // namespace msb::volume

int main() {
    return msb::image::serve_helper(msb::volume::serve);
}
