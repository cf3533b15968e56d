#include "image/stream.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <openssl/evp.h>
#include <utility>

namespace msb::image {

Result<std::size_t> MemorySource::read(MutableBytesView buffer) {
    const std::size_t count = std::min(buffer.size(), data_.size());
    std::copy_n(data_.begin(), count, buffer.begin());
    data_ = data_.subspan(count);
    return count;
}

// EVP calls on SHA-256 fail only without memory; there is nothing better to do then than to end.
Sha256Stream::Sha256Stream() {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1)
        std::abort();
    context_ = context;
}
Sha256Stream::~Sha256Stream() {
    EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_));
}
Sha256Stream::Sha256Stream(Sha256Stream&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}
Sha256Stream& Sha256Stream::operator=(Sha256Stream&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
}
void Sha256Stream::update(BytesView data) {
    EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), data.data(), data.size());
}
Digest Sha256Stream::finish() {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), digest.data(), &size);
    return Digest::from_bytes(BytesView(digest).first(size));
}

Result<std::size_t> LimitedSource::read(MutableBytesView buffer) {
    const std::size_t count = MSB_TRY(inner_.read(buffer));
    count_ += count;
    if (count_ > limit_)
        return fail(ErrorKind::limit_exceeded,
                    what_ + " is larger than " + std::to_string(limit_) + " bytes");
    if (counter_)
        counter_->store(count_, std::memory_order_relaxed);
    return count;
}

Result<std::size_t> HashingSource::read(MutableBytesView buffer) {
    const std::size_t count = MSB_TRY(inner_.read(buffer));
    hash_.update(buffer.first(count));
    return count;
}

Status drain(Source& source) {
    Bytes buffer(std::size_t{64} << 10);
    while (MSB_TRY(source.read(buffer)) > 0) {
    }
    return {};
}

} // namespace msb::image
