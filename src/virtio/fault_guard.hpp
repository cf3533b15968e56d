// A shared mapping that survives its file being truncated.
//
// Theory of operation. Guest RAM is a file that the engine process owns, and the engine is assumed
// hostile. If the engine truncates the file, the next access through our mapping raises SIGBUS,
// which would kill the process that also serves this sandbox's other devices. File seals would
// forbid it, but User Mode Linux puts its RAM into an ordinary tmpfs file, which cannot be sealed.
// So a SIGBUS handler, which acts only on addresses inside a live GuardedMapping, replaces the
// whole mapping by private zero pages and marks it faulted; the interrupted instruction is then
// restarted and reads zeroes. Devices look at the mark and stop. Any other SIGBUS ends the process.
//
// The live mappings are a fixed table of atomics, because the handler may run on any thread and
// may take no lock. The handler's only system calls are mmap and rt_sigreturn.
#pragma once

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>

namespace msb::virtio {

/// Takes SIGBUS over for the whole process. map() does it too; a process that will confine itself
/// calls it before, so that it need not be allowed rt_sigaction.
void install_fault_guard();

class GuardedMapping {
  public:
    /// Maps `length` bytes of `fd` at `offset` (a multiple of the page size), shared, readable and
    /// writable. limit_exceeded if a process would have more than 64 such mappings.
    static Result<GuardedMapping> map(int fd, std::uint64_t offset, std::size_t length);

    GuardedMapping() = default;
    GuardedMapping(GuardedMapping&& other) noexcept;
    GuardedMapping& operator=(GuardedMapping&& other) noexcept;
    GuardedMapping(const GuardedMapping&) = delete;
    GuardedMapping& operator=(const GuardedMapping&) = delete;
    ~GuardedMapping();

    std::uint8_t* data() const { return data_; }
    std::size_t size() const { return length_; }
    bool faulted() const;

  private:
    void release();

    std::uint8_t* data_ = nullptr;
    std::size_t length_ = 0;
    std::size_t slot_ = 0;
};

} // namespace msb::virtio
