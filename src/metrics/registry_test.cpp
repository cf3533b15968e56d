#include "base/file.hpp"
#include "base/system.hpp"
#include "metrics/registry.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <set>
#include <sys/mman.h>

namespace msb::metrics {

namespace {

/// The page of a slot, as a runtime has it.
class Page {
  public:
    explicit Page(const Registry::Reserved& reserved)
        : memory_(static_cast<std::uint8_t*>(
              ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                     reserved.segment.get(), static_cast<off_t>(reserved.place.offset())))) {}
    ~Page() { ::munmap(memory_, page_bytes); }
    std::uint8_t* data() const { return memory_; }

  private:
    std::uint8_t* memory_;
};

class MetricsRegistry : public testing::Test {
  protected:
    MetricsRegistry() {
        char path[] = "/tmp/msb-metrics.XXXXXX";
        home_ = ::mkdtemp(path);
    }
    ~MetricsRegistry() override {
        ::shm_unlink(registry().segment_name().c_str());
        (void)remove_tree(home_);
    }

    Registry registry() const {
        return {home_, [this](const std::string& name) { return alive_.contains(name); }};
    }
    Result<Registry::Reserved> reserve(const std::string& name) {
        auto reserved = registry().reserve(
            {.name = name, .memory_limit = 1 << 20, .interval_ms = 1000, .sandboxes = 2});
        if (reserved)
            alive_.insert(name);
        return reserved;
    }
    static void sample(const Page& page, const Place& place, std::uint64_t cpu_time_ns) {
        auto writer = SlotWriter::open(page.data(), place);
        ASSERT_TRUE(writer);
        writer->activate(1000);
        writer->publish({.sampled_at_ms = 2000, .cpu_time_ns = cpu_time_ns}, {.cpus = 1});
    }
    void corrupt(std::uint64_t offset) const {
        const int fd = ::shm_open(registry().segment_name().c_str(), O_RDWR, 0);
        ASSERT_TRUE(sys::pwrite_all(fd, as_bytes("rubbish!"), offset));
        ::close(fd);
    }

    std::string home_;
    std::set<std::string> alive_;
};

TEST_F(MetricsRegistry, IsEmptyBeforeAnybodyNeedsIt) {
    EXPECT_TRUE(registry().read()->empty());
    EXPECT_FALSE(*registry().read("box"));
    EXPECT_TRUE(registry().release("box"));
    EXPECT_FALSE(exists(home_ + "/run"));
}

TEST_F(MetricsRegistry, ARuntimesNumbersAreRead) {
    const auto reserved = reserve("box");
    ASSERT_TRUE(reserved);
    EXPECT_FALSE((*registry().read("box"))->sample);
    const Page page(*reserved);
    sample(page, reserved->place, 42);
    const auto entry = *registry().read("box");
    ASSERT_TRUE(entry && entry->sample);
    EXPECT_TRUE(entry->sample->active);
    EXPECT_EQ(entry->sample->cpu_time_ns, 42U);
    EXPECT_EQ(entry->run, reserved->place.generation);
}

TEST_F(MetricsRegistry, NoTwoSandboxesShareAPage) {
    const auto one = reserve("one");
    const auto two = reserve("two");
    ASSERT_TRUE(one && two);
    EXPECT_GE(one->place.page, 1U);
    EXPECT_NE(one->place.page, two->place.page);
}

TEST_F(MetricsRegistry, WhatARuntimeWritesGivesItNoOtherSlot) {
    const auto one = reserve("one");
    const Page page(*one);
    sample(page, one->place, 1);
    auto& slot = *reinterpret_cast<Slot*>(page.data() + slot_in_page);
    slot.state = SlotState::free;
    std::copy_n("two", 4, slot.name);
    const auto two = reserve("two");
    ASSERT_TRUE(two);
    EXPECT_NE(one->place.page, two->place.page);
    EXPECT_FALSE((*registry().read("two"))->sample);
    // Never leaving it alone only hides its own numbers.
    slot.sequence |= 1;
    EXPECT_FALSE((*registry().read("one"))->sample);
}

TEST_F(MetricsRegistry, SlotsOfTheDeadAreGivenOutAgain) {
    ASSERT_TRUE(reserve("one"));
    ASSERT_TRUE(reserve("two"));
    const auto full = reserve("three");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().kind(), ErrorKind::limit_exceeded);
    alive_.erase("one"); // killed, and nobody noticed
    EXPECT_TRUE(reserve("three"));
    EXPECT_FALSE(*registry().read("one"));
    EXPECT_FALSE(reserve("four"));
}

