#include "image/stream.hpp"

#include <algorithm>
#include <array>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

namespace msb::image {

namespace {

constexpr std::size_t input_size = std::size_t{256} << 10;

/// Compressed input with a look-ahead, common to all formats.
class Input {
  public:
    explicit Input(Source& inner) : inner_(inner), buffer_(input_size) {}

    /// Makes sure that at least `wanted` bytes are available unless the stream ends before.
    Status fill(std::size_t wanted) {
        while (end_ - begin_ < wanted && !at_end_) {
            if (begin_ > 0) {
                std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                          buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
                end_ -= begin_;
                begin_ = 0;
            }
            const std::size_t count = MSB_TRY(inner_.read(MutableBytesView(buffer_).subspan(end_)));
            at_end_ = count == 0;
            end_ += count;
        }
        return {};
    }
    MutableBytesView available() {
        return MutableBytesView(buffer_).subspan(begin_, end_ - begin_);
    }
    void consume(std::size_t count) { begin_ += count; }

  private:
    Source& inner_;
    Bytes buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool at_end_ = false;
};

class PlainSource : public Source {
  public:
    explicit PlainSource(std::unique_ptr<Input> input) : input_(std::move(input)) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        MSB_TRY(input_->fill(1));
        const auto data = input_->available();
        const std::size_t count = std::min(data.size(), buffer.size());
        std::copy_n(data.begin(), count, buffer.begin());
        input_->consume(count);
        return count;
    }

  private:
    std::unique_ptr<Input> input_;
};

// RFC 1952. A stream may have several members; zero padding after the last one is accepted, as
// gzip(1) does.
class GzipSource : public Source {
  public:
    explicit GzipSource(std::unique_ptr<Input> input)
        : input_(std::move(input)), state_(std::make_unique<inflate_state>()) {
        start_member();
    }
    Result<std::size_t> read(MutableBytesView buffer) override {
        for (;;) {
            if (finished_ && !MSB_TRY(next_member()))
                return 0;
            MSB_TRY(input_->fill(1));
            const auto data = input_->available();
            state_->next_in = data.data();
            state_->avail_in = static_cast<std::uint32_t>(data.size());
            state_->next_out = buffer.data();
            state_->avail_out = static_cast<std::uint32_t>(
                std::min<std::size_t>(buffer.size(), std::size_t{1} << 30));
            const std::uint32_t room = state_->avail_out;
            if (isal_inflate(state_.get()) != ISAL_DECOMP_OK)
                return fail(ErrorKind::corrupt, "gzip data is corrupt");
            const std::size_t produced = room - state_->avail_out;
            const std::size_t consumed = data.size() - state_->avail_in;
            input_->consume(consumed);
            finished_ = state_->block_state == ISAL_BLOCK_FINISH;
            if (produced > 0)
                return produced;
            if (!finished_ && data.empty())
                return fail(ErrorKind::corrupt, "gzip data is truncated");
        }
    }

  private:
    void start_member() {
        isal_inflate_init(state_.get());
        state_->crc_flag = ISAL_GZIP; // parse the header, check the CRC in the trailer
        finished_ = false;
    }
    Result<bool> next_member() {
        for (;;) {
            MSB_TRY(input_->fill(2));
            const auto data = input_->available();
            if (data.empty())
                return false;
            if (data.size() >= 2 && data[0] == 0x1f && data[1] == 0x8b) {
                start_member();
                return true;
            }
            if (data[0] != 0)
                return fail(ErrorKind::corrupt, "gzip data is followed by something else");
            input_->consume(1);
        }
    }
    std::unique_ptr<Input> input_;
    std::unique_ptr<inflate_state> state_;
    bool finished_ = false;
};

// RFC 8878. Several frames and skippable frames are handled by the library.
class ZstdSource : public Source {
  public:
    explicit ZstdSource(std::unique_ptr<Input> input)
        : input_(std::move(input)), stream_(ZSTD_createDStream()) {}
    ~ZstdSource() override { ZSTD_freeDStream(stream_); }
    ZstdSource(const ZstdSource&) = delete;
    ZstdSource& operator=(const ZstdSource&) = delete;

    Result<std::size_t> read(MutableBytesView buffer) override {
        if (!stream_)
            return fail(ErrorKind::limit_exceeded, "no memory for zstd");
        for (;;) {
            MSB_TRY(input_->fill(1));
            const auto data = input_->available();
            if (data.empty() && frame_done_)
                return 0;
            ZSTD_inBuffer in{data.data(), data.size(), 0};
            ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
            const std::size_t status = ZSTD_decompressStream(stream_, &out, &in);
            if (ZSTD_isError(status))
                return fail(ErrorKind::corrupt,
                            std::string("zstd data is corrupt: ") + ZSTD_getErrorName(status));
            input_->consume(in.pos);
            frame_done_ = status == 0;
            if (out.pos > 0)
                return out.pos;
            if (data.empty() && !frame_done_)
                return fail(ErrorKind::corrupt, "zstd data is truncated");
        }
    }

  private:
    std::unique_ptr<Input> input_;
    ZSTD_DStream* stream_;
    bool frame_done_ = true;
};

/// Formats that are only recognised, so that the error can name them: users do pass such files.
struct Foreign {
    std::string_view magic;
    const char* name;
    const char* tool; ///< undoes it to standard output
};
constexpr Foreign foreign_formats[] = {
    {"BZh", "bzip2", "bzip2 -dc"},
    {"\xfd\x37\x7a\x58\x5a", "xz", "xz -dc"},
    {"\x04\x22\x4d\x18", "lz4", "lz4 -dc"},
    {"LZIP", "lzip", "lzip -dc"},
    {"\x1f\x9d", "compress (.Z)", "gzip -dc"},
    {"PK\x03\x04", "zip", "unzip -p"},
    {"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x -so"},
};

bool begins(BytesView data, std::initializer_list<std::uint8_t> magic) {
    return data.size() >= magic.size() && std::equal(magic.begin(), magic.end(), data.begin());
}

} // namespace

Result<std::unique_ptr<Source>> decompress(Source& inner) {
    auto input = std::make_unique<Input>(inner);
    MSB_TRY(input->fill(6));
    const BytesView head = input->available();
    if (begins(head, {0x1f, 0x8b}))
        return std::make_unique<GzipSource>(std::move(input));
    // A skippable frame (RFC 8878 §3.1.2) may come first.
    const bool skippable =
        head.size() >= 4 && (head[0] & 0xf0) == 0x50 && begins(head.subspan(1), {0x2a, 0x4d, 0x18});
    if (begins(head, {0x28, 0xb5, 0x2f, 0xfd}) || skippable)
        return std::make_unique<ZstdSource>(std::move(input));
    for (const Foreign& format : foreign_formats)
        if (as_text(head).starts_with(format.magic))
            return fail(Error(ErrorKind::unsupported,
                              std::string(format.name) + " compression is not supported")
                            .with_hint(std::string("only gzip and zstd are; unpack it with: ") +
                                       format.tool + " FILE"));
    return std::make_unique<PlainSource>(std::move(input));
}

} // namespace msb::image
