#include "virtio/testing/driver.hpp"

#include "base/system.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/socket.h>
#include <utility>

namespace msb::virtio::testing {

namespace {

[[noreturn]] void give_up(const char* why) {
    std::fprintf(stderr, "test driver: %s\n", why);
    std::abort();
}

template <typename T> void put(std::uint8_t* at, T value) {
    std::atomic_ref(*reinterpret_cast<T*>(at)).store(value, std::memory_order_release);
}
template <typename T> T get(std::uint8_t* at) {
    return std::atomic_ref(*reinterpret_cast<T*>(at)).load(std::memory_order_acquire);
}

} // namespace

Ram::Ram(std::size_t size) : size_(size) {
    auto fd = sys::memfd("test-ram");
    if (!fd || !sys::truncate(fd->get(), size))
        give_up("no memfd");
    fd_ = std::move(*fd);
    void* const mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    if (mapped == MAP_FAILED)
        give_up("no mapping");
    bytes_ = static_cast<std::uint8_t*>(mapped);
    std::vector<MemoryRegion> regions;
    regions.push_back({.guest_address = guest_base,
                       .size = size,
                       .user_address = user_base,
                       .file_offset = 0,
                       .fd = *sys::dup(fd_.get())});
    auto memory = GuestMemory::map(std::move(regions));
    if (!memory)
        give_up("guest memory refused");
    memory_ = std::move(*memory);
}

Ram::~Ram() {
    ::munmap(bytes_, size_);
}

std::uint64_t Ram::allocate(std::size_t size, std::size_t alignment) {
    const std::size_t begin = align_up(next_, alignment);
    if (begin + size > size_)
        give_up("out of guest memory");
    next_ = begin + size;
    return guest_base + begin;
}

std::uint64_t Ram::store(BytesView bytes) {
    const std::uint64_t address = allocate(bytes.size());
    std::memcpy(at(address), bytes.data(), bytes.size());
    return address;
}

Bytes Ram::load(std::uint64_t guest_address, std::size_t size) {
    return Bytes(at(guest_address), at(guest_address) + size);
}

void Ram::clear() {
    std::memset(bytes_, 0, std::exchange(next_, 0));
}

DriverRing::DriverRing(Ram& ram, std::uint16_t size, bool event_index)
    : ram_(ram), size_(size), event_index_(event_index),
      descriptors_(ram.allocate(std::size_t{16} * size)),
      available_(ram.allocate(6 + std::size_t{2} * size)),
      used_(ram.allocate(6 + std::size_t{8} * size)) {}

Queue::Config DriverRing::config() const {
    const std::uint64_t shift = Ram::user_base - Ram::guest_base;
    return {.size = size_,
            .descriptors = descriptors_ + shift,
            .available = available_ + shift,
            .used = used_ + shift,
            .event_index = event_index_,
            .indirect = true};
}

void DriverRing::set_descriptor(std::uint16_t index, std::uint64_t address, std::uint32_t length,
                                std::uint16_t flags, std::uint16_t next) {
    std::uint8_t* const at = ram_.at(descriptors_) + std::size_t{16} * index;
    std::memcpy(at, &address, 8);
    std::memcpy(at + 8, &length, 4);
    std::memcpy(at + 12, &flags, 2);
    std::memcpy(at + 14, &next, 2);
}

std::uint16_t DriverRing::add(const std::vector<Buffer>& buffers, bool indirect) {
    const std::uint16_t head = next_descriptor_;
    if (head + (indirect ? 1 : buffers.size()) > size_)
        give_up("ring is too small for the test");
    const std::uint64_t table = indirect ? ram_.allocate(16 * buffers.size()) : descriptors_;
    const std::uint16_t first = indirect ? std::uint16_t{0} : head;
    for (std::size_t i = 0; i < buffers.size(); ++i) {
        const auto index = static_cast<std::uint16_t>(first + i);
        const bool last = i + 1 == buffers.size();
        const auto flags = static_cast<std::uint16_t>((buffers[i].writable ? desc_write : 0) |
                                                      (last ? 0 : desc_next));
        const std::uint16_t next = last ? std::uint16_t{0} : static_cast<std::uint16_t>(index + 1);
        std::uint8_t* const at = ram_.at(table) + std::size_t{16} * index;
        std::memcpy(at, &buffers[i].address, 8);
        std::memcpy(at + 8, &buffers[i].length, 4);
        std::memcpy(at + 12, &flags, 2);
        std::memcpy(at + 14, &next, 2);
    }
    if (indirect)
        set_descriptor(head, table, static_cast<std::uint32_t>(16 * buffers.size()), desc_indirect,
                       0);
    next_descriptor_ = static_cast<std::uint16_t>(head + (indirect ? 1 : buffers.size()));
    publish(head);
    return head;
}

void DriverRing::publish(std::uint16_t head) {
    std::uint8_t* const entry =
        ram_.at(available_) + 4 + std::size_t{2} * (available_index_ % size_);
    put<std::uint16_t>(entry, head);
    set_available_index(static_cast<std::uint16_t>(available_index_ + 1));
}

void DriverRing::set_available_index(std::uint16_t index) {
    available_index_ = index;
    put<std::uint16_t>(ram_.at(available_) + 2, index);
}

std::optional<Used> DriverRing::used() {
    if (get<std::uint16_t>(ram_.at(used_) + 2) == seen_used_)
        return std::nullopt;
    std::uint8_t* const entry = ram_.at(used_) + 4 + std::size_t{8} * (seen_used_++ % size_);
    return Used{get<std::uint32_t>(entry), get<std::uint32_t>(entry + 4)};
}

void DriverRing::set_used_event(std::uint16_t index) {
    put<std::uint16_t>(ram_.at(available_) + 4 + std::size_t{2} * size_, index);
}

std::uint16_t DriverRing::available_event() const {
    return get<std::uint16_t>(ram_.at(used_) + 4 + std::size_t{8} * size_);
}

void send_with_fds(int socket, BytesView data, const std::vector<int>& fds) {
    iovec piece{const_cast<std::uint8_t*>(data.data()), data.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 16)] = {};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
        cmsghdr* const item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
        std::memcpy(CMSG_DATA(item), fds.data(), sizeof(int) * fds.size());
    }
    ::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace msb::virtio::testing
