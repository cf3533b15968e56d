#include "engine/kvm/serial.hpp"

#include <gtest/gtest.h>

namespace msb::engine::kvm {
namespace {

TEST(Serial, SendsWhatIsWritten) {
    Serial port;
    EXPECT_EQ(port.read(5) & 0x60, 0x60); // may send
    EXPECT_EQ(port.write(0, 'x'), 'x');
    EXPECT_EQ(port.read(5) & 0x60, 0x60);
    EXPECT_FALSE(port.take_interrupt()); // nobody asked for one
}

TEST(Serial, TheDivisorIsNoData) {
    Serial port;
    port.write(3, 0x80);
    EXPECT_EQ(port.write(0, 12), std::nullopt);
    EXPECT_EQ(port.write(1, 3), std::nullopt);
    EXPECT_EQ(port.read(0), 12);
    EXPECT_EQ(port.read(1), 3);
    port.write(3, 0x03);
    EXPECT_EQ(port.read(1), 0);
    EXPECT_EQ(port.write(0, 12), 12);
}

TEST(Serial, InterruptsWhenItMaySend) {
    Serial port;
    port.write(1, 2);
    EXPECT_TRUE(port.take_interrupt());
    EXPECT_FALSE(port.take_interrupt());
    EXPECT_EQ(port.read(2) & 0x0f, 2);
    EXPECT_EQ(port.read(2) & 0x0f, 1); // reading has answered it
    port.write(0, 'x');
    EXPECT_TRUE(port.take_interrupt());
    EXPECT_EQ(port.read(2) & 0x0f, 2);
    port.write(1, 0);
    port.write(0, 'x');
    EXPECT_FALSE(port.take_interrupt());
    EXPECT_EQ(port.read(2) & 0x0f, 1);
}

TEST(Serial, IsFoundByAProbe) {
    Serial port;
    port.write(7, 0x5a);
    EXPECT_EQ(port.read(7), 0x5a);
    port.write(4, 0x1a); // looped back: OUT2, RTS
    EXPECT_EQ(port.read(6) & 0xf0, 0x90);
    EXPECT_EQ(port.write(0, 'x'), std::nullopt);
    port.write(4, 0);
    port.write(2, 1);
    EXPECT_EQ(port.read(2) & 0xc0, 0xc0); // a 16550A with its FIFO
}

} // namespace
} // namespace msb::engine::kvm
