#include "base/system.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"
#include "engine/kvm/arch/x86_64/ram.hpp"
#include "engine/kvm/bus.hpp"
#include "engine/kvm/memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

namespace msb::engine::kvm {
namespace {

class BusTest : public ::testing::Test {
  protected:
    void write(std::uint16_t port, std::uint8_t value) { bus_.write_port(port, {&value, 1}); }
    void print(std::string_view text) {
        for (const char letter : text)
            write(layout::serial_port, static_cast<std::uint8_t>(letter));
    }
    std::string console() {
        std::array<std::uint8_t, 1024> buffer;
        const std::size_t count = *sys::read(pipe_[0].get(), buffer);
        return std::string(as_text({buffer.data(), count}));
    }

    std::array<OwnedFd, 2> pipe_ = *sys::pipe();
    Bus bus_{{}, *sys::event_fd(), pipe_[1].get()};
};

TEST_F(BusTest, TheConsoleIsWrittenByLines) {
    print("one\ntwo");
    EXPECT_EQ(console(), "one\n");
    print(std::string(300, 'x'));
    EXPECT_EQ(console().size(), 256u);
}

TEST_F(BusTest, WhereNoPortIsThereAreOnes) {
    Bytes data(4);
    for (const std::uint16_t port :
         std::initializer_list<std::uint16_t>{0x0, 0x20, 0x60, 0x64, 0x70, 0xcf8, 0xffff}) {
        bus_.write_port(port, data);
        bus_.read_port(port, data);
        EXPECT_EQ(data, Bytes(4, 0xff)) << port;
        data.assign(4, 0);
    }
    write(layout::reset_port, 0); // none of the values that end the machine
    write(layout::sleep_control_port, 5 << 2);
    write(layout::sleep_control_port, 1 << 5);
    write(layout::panic_port, 2);
}

using BusDeathTest = BusTest;

TEST_F(BusDeathTest, EndsAreToldByExitCodes) {
    const auto code = [](End end) { return ::testing::ExitedWithCode(static_cast<int>(end)); };
    EXPECT_EXIT(write(layout::sleep_control_port, 1 << 5 | 5 << 2), code(End::powered_off), "");
    EXPECT_EXIT(write(layout::reset_port, 1), code(End::reset), "");
    EXPECT_EXIT(write(layout::panic_port, 1), code(End::panicked), "");
    Bytes data(4);
    for (const std::uint64_t address :
         {std::uint64_t{0xc000'0000}, layout::devices, layout::io_apic, ~std::uint64_t{0} - 3}) {
        EXPECT_EXIT(bus_.read_memory(address, data), code(End::stray_access), "");
        EXPECT_EXIT(bus_.write_memory(address, data), code(End::stray_access), "");
    }
}

TEST_F(BusDeathTest, TheConsoleSaysWhy) {
    print("last words");
    EXPECT_EXIT(bus_.end(End::triple_fault, "here"), ::testing::ExitedWithCode(12), "");
    EXPECT_EQ(console(), "last words\nmicrovm: the guest has crashed (triple fault): here\n");
}

TEST(GuestMemoryFile, CannotBeResizedByWhoeverGetsIt) {
    const auto memory = Memory::create(2 << 20);
    ASSERT_TRUE(memory) << memory.error().to_string();
    EXPECT_EQ(::ftruncate(memory->fd(), 1 << 20), -1);
    EXPECT_EQ(::ftruncate(memory->fd(), 4 << 20), -1);
    EXPECT_EQ(::fcntl(memory->fd(), F_ADD_SEALS, F_SEAL_WRITE), -1);
    memory->low()[1234] = 7;
    std::uint8_t byte = 0;
    ASSERT_TRUE(sys::pread_all(memory->fd(), {&byte, 1}, 1234));
    EXPECT_EQ(byte, 7);
}

TEST(GuestMemoryFile, LeavesOutTheGap) {
    const auto ranges = layout::ram(layout::gap_start + 4096);
    ASSERT_EQ(ranges.size(), 2u);
    EXPECT_EQ(ranges[0].size, layout::gap_start);
    EXPECT_EQ(ranges[1].guest_address, layout::gap_end);
    EXPECT_EQ(ranges[1].size, 4096u);
    EXPECT_EQ(ranges[1].file_offset, layout::gap_start);
    EXPECT_EQ(layout::ram(layout::gap_start).size(), 1u);
}

} // namespace
} // namespace msb::engine::kvm
