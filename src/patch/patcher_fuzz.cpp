// Any bytes as the disk of an image and as the disk that is changed: patches of every kind are made, or
// refused with a reason, and what is written can be read again.
//
// The input is the number of blocks that the image has, its blocks, and the disk.
#include "base/system.hpp"
#include "base/testing/check.hpp"
#include "image/stream.hpp"
#include "image/testing/tar_builder.hpp"
#include "patch/patcher.hpp"

#include <algorithm>

using namespace msb;
using msb::testing::check;

namespace {

constexpr std::size_t block = 4096;
constexpr std::size_t most_blocks = 64;

std::string archive() {
    image::testing::TarBuilder tar;
    tar.directory("dir").file("dir/file", "12345").symlink("dir/link", "file");
    tar.hard_link("dir/again", "dir/file").directory("dir/etc").file("dir/etc/passwd", "x");
    return tar.finish();
}

std::vector<Patch> patches() {
    using enum Patch::Kind;
    std::vector<Patch> all;
    for (const char* path : {"/etc/passwd", "/a/b/c", "/lib/x", "/link/x", "/dir"}) {
        all.push_back({.kind = append, .path = path, .content = "more"});
        all.push_back({.kind = file, .path = path, .content = "text", .replace = true});
        all.push_back({.kind = mkdir, .path = std::string(path) + "/below"});
        all.push_back({.kind = copy, .path = path, .source = "/dir", .replace = true});
        all.push_back({.kind = remove, .path = path});
        all.push_back({.kind = symlink, .path = path, .content = "../etc"});
        all.push_back({.kind = copy, .path = path, .source = "/dir"});
    }
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const BytesView input(data + 1, size - 1);
    const BytesView image = input.first(std::min(data[0] % most_blocks * block, input.size()));
    const auto disk = sys::memfd("disk", input.subspan(image.size()));
    auto fs = disk ? disk::FileSystem::open(disk->get(), true)
                   : Result<disk::FileSystem>(fail(ErrorKind::system, "no memory"));
    if (!fs)
        return 0;
    const image::ErofsReader reader(
        [&](std::uint64_t offset, MutableBytesView buffer) -> Status {
            check(offset <= image.size() && buffer.size() <= image.size() - offset);
            std::ranges::copy(image.subspan(offset, buffer.size()), buffer.begin());
            return {};
        },
        image.size());
    auto patcher = patch::Patcher::open(*fs, image.empty() ? nullptr : &reader);
    if (!patcher)
        return 0;
    static const std::vector<Patch> all = patches();
    static const std::string copied = archive();
    for (const Patch& patch : all) {
        image::MemorySource source(as_bytes(copied));
        if (const Status made = patcher->apply(patch, &source); !made)
            check(!made.error().message().empty());
    }
    (void)fs->close();
    return 0;
}
