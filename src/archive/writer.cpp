#include "archive/writer.hpp"

#include "archive/checksum.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "json/text.hpp"
#include "tar/tar_writer.hpp"

#include <algorithm>
#include <map>
#include <thread>
#include <zstd.h>

namespace msb::archive {

namespace {

constexpr mode_t file_mode = 0444;
constexpr int compression_level = 3;
/// More only wait for memory. Their number does not change what they write.
constexpr unsigned max_threads = 16;

class Writer {
  public:
    Writer(Sink& sink, std::int64_t time, const Advance& advance)
        : tar_(sink), time_(time), advance_(advance) {}

    Status text(std::string_view path, std::string_view content) {
        const TarEntry entry = describe(path, content.size(), {{0, content.size()}});
        Checksum checksum(entry);
        checksum.update(as_bytes(content));
        MSB_TRY(tar_.begin(entry));
        MSB_TRY(tar_.data(as_bytes(content)));
        checksums_[entry.path] = checksum.finish();
        return {};
    }

    Status payload(std::string_view path, const Payload& payload) {
        const TarEntry entry = describe(path, payload.size, payload.extents);
        Checksum checksum(entry);
        MSB_TRY(tar_.begin(entry));
        for (const TarExtent& extent : payload.extents)
            MSB_TRY(copy(payload.file.get(), extent, checksum));
        checksums_[entry.path] = checksum.finish();
        return {};
    }

    Status finish() {
        const json::Value document = {{"sha256", checksums_}};
        MSB_TRY(text(checksums_path, json::to_text(document, 1) + "\n"));
        return tar_.finish();
    }

  private:
    TarEntry describe(std::string_view path, std::uint64_t size,
                      std::vector<TarExtent> extents) const {
        TarEntry entry;
        entry.path = path;
        entry.mode = file_mode;
        entry.mtime = time_;
        entry.size = size;
        entry.extents = std::move(extents);
        return entry;
    }

    Status copy(int file, const TarExtent& extent, Checksum& checksum) {
        for (std::uint64_t done = 0; done < extent.length;) {
            const MutableBytesView room = MSB_TRY(tar_.room(extent.length - done));
            MSB_TRY(sys::pread_all(file, room, extent.offset + done));
            checksum.update(room);
            tar_.commit(room.size());
            done += room.size();
            written_ += room.size();
            MSB_TRY(advance_(written_));
        }
        return {};
    }

    TarWriter tar_;
    std::int64_t time_; ///< of all members
    const Advance& advance_;
    std::uint64_t written_ = 0;
    std::map<std::string, std::string> checksums_;
};

} // namespace

Status write_archive(const Contents& contents, Sink& sink, const Advance& advance) {
    const Inventory& inventory = contents.inventory;
    constexpr std::int64_t second = 1'000'000'000;
    const auto time = parse_rfc3339(inventory.head().manifest.created_at).value_or(0) / second;
    Writer writer(sink, time, advance);
    MSB_TRY(writer.text(inventory_path, inventory.to_json()));
    auto file = contents.files.begin();
    for (const SnapshotItem& item : inventory.snapshots) {
        MSB_TRY(writer.text(item.descriptor_path(), item.manifest.to_json()));
        for (const PayloadItem& payload : item.payloads())
            MSB_TRY(writer.payload(payload.path, *file++));
    }
    for (std::size_t i = 0; i < contents.layers.size(); ++i) {
        const Contents::Layer& layer = contents.layers[i];
        MSB_TRY(writer.payload(layer_path(i, "index"), layer.index));
        if (layer.data.size > 0)
            MSB_TRY(writer.payload(layer_path(i, "data"), layer.data));
    }
    return writer.finish();
}

ZstdSink::ZstdSink(Sink& inner)
    : inner_(inner), context_(ZSTD_createCCtx()), output_(ZSTD_CStreamOutSize()) {}

ZstdSink::~ZstdSink() {
    ZSTD_freeCCtx(static_cast<ZSTD_CCtx*>(context_));
}

Status ZstdSink::run(BytesView data, bool end) {
    auto* const context = static_cast<ZSTD_CCtx*>(context_);
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    for (;;) {
        ZSTD_outBuffer out{output_.data(), output_.size(), 0};
        const std::size_t left =
            ZSTD_compressStream2(context, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return fail(ErrorKind::system, std::string("zstd: ") + ZSTD_getErrorName(left));
        if (out.pos > 0)
            MSB_TRY(inner_.write(BytesView(output_).first(out.pos)));
        if (end ? left == 0 : in.pos == in.size)
            return {};
    }
}

Result<std::unique_ptr<ZstdSink>> ZstdSink::create(Sink& inner) {
    std::unique_ptr<ZstdSink> sink(new ZstdSink(inner));
    const auto threads =
        static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, max_threads));
    auto* const context = static_cast<ZSTD_CCtx*>(sink->context_);
    if (!context)
        return fail(ErrorKind::limit_exceeded, "no memory for zstd");
    for (const auto& [parameter, value] :
         {std::pair(ZSTD_c_compressionLevel, compression_level), std::pair(ZSTD_c_checksumFlag, 1),
          std::pair(ZSTD_c_nbWorkers, threads)})
        if (const std::size_t set = ZSTD_CCtx_setParameter(context, parameter, value);
            ZSTD_isError(set))
            return fail(ErrorKind::unsupported, std::string("zstd: ") + ZSTD_getErrorName(set));
    return sink;
}

Status ZstdSink::write(BytesView data) {
    return run(data, false);
}

Status ZstdSink::finish() {
    return run({}, true);
}

} // namespace msb::archive
