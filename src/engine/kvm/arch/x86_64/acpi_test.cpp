#include "engine/kvm/arch/x86_64/acpi.hpp"
#include "engine/kvm/arch/x86_64/aml.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"

#include <gtest/gtest.h>
#include <numeric>

namespace msb::engine::kvm {
namespace {

std::uint8_t sum(BytesView bytes) {
    return static_cast<std::uint8_t>(std::accumulate(bytes.begin(), bytes.end(), 0));
}

/// Finds tables as a kernel does, from the root pointer on.
class Acpi : public ::testing::Test {
  protected:
    BytesView at(std::uint64_t address) const {
        return BytesView(all_).subspan(address - layout::acpi);
    }
    BytesView table(std::uint64_t address) const {
        const BytesView start = at(address);
        return start.first(load_le<std::uint32_t>(start.subspan(4)));
    }
    BytesView find(std::string_view signature) const {
        const BytesView xsdt = table(load_le<std::uint64_t>(BytesView(all_).subspan(24)));
        EXPECT_EQ(as_text(xsdt.first(4)), "XSDT");
        for (std::size_t i = 36; i < xsdt.size(); i += 8) {
            const BytesView found = table(load_le<std::uint64_t>(xsdt.subspan(i)));
            if (as_text(found.first(4)) == signature)
                return found;
        }
        return {};
    }
    Bytes all_ = make_acpi_tables({.cpus = 3, .devices = layout::most_devices});
};

TEST_F(Acpi, EveryTableIsFoundAndSumsUpToNothing) {
    ASSERT_LE(all_.size(), layout::acpi_size);
    EXPECT_EQ(as_text(BytesView(all_).first(8)), "RSD PTR ");
    EXPECT_EQ(sum(BytesView(all_).first(20)), 0);
    EXPECT_EQ(sum(BytesView(all_).first(36)), 0);
    const BytesView fixed = find("FACP"), controllers = find("APIC");
    ASSERT_EQ(fixed.size(), 276u);
    ASSERT_FALSE(controllers.empty());
    const BytesView devices = table(load_le<std::uint64_t>(fixed.subspan(140)));
    EXPECT_EQ(as_text(devices.first(4)), "DSDT");
    for (const BytesView each : {fixed, controllers, devices})
        EXPECT_EQ(sum(each), 0);
}

TEST_F(Acpi, SaysHowToEndTheMachine) {
    const BytesView fixed = find("FACP");
    EXPECT_NE(load_le<std::uint32_t>(fixed.subspan(112)) & 1 << 20, 0u); // hardware-reduced
    EXPECT_NE(load_le<std::uint32_t>(fixed.subspan(112)) & 1 << 10, 0u);
    EXPECT_EQ(load_le<std::uint64_t>(fixed.subspan(116 + 4)), layout::reset_port);
    EXPECT_EQ(fixed[128], layout::reset_value);
    EXPECT_EQ(load_le<std::uint64_t>(fixed.subspan(244 + 4)), layout::sleep_control_port);
    EXPECT_EQ(load_le<std::uint64_t>(fixed.subspan(256 + 4)), layout::sleep_status_port);
}

TEST_F(Acpi, HasACpuEachAndTheIoApic) {
    const BytesView controllers = find("APIC");
    ASSERT_EQ(controllers.size(), 36 + 8 + 3 * 8 + 12u);
    EXPECT_EQ(controllers[44 + 2 * 8 + 3], 2); // the id of the third
    EXPECT_EQ(load_le<std::uint32_t>(controllers.subspan(36 + 8 + 3 * 8 + 4)), layout::io_apic);
}

TEST(Aml, EncodesAsTheSpecificationDoes) {
    EXPECT_EQ(aml::integer(0), (Bytes{0}));
    EXPECT_EQ(aml::integer(0x80), (Bytes{0x0a, 0x80}));
    EXPECT_EQ(aml::integer(0x1234), (Bytes{0x0b, 0x34, 0x12}));
    EXPECT_EQ(aml::integer(0xd0000000), (Bytes{0x0c, 0, 0, 0, 0xd0}));
    EXPECT_EQ(aml::eisa_id("PNP0501"), (Bytes{0x0c, 0x41, 0xd0, 0x05, 0x01}));
    EXPECT_EQ(aml::package({aml::integer(5)}), (Bytes{0x12, 4, 1, 0x0a, 5}));
    // Lengths of one, two and three bytes count themselves.
    EXPECT_EQ(aml::scope("\\_SB_", Bytes(10)).at(1), 16);
    const Bytes two = aml::scope("\\_SB_", Bytes(100));
    EXPECT_EQ(two.at(1), 0x40 | (107 & 15));
    EXPECT_EQ(two.at(2), 107 >> 4);
    const Bytes three = aml::scope("\\_SB_", Bytes(5000));
    EXPECT_EQ(three.at(1), 0x80 | (5008 & 15));
    EXPECT_EQ(three.at(2), 5008 >> 4 & 0xff);
    EXPECT_EQ(three.at(3), 5008 >> 12);
}

} // namespace
} // namespace msb::engine::kvm
