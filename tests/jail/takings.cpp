// What limits are to bound: memory in all its forms, timers, page tables.
#include "attempts.hpp"

#include <csignal>
#include <cstdint>
#include <ctime>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace attempts {

namespace {

constexpr std::size_t gib = std::size_t{1} << 30;

bool maps(std::size_t size, int protection, int flags) {
    return ::mmap(nullptr, size, protection, flags | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}
bool share_memory() {
    return maps(gib, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
}
bool take_private_memory() {
    return maps(4 * gib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}
bool take_stack_memory() {
    return maps(4 * gib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN);
}
/// Pages that are only read cost no memory, but page tables.
bool take_addresses() {
    return maps(gib * 32 * 1024, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
}
/// A piece of the stack, made large.
bool stretch_stack() {
    constexpr std::size_t page_size = 4096;
    char room[16 * page_size]; // a page in its middle may go without harm
    auto* const page = reinterpret_cast<void*>(
        reinterpret_cast<std::uintptr_t>(room + 8 * page_size) & ~(page_size - 1));
    return ::mremap(page, page_size, gib, MREMAP_MAYMOVE) != MAP_FAILED;
}
bool take_huge_pages() {
    return maps(std::size_t{2} << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB) ||
           ::memfd_create("x", MFD_HUGETLB) >= 0;
}
bool take_timers() {
    sigevent event{};
    event.sigev_notify = SIGEV_NONE;
    int count = 0;
    for (int id = 0; count < 6000; ++count)
        if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) != 0)
            return false;
    return true;
}
bool make_memory_files() {
    return ::memfd_create("x", 0) >= 0;
}
/// Merging also works across processes: the time of a write tells whether another process has an
/// equal page.
bool merge_pages() {
    void* const page =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page != MAP_FAILED && ::madvise(page, 4096, MADV_MERGEABLE) == 0;
}

constexpr Attempt table[] = {
    {"share-memory", share_memory, true},
    {"take-private-memory", take_private_memory, true},
    {"take-stack-memory", take_stack_memory, true},
    {"take-addresses", take_addresses, true},
    {"stretch-stack", stretch_stack, true},
    {"take-huge-pages", take_huge_pages, false},
    {"take-timers", take_timers, true},
    {"make-memory-files", make_memory_files, true},
    {"merge-pages", merge_pages, false},
};

} // namespace

std::span<const Attempt> takings() {
    return table;
}

} // namespace attempts
