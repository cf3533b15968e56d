#include "archive/reader.hpp"

#include "archive/checksum.hpp"
#include "base/system.hpp"
#include "image/sparse_writer.hpp"
#include "image/stream.hpp"
#include "json/reader.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <map>
#include <memory>

namespace msb::archive {

namespace {

/// Headers, maps and padding of all members, and what may follow the end.
constexpr std::uint64_t overhead = std::uint64_t{256} << 20;
constexpr std::size_t block_size = 4096;

std::unexpected<Error> corrupt(const std::string& what) {
    return fail(ErrorKind::corrupt, "the archive is damaged: " + what);
}

/// Writes what differs into a file that has content. Blocks of zeros become holes.
class Patcher {
  public:
    explicit Patcher(int file) : file_(file) {}

    Status write(std::uint64_t offset, BytesView bytes) {
        while (!bytes.empty()) {
            const std::size_t count =
                std::min<std::size_t>(bytes.size(), block_size - offset % block_size);
            const BytesView part = bytes.first(count);
            const bool zeros =
                std::ranges::all_of(part, [](std::uint8_t byte) { return byte == 0; });
            if (!zeros || !MSB_TRY(punch(offset, count)))
                MSB_TRY(sys::pwrite_all(file_, part, offset));
            offset += count;
            bytes = bytes.subspan(count);
        }
        return {};
    }

  private:
    /// False if the file system cannot.
    Result<bool> punch(std::uint64_t offset, std::size_t count) const {
        if (::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        static_cast<off_t>(offset), static_cast<off_t>(count)) == 0)
            return true;
        if (errno == EOPNOTSUPP)
            return false;
        return fail_errno("fallocate");
    }

    int file_;
};

class Reader {
  public:
    explicit Reader(Source& stream) : tar_(stream) {}

    /// A member that is short enough to be held.
    Result<std::string> text(std::string_view path, std::size_t limit) {
        const TarEntry entry = MSB_TRY(next(path));
        if (entry.size > limit)
            return fail(ErrorKind::limit_exceeded,
                        "the archive's '" + entry.path + "' is too large");
        std::string content(static_cast<std::size_t>(entry.size), '\0');
        MSB_TRY(each_piece(entry, [&](std::uint64_t offset, BytesView bytes) -> Status {
            std::ranges::copy(as_text(bytes),
                              content.begin() + static_cast<std::ptrdiff_t>(offset));
            return {};
        }));
        return content;
    }

    Status file(const std::string& path, std::uint64_t size, std::uint64_t data_bytes,
                const Output& output) {
        const TarEntry entry = MSB_TRY(next(path));
        std::uint64_t stored = 0;
        for (const TarExtent& extent : entry.extents)
            stored += extent.length;
        if (entry.size != size || stored != data_bytes)
            return corrupt("'" + path + "' has another size than the inventory says");
        if (output.file < 0)
            return each_piece(entry, [](std::uint64_t, BytesView) { return Status(); });
        if (output.changes) {
            MSB_TRY(sys::truncate(output.file, size));
            Patcher patcher(output.file);
            return each_piece(entry, [&](std::uint64_t offset, BytesView bytes) {
                return patcher.write(offset, bytes);
            });
        }
        image::SparseWriter writer(output.file);
        MSB_TRY(each_piece(entry, [&](std::uint64_t offset, BytesView bytes) {
            return writer.write(offset, bytes);
        }));
        return writer.finish(size);
    }

    /// The last member, and that nothing follows.
    Status finish() {
        const auto expected = std::move(checksums_);
        const json::Value document =
            MSB_TRY(json::parse(MSB_TRY(text(checksums_path, max_inventory_bytes))));
        json::Reader reader(document);
        const auto found = reader.get<std::map<std::string, std::string>>("sha256");
        MSB_TRY(reader.status());
        for (const auto& [path, checksum] : expected)
            if (const auto other = found.find(path);
                other == found.end() || other->second != checksum)
                return corrupt("'" + path + "' is not what was archived");
        checksums_ = expected;
        return MSB_TRY(tar_.next()) ? corrupt("something follows its end") : Status();
    }

