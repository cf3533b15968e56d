#include "image/ingest.hpp"

#include "base/system.hpp"
#include "image/index.hpp"
#include "image/layer_tree.hpp"
#include "image/sparse_writer.hpp"
#include "tar/tar.hpp"

#include <algorithm>
#include <cerrno>

namespace msb::image {

namespace {

constexpr std::size_t pipe_buffer = std::size_t{256} << 10;

/// Copies to a pipe. False if its reader has ended.
Result<bool> pass_on(Source& input, int output) {
    Bytes buffer(pipe_buffer);
    while (const std::size_t count = MSB_TRY(input.read(buffer))) {
        const Status written = sys::write_all(output, BytesView(buffer).first(count));
        if (!written && written.error().sys_errno() == EPIPE)
            return false;
        MSB_TRY(Status(written));
    }
    return true;
}

/// Writes file contents one after another, each from a new 4 KiB block.
class DataWriter {
  public:
    explicit DataWriter(int fd) : writer_(fd) {}

    /// Writes at `offset` from the start of the current file; offsets ascend.
    Status write(std::uint64_t offset, BytesView bytes) {
        return writer_.write(file_start_ + offset, bytes);
    }
    void end_file(std::uint64_t size) {
        file_start_ = align_up<std::uint64_t>(file_start_ + size, data_block_size);
    }
    /// Where the next file starts, in blocks.
    std::uint64_t block() const { return file_start_ / data_block_size; }

    Status finish() { return writer_.finish(file_start_); }

  private:
    SparseWriter writer_;
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
        // Holes count, too: they use address space of the guest's disk.
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

Result<UnpackedLayer> unpack_layer(Source& input, int output, bool digest,
                                   std::atomic<std::uint64_t>* counter) {
    HashingSource hashed(input);
    LimitedSource compressed(digest ? static_cast<Source&>(hashed) : input, max_layer_size,
                             "the layer", counter);
    const auto plain = MSB_TRY(decompress(compressed));
    if (MSB_TRY(pass_on(*plain, output)))
        MSB_TRY(drain(compressed)); // what follows the compressed data
    return UnpackedLayer{digest ? hashed.finish() : Digest(), compressed.count()};
}

Result<Digest> digest_stream(int input, int output) {
    FdSource source(input);
    HashingSource hashed(source);
    MSB_TRY(pass_on(hashed, output));
    return hashed.finish();
}

Result<IngestResult> ingest_layer(Source& input, int data_fd, int index_fd) {
    LimitedSource uncompressed(input, max_layer_size, "the uncompressed layer");
    LayerTree tree;
    DataWriter writer(data_fd);
    IngestResult result;
    MSB_TRY(read_entries(uncompressed, tree, writer, result.entries));
    // A tar may be followed by padding, which the digest covers.
    MSB_TRY(drain(uncompressed));
    MSB_TRY(writer.finish());
    const Bytes index = encode_index(MSB_TRY(tree.finish(writer.block())));
    MSB_TRY(sys::pwrite_all(index_fd, index, 0));
    result.data_size = writer.block() * data_block_size;
    result.index_size = index.size();
    return result;
}

} // namespace msb::image
