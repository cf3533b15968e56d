// Byte streams of a layer on its way in (ingest.hpp).
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "image/digest.hpp"
#include "tar/fd_stream.hpp"

#include <atomic>
#include <memory>

namespace msb::image {

class MemorySource : public Source {
  public:
    explicit MemorySource(BytesView data) : data_(data) {}
    Result<std::size_t> read(MutableBytesView buffer) override;

  private:
    BytesView data_;
};

/// Incremental SHA-256 (OpenSSL: uses the processor's SHA instructions).
class Sha256Stream {
  public:
    Sha256Stream();
    ~Sha256Stream();
    Sha256Stream(Sha256Stream&&) noexcept;
    Sha256Stream& operator=(Sha256Stream&&) noexcept;
    void update(BytesView data);
    /// Ends the stream; call once.
    Digest finish();

  private:
    void* context_;
};

/// Passes bytes through and counts them. `limit` bytes are allowed; one more is limit_exceeded.
/// `counter`, if given, follows `count()` and may be read by another process.
class LimitedSource : public Source {
  public:
    LimitedSource(Source& inner, std::uint64_t limit, std::string what,
                  std::atomic<std::uint64_t>* counter = nullptr)
        : inner_(inner), limit_(limit), what_(std::move(what)), counter_(counter) {}
    Result<std::size_t> read(MutableBytesView buffer) override;
    std::uint64_t count() const { return count_; }

  private:
    Source& inner_;
    std::uint64_t limit_;
    std::string what_;
    std::atomic<std::uint64_t>* counter_;
    std::uint64_t count_ = 0;
};

/// Passes bytes through and hashes them.
class HashingSource : public Source {
  public:
    explicit HashingSource(Source& inner) : inner_(inner) {}
    Result<std::size_t> read(MutableBytesView buffer) override;
    Digest finish() { return hash_.finish(); }

  private:
    Source& inner_;
    Sha256Stream hash_;
};

/// Reads to the end.
Status drain(Source& source);

/// Recognises gzip, zstd or neither by the first bytes and undoes it. Media types are ignored,
/// because they are often wrong. bzip2, xz and others are `unsupported`.
Result<std::unique_ptr<Source>> decompress(Source& inner);

} // namespace msb::image
