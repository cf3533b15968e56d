// Any bytes as a layer, or as two that lie on each other: what is taken in is an index that can be
// read, merges, and becomes a file system that the strict reader of the tests accepts.
#include "base/system.hpp"
#include "image/erofs.hpp"
#include "image/erofs_reader.hpp"
#include "image/ingest.hpp"

using namespace msb;
using namespace msb::image;

namespace {

void require(bool condition) {
    if (!condition)
        __builtin_trap();
}

/// The index of a layer, or nothing if it is refused.
std::optional<Bytes> take_in(BytesView bytes) {
    const auto data = sys::memfd("data");
    const auto index = sys::memfd("index");
    MemorySource source(bytes);
    const auto result = ingest_layer(source, data->get(), index->get());
    if (!result)
        return std::nullopt;
    Bytes text(static_cast<std::size_t>(result->index_size));
    require(sys::pread_all(index->get(), text, 0).has_value());
    return text;
}

void check_file_system(MergedTree& tree) {
    const std::uint64_t data_bytes = tree.data_blocks() * data_block_size;
    const auto blob = write_erofs(tree, {});
    if (!blob)
        return;
    const auto read = [&](std::uint64_t offset, MutableBytesView buffer) -> Status {
        for (std::size_t i = 0; i < buffer.size(); ++i)
            buffer[i] = offset + i < blob->size() ? (*blob)[offset + i] : 0;
        return {};
    };
    ErofsReader reader(read, blob->size() + data_bytes);
    const auto files = reader.read_all();
    require(files.has_value());
    // What is listed is also found by name.
    std::map<std::string, FileInfo> directories = {{"", files->front()}};
    for (const FileInfo& file : *files) {
        if (file.path == "/")
            continue;
        const auto slash = file.path.rfind('/');
        const auto found =
            reader.find(directories.at(file.path.substr(0, slash)), file.path.substr(slash + 1));
        require(found && *found && (*found)->identity == file.identity);
        directories.emplace(file.path, file);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    // The first two bytes say where the second layer begins.
    const BytesView bytes(data + 2, size - 2);
    const std::size_t cut = (std::size_t{data[0]} | std::size_t{data[1]} << 8) * 64;
    std::vector<Bytes> indexes;
    for (const BytesView part :
         {bytes.first(std::min(cut, bytes.size())), bytes.subspan(std::min(cut, bytes.size()))})
        if (auto index = take_in(part))
            indexes.push_back(std::move(*index));
    MergedTree tree;
    for (const Bytes& index : indexes) {
        const auto view = IndexView::parse(index);
        require(view.has_value());
        if (!tree.apply(*view))
            return 0;
    }
    check_file_system(tree);
    return 0;
}
