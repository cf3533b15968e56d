// Guest RAM: a sealed file without a name, which the processes of the devices map, too.
#pragma once

#include "base/bytes.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"
#include "virtio/frontend/frontend.hpp"

#include <vector>

namespace msb::engine::kvm {

class Memory {
  public:
    static Result<Memory> create(std::uint64_t bytes);

    int fd() const { return fd_.get(); }
    std::uint64_t size() const { return size_; }
    /// Where the guest has it.
    const std::vector<virtio::RamRange>& ranges() const { return ranges_; }
    std::uint8_t* at(const virtio::RamRange& range) const { return bytes_ + range.file_offset; }
    /// From guest address 0 to the first gap.
    MutableBytesView low() const { return {bytes_, static_cast<std::size_t>(ranges_[0].size)}; }

  private:
    OwnedFd fd_;
    std::uint64_t size_ = 0;
    std::uint8_t* bytes_ = nullptr; ///< never unmapped: CPUs run on it until the process ends
    std::vector<virtio::RamRange> ranges_;
};

/// The bytes of a file, mapped for as long as the object lives.
class MappedFile {
  public:
    static Result<MappedFile> open(const std::string& path);
    ~MappedFile();
    MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile& operator=(MappedFile&&) = delete;
    BytesView bytes() const { return bytes_; }

  private:
    explicit MappedFile(BytesView bytes) : bytes_(bytes) {}
    BytesView bytes_;
};

} // namespace msb::engine::kvm