    const std::string& checksum(const std::string& path) { return checksums_[path]; }

  private:
    Result<TarEntry> next(std::string_view path) {
        auto entry = MSB_TRY(tar_.next());
        if (!entry)
            return corrupt("it ends before '" + std::string(path) + "'");
        if (entry->type != TarType::file || entry->path != path)
            return corrupt("it has something else in place of '" + std::string(path) + "'");
        return std::move(*entry);
    }

    template <typename Take> Status each_piece(const TarEntry& entry, const Take& take) {
        Checksum checksum(entry);
        while (const auto piece = MSB_TRY(tar_.next_data())) {
            if (piece->offset > entry.size || piece->bytes.size() > entry.size - piece->offset)
                return corrupt("'" + entry.path + "' has data behind its end");
            checksum.update(piece->bytes);
            MSB_TRY(take(piece->offset, piece->bytes));
        }
        checksums_[entry.path] = checksum.finish();
        return {};
    }

    TarReader tar_;
    std::map<std::string, std::string> checksums_;
};

Status unpack_members(Reader& reader, const Inventory& inventory, const Outputs& outputs) {
    const std::string text = MSB_TRY(reader.text(inventory_path, max_inventory_bytes));
    if (MSB_TRY(Inventory::from_json(text)) != inventory)
        return corrupt("it changed while it was read");
    auto output = outputs.files.begin();
    for (const SnapshotItem& item : inventory.snapshots) {
        if (MSB_TRY(reader.text(item.descriptor_path(), max_snapshot_manifest_bytes)) !=
            item.manifest.to_json())
            return corrupt("the descriptor of '" + item.name + "' is not that of the inventory");
        for (const PayloadItem& payload : item.payloads())
            MSB_TRY(reader.file(payload.path, payload.size, payload.data_bytes, *output++));
    }
    if (!inventory.image)
        return {};
    for (std::size_t i = 0; i < inventory.image->layers.size(); ++i) {
        const LayerItem& layer = inventory.image->layers[i];
        MSB_TRY(reader.file(layer_path(i, "index"), layer.index_bytes, layer.index_bytes,
                            {.file = outputs.layers[i].index}));
        if (layer.data_bytes > 0)
            MSB_TRY(reader.file(layer_path(i, "data"), layer.data_bytes, layer.data_bytes,
                                {.file = outputs.layers[i].data}));
    }
    return {};
}

} // namespace

Result<Inventory> read_inventory(Source& stream) {
    const auto plain = MSB_TRY(image::decompress(stream));
    image::LimitedSource limited(*plain, overhead, "the archive's inventory");
    Reader reader(limited);
    const auto text = reader.text(inventory_path, max_inventory_bytes);
    if (!text)
        return fail(Error(text.error()).wrap("not an archive of snapshots"));
    return Inventory::from_json(*text);
}

Result<std::vector<LayerChecksums>> unpack(Source& stream, const Inventory& inventory,
                                           const Outputs& outputs,
                                           std::atomic<std::uint64_t>* done) {
    const auto plain = MSB_TRY(image::decompress(stream));
    image::LimitedSource limited(*plain, inventory.total_bytes() + overhead, "the archive", done);
    Reader reader(limited);
    MSB_TRY(unpack_members(reader, inventory, outputs));
    MSB_TRY(reader.finish());
    MSB_TRY(image::drain(limited)); // to the end of what is compressed, which has a checksum, too
    std::vector<LayerChecksums> checksums;
    checksums.reserve(outputs.layers.size());
    for (std::size_t i = 0; i < outputs.layers.size(); ++i)
        checksums.push_back(
            {reader.checksum(layer_path(i, "index")), reader.checksum(layer_path(i, "data"))});
    return checksums;
}

} // namespace msb::archive
