// Any bytes as the disk of a volume: everything is read, then written over.
#include "base/system.hpp"
#include "volume/volume_tree.hpp"

#include <algorithm>

namespace {

class Archive : public msb::Sink {
  public:
    msb::Status write(msb::BytesView data) override {
        constexpr std::size_t most = 64 << 20;
        if (bytes.size() + data.size() > most)
            return msb::fail(msb::ErrorKind::limit_exceeded, "enough");
        bytes.insert(bytes.end(), data.begin(), data.end());
        return {};
    }
    msb::Bytes bytes;
};

class Again : public msb::Source {
  public:
    explicit Again(msb::BytesView data) : left_(data) {}
    msb::Result<std::size_t> read(msb::MutableBytesView buffer) override {
        const std::size_t count = std::min(buffer.size(), left_.size());
        std::copy_n(left_.begin(), count, buffer.begin());
        left_ = left_.subspan(count);
        return count;
    }

  private:
    msb::BytesView left_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto disk = msb::sys::memfd("disk", {data, size});
    if (!disk)
        return 0;
    auto fs = msb::disk::FileSystem::open(disk->get(), true);
    if (!fs)
        return 0;
    msb::volume::VolumeTree tree(*fs);
    Archive archive;
    if (!tree.pack("/", true, ".", archive))
        return 0;
    Again source(archive.bytes);
    if (tree.make_directories("/copy") && tree.unpack("/copy", std::nullopt, true, source))
        (void)fs->close();
    return 0;
}
