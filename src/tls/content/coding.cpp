#include "tls/content/coding.hpp"

#include "tls/content/head.hpp"

#include <array>
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <memory>
#include <zlib.h>
#include <zstd.h>

namespace msb::tls {

namespace {

constexpr std::size_t piece = std::size_t{64} << 10;
/// zlib's window bits: its largest window, and what surrounds the data.
constexpr int zlib_format = 15, gzip_format = 15 + 16, raw_format = -15;

const std::uint8_t* bytes_of(std::string_view data) {
    return reinterpret_cast<const std::uint8_t*>(data.data());
}

std::optional<std::string> inflate_as(int format, std::string_view data, std::size_t most) {
    z_stream stream{};
    if (::inflateInit2(&stream, format) != Z_OK)
        return std::nullopt;
    const std::unique_ptr<z_stream, decltype(&::inflateEnd)> ends(&stream, ::inflateEnd);
    stream.next_in = const_cast<Bytef*>(bytes_of(data));
    stream.avail_in = static_cast<uInt>(data.size());
    std::string out;
    std::array<char, piece> buffer;
    for (;;) {
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        const int result = ::inflate(&stream, Z_NO_FLUSH);
        out.append(buffer.data(), buffer.size() - stream.avail_out);
        if (out.size() > most || (result != Z_OK && result != Z_STREAM_END))
            return std::nullopt;
        if (result == Z_STREAM_END) // more behind it, even another member, is not understood by all
            return stream.avail_in == 0 ? std::optional(std::move(out)) : std::nullopt;
        if (stream.avail_in == 0 && stream.avail_out == buffer.size())
            return std::nullopt; // cut off
    }
}

std::optional<std::string> deflate_as(int format, std::string_view data) {
    z_stream stream{};
    constexpr int memory_level = 8;
    if (::deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, format, memory_level,
                       Z_DEFAULT_STRATEGY) != Z_OK)
        return std::nullopt;
    const std::unique_ptr<z_stream, decltype(&::deflateEnd)> ends(&stream, ::deflateEnd);
    std::string out(::deflateBound(&stream, data.size()), '\0');
    stream.next_in = const_cast<Bytef*>(bytes_of(data));
    stream.avail_in = static_cast<uInt>(data.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (::deflate(&stream, Z_FINISH) != Z_STREAM_END)
        return std::nullopt;
    out.resize(stream.total_out);
    return out;
}

std::optional<std::string> brotli_decoded(std::string_view data, std::size_t most) {
    const std::unique_ptr<BrotliDecoderState, decltype(&::BrotliDecoderDestroyInstance)> state(
        ::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), ::BrotliDecoderDestroyInstance);
    std::string out;
    std::array<std::uint8_t, piece> buffer;
    std::size_t in_left = data.size();
    const std::uint8_t* in = bytes_of(data);
    for (;;) {
        std::uint8_t* to = buffer.data();
        std::size_t room = buffer.size();
        const auto result =
            ::BrotliDecoderDecompressStream(state.get(), &in_left, &in, &room, &to, nullptr);
        out.append(reinterpret_cast<const char*>(buffer.data()), buffer.size() - room);
        if (out.size() > most || result == BROTLI_DECODER_RESULT_ERROR ||
            result == BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT)
            return std::nullopt;
        if (result == BROTLI_DECODER_RESULT_SUCCESS)
            return in_left == 0 ? std::optional(std::move(out)) : std::nullopt;
    }
}

std::optional<std::string> brotli_encoded(std::string_view data) {
    constexpr int quality = 4;
    std::size_t size = ::BrotliEncoderMaxCompressedSize(data.size());
    std::string out(size, '\0');
    if (::BrotliEncoderCompress(quality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, data.size(),
                                bytes_of(data), &size,
                                reinterpret_cast<std::uint8_t*>(out.data())) != BROTLI_TRUE)
        return std::nullopt;
    out.resize(size);
    return out;
}

std::optional<std::string> zstd_decoded(std::string_view data, std::size_t most) {
    const std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context(::ZSTD_createDCtx(),
                                                                         ::ZSTD_freeDCtx);
    constexpr int largest_window = 23; // 8 MiB, as RFC 9659 has it for HTTP
    ::ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, largest_window);
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    std::string out;
    std::array<char, piece> buffer;
    for (;;) {
        ZSTD_outBuffer to{buffer.data(), buffer.size(), 0};
        const std::size_t left = ::ZSTD_decompressStream(context.get(), &to, &in);
        out.append(buffer.data(), to.pos);
        if (::ZSTD_isError(left) != 0 || out.size() > most)
            return std::nullopt;
        if (left == 0)
            return in.pos == in.size ? std::optional(std::move(out)) : std::nullopt;
        if (in.pos == in.size && to.pos < to.size)
            return std::nullopt; // cut off
    }
}

std::optional<std::string> zstd_encoded(std::string_view data) {
    std::string out(::ZSTD_compressBound(data.size()), '\0');
    const std::size_t size = ::ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 1);
    if (::ZSTD_isError(size) != 0)
        return std::nullopt;
    out.resize(size);
    return out;
}

enum class Coding { none, gzip, deflate, brotli, zstd };

Coding coding_of(std::string_view name) {
    if (same_name(name, "gzip") || same_name(name, "x-gzip"))
        return Coding::gzip;
    if (same_name(name, "deflate"))
        return Coding::deflate;
    if (same_name(name, "br"))
        return Coding::brotli;
    if (same_name(name, "zstd"))
        return Coding::zstd;
    return Coding::none;
}

} // namespace

bool is_coding(std::string_view name) {
    return coding_of(name) != Coding::none;
}

bool is_identity(std::string_view name) {
    return name.empty() || same_name(name, "identity");
}

std::optional<std::string> decode(std::string_view coding, std::string_view data,
                                  std::size_t most) {
    switch (coding_of(coding)) {
    case Coding::gzip: return inflate_as(gzip_format, data, most);
    case Coding::deflate: { // some send it without what RFC 9110 wants around it
        auto decoded = inflate_as(zlib_format, data, most);
        return decoded ? decoded : inflate_as(raw_format, data, most);
    }
    case Coding::brotli: return brotli_decoded(data, most);
    case Coding::zstd: return zstd_decoded(data, most);
    case Coding::none: break;
    }
    return std::nullopt;
}

std::optional<std::string> encode(std::string_view coding, std::string_view data) {
    switch (coding_of(coding)) {
    case Coding::gzip: return deflate_as(gzip_format, data);
    case Coding::deflate: return deflate_as(zlib_format, data);
    case Coding::brotli: return brotli_encoded(data);
    case Coding::zstd: return zstd_encoded(data);
    case Coding::none: break;
    }
    return std::nullopt;
}

} // namespace msb::tls
