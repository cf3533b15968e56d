#include "engine/kvm/memory.hpp"

#include "base/system.hpp"
#include "engine/kvm/arch/x86_64/ram.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>

namespace msb::engine::kvm {

Result<Memory> Memory::create(std::uint64_t bytes) {
    Memory memory;
    memory.size_ = align_up<std::uint64_t>(bytes, 4096);
    memory.ranges_ = layout::ram(memory.size_);
    memory.fd_ = OwnedFd(::memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory.fd_)
        return fail_errno("memfd_create", "guest memory");
    MSB_TRY(sys::truncate(memory.fd_.get(), memory.size_));
    // Nobody who is given the file can take pages away under another who has mapped them.
    if (::fcntl(memory.fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
        return fail_errno("fcntl(F_ADD_SEALS)", "guest memory");
    void* const mapped = ::mmap(nullptr, memory.size_, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_NORESERVE, memory.fd_.get(), 0);
    if (mapped == MAP_FAILED)
        return fail_errno("mmap", fmt::format("{} bytes of guest memory", memory.size_));
    (void)::madvise(mapped, memory.size_, MADV_HUGEPAGE); // where the host has them for files
    memory.bytes_ = static_cast<std::uint8_t*>(mapped);
    return memory;
}

Result<MappedFile> MappedFile::open(const std::string& path) {
    const OwnedFd fd = MSB_TRY(sys::open(path, O_RDONLY));
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(fd.get())).st_size);
    if (size == 0)
        return fail(ErrorKind::corrupt, fmt::format("'{}' is empty", path));
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (mapped == MAP_FAILED)
        return fail_errno("mmap", path);
    return MappedFile({static_cast<const std::uint8_t*>(mapped), size});
}

MappedFile::~MappedFile() {
    if (!bytes_.empty())
        ::munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

} // namespace msb::engine::kvm