TEST_F(MetricsRegistry, AnOldRunsNumbersAreNotTheNewOnes) {
    const auto first = reserve("box");
    const Page page(*first);
    sample(page, first->place, 1);
    const auto second = reserve("box");
    ASSERT_TRUE(second);
    EXPECT_EQ(first->place.page, second->place.page);
    EXPECT_FALSE((*registry().read("box"))->sample);
    EXPECT_FALSE(SlotWriter::open(page.data(), first->place));
    sample(page, second->place, 2);
    EXPECT_EQ((*registry().read("box"))->sample->restarts, 1U);
}

TEST_F(MetricsRegistry, TheLastSampleOutlivesTheRun) {
    const auto reserved = reserve("box");
    const Page page(*reserved);
    sample(page, reserved->place, 9);
    EXPECT_TRUE(registry().release("box"));
    EXPECT_FALSE((*registry().read("box"))->sample->active);
    EXPECT_TRUE(registry().forget("box"));
    EXPECT_FALSE(*registry().read("box"));
    // Without a sample there is nothing to keep.
    ASSERT_TRUE(reserve("failed"));
    EXPECT_TRUE(registry().release("failed"));
    EXPECT_FALSE(*registry().read("failed"));
}

TEST_F(MetricsRegistry, ADamagedOneIsMadeAnewWhenNobodyLives) {
    ASSERT_TRUE(reserve("one"));
    corrupt(0);
    EXPECT_EQ(registry().read().error().kind(), ErrorKind::corrupt);
    const auto refused = reserve("two");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::corrupt);
    alive_.clear();
    EXPECT_TRUE(reserve("two"));
    EXPECT_EQ(registry().read()->size(), 1U);
}

TEST_F(MetricsRegistry, ALostOneIsMadeAnew) {
    const auto old = reserve("one");
    ::shm_unlink(registry().segment_name().c_str());
    EXPECT_TRUE(registry().read()->empty());
    EXPECT_TRUE(reserve("two"));
    EXPECT_EQ(registry().read()->size(), 1U);
    // Nor does a lost table let two share what one still has mapped.
    const Page page(*old);
    ASSERT_TRUE(sys::unlink(home_ + "/run/metrics/owners"));
    const auto again = reserve("three");
    ASSERT_TRUE(again);
    sample(page, old->place, 5);
    EXPECT_FALSE((*registry().read("three"))->sample);
}

TEST_F(MetricsRegistry, AnotherSizeWaitsForTheLiving) {
    ASSERT_TRUE(reserve("one"));
    const auto larger = [&] {
        return registry().reserve({.name = "big", .sandboxes = 9}).has_value() &&
               sys::stat("/dev/shm" + registry().segment_name())->st_size ==
                   static_cast<off_t>(segment_bytes(capacity_for(9)));
    };
    EXPECT_FALSE(larger());
    alive_.clear();
    EXPECT_TRUE(larger());
}

TEST_F(MetricsRegistry, SomebodyElsesIsRefused) {
    const int fd = ::shm_open(registry().segment_name().c_str(), O_RDWR | O_CREAT, 0600);
    ASSERT_EQ(::fchmod(fd, 0666), 0);
    ::close(fd);
    const auto refused = reserve("box");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::permission_denied);
}

} // namespace

} // namespace msb::metrics
