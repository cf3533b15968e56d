#include "virtio/fault_guard.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <mutex>
#include <sys/mman.h>
#include <utility>

namespace msb::virtio {

namespace {

struct Slot {
    std::atomic<bool> used{false};
    std::atomic<std::uintptr_t> begin{0}; ///< 0: not to be looked at by the handler.
    std::atomic<std::size_t> length{0};
    std::atomic<bool> faulted{false};
};

constinit std::array<Slot, 64> slots;

bool replace_by_zero_pages(std::uintptr_t address) {
    for (Slot& slot : slots) {
        const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
        const std::size_t length = slot.length.load(std::memory_order_relaxed);
        if (begin == 0 || address < begin || address - begin >= length)
            continue;
        slot.faulted.store(true, std::memory_order_relaxed);
        void* const where = reinterpret_cast<void*>(begin);
        return ::mmap(where, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == where;
    }
    return false;
}

void on_sigbus(int, siginfo_t* info, void*) {
    const int saved_errno = errno;
    // SIGILL and its core dump; needs no system call, which a jail might refuse and so make us
    // return to the same fault for ever.
    if (!replace_by_zero_pages(reinterpret_cast<std::uintptr_t>(info->si_addr)))
        __builtin_trap();
    errno = saved_errno;
}

std::size_t claim_slot() {
    for (std::size_t i = 0; i < slots.size(); ++i) {
        bool expected = false;
        if (slots[i].used.compare_exchange_strong(expected, true))
            return i;
    }
    return slots.size();
}

} // namespace

void install_fault_guard() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action{};
        action.sa_sigaction = on_sigbus;
        action.sa_flags = SA_SIGINFO | SA_RESTART;
        ::sigaction(SIGBUS, &action, nullptr);
    });
}

Result<GuardedMapping> GuardedMapping::map(int fd, std::uint64_t offset, std::size_t length) {
    install_fault_guard();
    const std::size_t slot = claim_slot();
    if (slot == slots.size())
        return fail(ErrorKind::limit_exceeded, "too many guest memory mappings in one process");
    void* const data = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                              fd, static_cast<off_t>(offset));
    if (data == MAP_FAILED) {
        auto error = fail_errno("mmap", "guest memory");
        slots[slot].used.store(false);
        return error;
    }
    GuardedMapping mapping;
    mapping.data_ = static_cast<std::uint8_t*>(data);
    mapping.length_ = length;
    mapping.slot_ = slot;
    slots[slot].faulted.store(false);
    slots[slot].length.store(length);
    slots[slot].begin.store(reinterpret_cast<std::uintptr_t>(data), std::memory_order_release);
    return mapping;
}

GuardedMapping::GuardedMapping(GuardedMapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), length_(std::exchange(other.length_, 0)),
      slot_(other.slot_) {}

GuardedMapping& GuardedMapping::operator=(GuardedMapping&& other) noexcept {
    if (this != &other) {
        release();
        data_ = std::exchange(other.data_, nullptr);
        length_ = std::exchange(other.length_, 0);
        slot_ = other.slot_;
    }
    return *this;
}

GuardedMapping::~GuardedMapping() {
    release();
}

void GuardedMapping::release() {
    if (data_ == nullptr)
        return;
    // First out of the handler's sight: the address range may be reused right after munmap.
    slots[slot_].begin.store(0, std::memory_order_release);
    ::munmap(std::exchange(data_, nullptr), std::exchange(length_, 0));
    slots[slot_].used.store(false);
}

bool GuardedMapping::faulted() const {
    return data_ != nullptr && slots[slot_].faulted.load(std::memory_order_relaxed);
}

} // namespace msb::virtio
