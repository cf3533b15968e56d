// virtio-blk (virtio 1.2 §5.2): a disk made of pieces of host files.
//
// I/O is done on the loop's thread, straight between the files and guest memory, so give a Blk a
// virtio::DeviceThread of its own. Reads that the host's page cache cannot answer at once are first
// all announced to the kernel and then waited for, which keeps the host's disk busy without more
// threads. (Polling the ring for a while before sleeping was tried and was slower: on few cores the
// poller stands in the way of the guest it waits for.)
//
// A write for which the host has no room is held and tried again, so that a guest waits for room
// instead of losing its file system. Other requests go on beside it, unless too many are held. One
// that has waited too long fails as on a broken disk.
//
// System calls at run time, beside those of VhostUserServer: preadv2, pwritev, fdatasync,
// fallocate, fadvise64, pwrite64 (zeroes, on file systems without fallocate).
#pragma once

#include "base/event_loop.hpp"
#include "base/result.hpp"
#include "device/blk/disk.hpp"
#include "virtio/device.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace msb::device {

enum class Durability {
    flush, ///< A guest flush (and so FUA) is fdatasync: what was flushed survives a host crash.
    none,  ///< For throw-away disks: no flush is offered, data lives in the host's page cache.
};

class Blk final : public virtio::Device {
  public:
    struct Config {
        std::vector<Extent> extents; ///< The disk is their concatenation.
        bool read_only = false;
        std::string serial; ///< At most 20 bytes, what the guest sees as /sys/block/vdX/serial.
        Durability durability = Durability::flush;
        std::uint16_t queues = 1; ///< All served by one thread.
        /// Called on the device's thread when the first write waits for room on the host, and when
        /// none does any more.
        std::function<void(bool waiting)> on_full;
        std::chrono::milliseconds retry_period{500};
        std::chrono::milliseconds patience{std::chrono::minutes(2)}; ///< with each write
    };
    /// invalid_argument: see Disk::create(), and a serial that is too long, and no queue.
    static Result<std::unique_ptr<Blk>> create(Config config);
    ~Blk() override;

    /// Makes the disk so large, on the device's thread: its last file is. invalid_argument: smaller
    /// than it is, or not a multiple of 512. The driver has to be told of a configuration change.
    Status grow(std::uint64_t size);

    /// What the guest has read and written so far. Of any thread.
    std::uint64_t bytes_read() const { return bytes_read_.load(std::memory_order_relaxed); }
    std::uint64_t bytes_written() const { return bytes_written_.load(std::memory_order_relaxed); }

    virtio::DeviceId id() const override { return virtio::DeviceId::block; }
    std::uint64_t features() const override;
    std::uint16_t queue_count() const override { return config_.queues; }
    void read_config(std::uint32_t offset, MutableBytesView out) override;
    void write_config(std::uint32_t offset, BytesView data) override;
    void set_loop(EventLoop& loop) override { loop_ = &loop; }
    void set_features(std::uint64_t features) override;
    void queue_started(std::uint16_t index, virtio::Queue& queue) override;
    void queue_stopped(std::uint16_t index) override;
    bool queue_kicked(std::uint16_t index) override;
    void reset() override;

  private:
    struct Request {
        virtio::Chain chain;
        Disk::Read read; ///< IN only: its cursor points into the chain.
        std::uint64_t written = 0;
    };
    struct Segment;
    /// A request that waits for room on the host.
    struct Held {
        virtio::Queue* queue;
        std::unique_ptr<Request> request;
        EventLoop::Clock::time_point since;
    };

    Blk(Config config, Disk disk);
    void build_config();

    bool serve(virtio::Queue& queue, int& budget);
    void finish_waiting(virtio::Queue& queue);
    void hold(virtio::Queue& queue);
    void retry_later(std::chrono::milliseconds pause);
    void retry();
    void report_full(bool waiting);

    /// The status byte (or no_room), or nothing if the request waits for the disk.
    std::optional<std::uint8_t> execute(Request& request);
    std::optional<std::uint8_t> execute_read(Request& request, std::uint64_t sector);
    std::uint8_t finish_read(Request& request);
    std::uint8_t execute_write(std::uint64_t sector, virtio::Cursor data);
    std::uint8_t execute_flush();
    std::uint8_t execute_get_id(Request& request);
    std::uint8_t execute_segments(std::uint32_t type, virtio::Cursor data);
    std::uint8_t execute_segment(std::uint32_t type, const Segment& segment);
    void complete(virtio::Queue& queue, Request& request, std::uint8_t status);
    std::uint8_t io_status(int error, const char* what);
    std::uint8_t change_status(int error, const char* what);
    bool in_range(std::uint64_t sector, std::uint64_t bytes) const;

    Config config_;
    Disk disk_;
    std::array<std::uint8_t, 60> config_space_{};
    std::uint64_t features_ = 0;
    bool write_through_ = false;
    std::vector<virtio::Queue*> queues_; ///< nullptr: stopped.
    /// Requests in hand. [0, waiting_) wait for the disk; the next one is being executed. The
    /// objects stay, to keep the capacity of their lists.
    std::vector<std::unique_ptr<Request>> requests_;
    std::size_t waiting_ = 0;
    std::vector<Held> held_; ///< In the order in which they came.
    bool waits_for_room_ = false;
    EventLoop* loop_ = nullptr;
    EventLoop::TimerId retry_timer_ = 0;
    std::atomic<std::uint64_t> bytes_read_ = 0;
    std::atomic<std::uint64_t> bytes_written_ = 0;
    bool complained_ = false; ///< One line about host I/O errors is enough.
};

} // namespace msb::device
