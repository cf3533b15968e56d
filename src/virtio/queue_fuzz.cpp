// A ring of arbitrary bytes, changed by another thread while the device walks it.
#include "virtio/queue.hpp"
#include "virtio/testing/driver.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

using namespace msb;
using namespace msb::virtio;

namespace {

constexpr std::size_t ram_size = 1 << 16;

/// Writes pieces of the input over the rings for as long as the device looks at them.
class Mutator {
  public:
    explicit Mutator(testing::Ram& ram) : ram_(ram), thread_([this] { work(); }) {}
    ~Mutator() {
        stop_.store(true);
        thread_.join();
    }
    void use(const std::uint8_t* data, std::size_t size) {
        data_.store(nullptr);
        while (busy_.load())
            std::this_thread::yield();
        size_.store(size);
        data_.store(size == 0 ? nullptr : data);
    }

  private:
    void work() {
        std::uint64_t state = 1;
        while (!stop_.load()) {
            busy_.store(true);
            if (const std::uint8_t* const data = data_.load(); data != nullptr) {
                state = state * 6364136223846793005ULL + 1442695040888963407ULL;
                const std::size_t from = (state >> 33) % size_.load();
                // Rings first: most of the first kilobyte is ring.
                auto* const to = ram_.at(testing::Ram::guest_base + (state >> 20) % 1024);
                std::atomic_ref(*to).store(data[from], std::memory_order_relaxed);
            }
            busy_.store(false);
        }
    }
    testing::Ram& ram_;
    std::atomic<const std::uint8_t*> data_{nullptr};
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> busy_{false};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

void drain(Queue& queue, std::size_t limit) {
    Chain chain;
    Bytes scratch(4096);
    for (std::size_t i = 0; i < limit && queue.pop(chain); ++i) {
        Cursor reader = chain.reader();
        reader.read(scratch);
        Cursor writer = chain.writer();
        writer.skip(3);
        const std::size_t written = writer.write(BytesView(scratch).first(64));
        queue.push(chain, static_cast<std::uint32_t>(written));
        queue.notify();
    }
    queue.arm();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static testing::Ram ram(ram_size);
    static Mutator mutator(ram);
    mutator.use(nullptr, 0);
    ram.clear();
    std::memset(ram.at(testing::Ram::guest_base), 0, ram_size);
    testing::DriverRing ring(ram, 32);
    std::memcpy(ram.at(testing::Ram::guest_base), data, std::min(size, ram_size));
    for (const bool event_index : {false, true}) {
        auto config = ring.config();
        config.event_index = event_index;
        Queue queue;
        if (!queue.start(ram.memory(), config, nullptr))
            std::abort();
        drain(queue, 64);
        mutator.use(data, size);
        if (!queue.start(ram.memory(), config, nullptr))
            std::abort();
        drain(queue, 256);
        mutator.use(nullptr, 0);
    }
    return 0;
}
