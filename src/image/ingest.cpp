#include "image/ingest.hpp"

#include "base/system.hpp"
#include "image/index.hpp"
#include "image/layer_tree.hpp"
#include "tar/tar.hpp"

#include <algorithm>

namespace msb::image {

namespace {

/// Writes file contents one after another, each from a new 4 KiB block, in large writes. Holes stay
/// holes: nothing is written for them.
class DataWriter {
  public:
    explicit DataWriter(int fd) : fd_(fd) { buffer_.reserve(buffer_size); }

    /// Writes at `offset` from the start of the current file; offsets ascend.
    Status write(std::uint64_t offset, BytesView bytes) {
        const std::uint64_t at = file_start_ + offset;
        if (at != buffer_start_ + buffer_.size()) {
            // Small gaps (alignment) are cheaper to write than to seek over.
            const std::uint64_t gap = at - (buffer_start_ + buffer_.size());
            if (gap < data_block_size && buffer_.size() + gap <= buffer_size) {
                buffer_.resize(buffer_.size() + static_cast<std::size_t>(gap));
            } else {
                MSB_TRY(flush());
                buffer_start_ = at;
            }
        }
        while (!bytes.empty()) {
            const std::size_t count = std::min(bytes.size(), buffer_size - buffer_.size());
            buffer_.insert(buffer_.end(), bytes.begin(),
                           bytes.begin() + static_cast<std::ptrdiff_t>(count));
            bytes = bytes.subspan(count);
            if (buffer_.size() == buffer_size)
                MSB_TRY(flush());
        }
        return {};
    }
    void end_file(std::uint64_t size) {
        file_start_ = align_up<std::uint64_t>(file_start_ + size, data_block_size);
    }
    /// Where the next file starts, in blocks.
    std::uint64_t block() const { return file_start_ / data_block_size; }

    Status finish() {
        MSB_TRY(flush());
        return sys::truncate(fd_, file_start_);
    }

  private:
    static constexpr std::size_t buffer_size = std::size_t{1} << 20;

    Status flush() {
        MSB_TRY(sys::pwrite_all(fd_, buffer_, buffer_start_));
        buffer_start_ += buffer_.size();
        buffer_.clear();
        return {};
    }
    int fd_;
    Bytes buffer_;
    std::uint64_t buffer_start_ = 0;
    std::uint64_t file_start_ = 0;
};

Status copy_data(TarReader& tar, DataWriter& writer) {
    while (const auto data = MSB_TRY(tar.next_data()))
        MSB_TRY(writer.write(data->offset, data->bytes));
    return {};
}

Status read_entries(Source& uncompressed, LayerTree& tree, DataWriter& writer,
                    std::uint32_t& count) {
    TarReader tar(uncompressed);
    std::uint64_t total = 0;
    while (const auto entry = MSB_TRY(tar.next())) {
        if (++count > max_entries)
            return fail(ErrorKind::limit_exceeded, "layer has more than 1000000 entries");
        if (entry->size > max_file_size)
            return fail(ErrorKind::limit_exceeded, "a file in the layer is larger than 5 GiB");
        // Holes count: what they cost the guest is address space on its disk.
        total += entry->size;
        if (total > max_layer_size)
            return fail(ErrorKind::limit_exceeded, "the layer's files are larger than 10 GiB");
        MSB_TRY(tree.add(*entry, static_cast<std::uint32_t>(writer.block())));
        MSB_TRY(copy_data(tar, writer));
        writer.end_file(entry->size);
    }
    return {};
}

} // namespace

Result<IngestResult> ingest_layer(Source& input, int data_fd, int index_fd,
                                  std::atomic<std::uint64_t>* counter) {
    HashingSource compressed(input, max_layer_size, "the layer", counter);
    const auto decompressor = MSB_TRY(decompress(compressed));
    HashingSource uncompressed(*decompressor, max_layer_size, "the uncompressed layer");
    LayerTree tree;
    DataWriter writer(data_fd);
    IngestResult result;
    MSB_TRY(read_entries(uncompressed, tree, writer, result.entries));
    // A tar may be followed by padding, which the digests cover.
    MSB_TRY(uncompressed.drain());
    MSB_TRY(compressed.drain());
    MSB_TRY(writer.finish());
    const Bytes index = encode_index(MSB_TRY(tree.finish(writer.block())));
    MSB_TRY(sys::pwrite_all(index_fd, index, 0));
    result.blob_digest = compressed.finish();
    result.diff_id = uncompressed.finish();
    result.blob_size = compressed.count();
    result.data_size = writer.block() * data_block_size;
    result.index_size = index.size();
    return result;
}

} // namespace msb::image
