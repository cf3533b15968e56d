// Steps that several tests take.
#pragma once

#include "base/file.hpp"
#include "base/system.hpp"
#include "image/erofs.hpp"
#include "image/erofs_reader.hpp"
#include "image/ingest.hpp"
#include "image/testing/tar_builder.hpp"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <list>

namespace msb::image::testing {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = "/tmp/msb-image-test-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { (void)remove_tree(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

struct IngestedLayer {
    IngestResult result;
    Bytes index;
    Bytes data;
};

inline Result<Bytes> whole_file(int fd) {
    Bytes bytes(static_cast<std::size_t>(MSB_TRY(sys::fstat(fd)).st_size));
    MSB_TRY(sys::pread_all(fd, bytes, 0));
    return bytes;
}

inline Result<IngestedLayer> ingest(std::string_view tar) {
    const OwnedFd data = MSB_TRY(sys::memfd("data"));
    const OwnedFd index = MSB_TRY(sys::memfd("index"));
    MemorySource source(as_bytes(tar));
    IngestedLayer layer{.result = MSB_TRY(ingest_layer(source, data.get(), index.get()))};
    layer.index = MSB_TRY(whole_file(index.get()));
    layer.data = MSB_TRY(whole_file(data.get()));
    return layer;
}

/// The device made of layers, bottom to top, and what the reader finds in it.
struct Device {
    Bytes bytes;
    std::vector<FileInfo> files;

    const FileInfo* find(const std::string& path) const {
        const auto found = std::ranges::find(files, path, &FileInfo::path);
        return found == files.end() ? nullptr : &*found;
    }
    std::string content(const std::string& path) const {
        const FileInfo* file = find(path);
        if (!file || file->size == 0)
            return {};
        return std::string(as_text(BytesView(bytes).subspan(file->data_offset, file->size)));
    }
    /// All paths, in the order of the directories.
    std::vector<std::string> paths() const {
        std::vector<std::string> result;
        result.reserve(files.size());
        for (const FileInfo& file : files)
            result.push_back(file.path);
        return result;
    }
};

inline Result<Device> build_device(const std::vector<std::string>& tars) {
    std::list<IngestedLayer> layers; // views point into it
    MergedTree tree;
    for (const std::string& tar : tars) {
        layers.push_back(MSB_TRY(ingest(tar)));
        MSB_TRY(tree.apply(MSB_TRY(IndexView::parse(layers.back().index))));
    }
    Device device{.bytes = MSB_TRY(write_erofs(tree, {}))};
    for (const IngestedLayer& layer : layers)
        device.bytes.insert(device.bytes.end(), layer.data.begin(), layer.data.end());
    ErofsReader reader(
        [&](std::uint64_t offset, MutableBytesView buffer) -> Status {
            std::ranges::copy(BytesView(device.bytes).subspan(offset, buffer.size()),
                              buffer.begin());
            return {};
        },
        device.bytes.size());
    device.files = MSB_TRY(reader.read_all());
    return device;
}

/// ASSERT that a Result holds a value, and get it.
// NOLINTBEGIN(bugprone-macro-parentheses): the name of a variable cannot stand in parentheses.
#define MSB_ASSERT_OK(variable, expression)                                                        \
    auto variable##_result = (expression);                                                         \
    ASSERT_TRUE(variable##_result) << variable##_result.error().to_string();                       \
    auto& variable = *variable##_result
// NOLINTEND(bugprone-macro-parentheses)

} // namespace msb::image::testing
