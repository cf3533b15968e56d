#include "base/sizes.hpp"
#include "engine/kvm/arch/x86_64/boot.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"

#include <asm/bootparam.h>
#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>

namespace msb::engine::kvm {
namespace {

constexpr std::size_t header_at = 0x1f1;
constexpr std::uint64_t pages = 32 * mib;

template <typename T> void put(Bytes& bytes, std::size_t at, const T& value) {
    std::memcpy(bytes.data() + at, &value, sizeof(T));
}

/// Sectors of set-up, then 0x1000 bytes that are 0x90.
Bytes make_bzimage() {
    setup_header header{};
    header.setup_sects = 3;
    header.header = 0x53726448;
    header.version = 0x20f;
    header.xloadflags = XLF_KERNEL_64;
    header.pref_address = 16 * mib;
    header.init_size = 4 * mib;
    header.cmdline_size = 2047;
    Bytes file(4 * 512 + 0x1000, 0x90);
    put(file, header_at, header);
    return file;
}

Bytes make_elf(std::uint64_t address = 16 * mib) {
    Elf64_Ehdr head{};
    std::memcpy(head.e_ident, ELFMAG, SELFMAG);
    head.e_ident[EI_CLASS] = ELFCLASS64;
    head.e_machine = EM_X86_64;
    head.e_type = ET_EXEC;
    head.e_phentsize = sizeof(Elf64_Phdr);
    head.e_phoff = sizeof(head);
    head.e_phnum = 1;
    head.e_entry = address + 0x10;
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_offset = 0x200;
    segment.p_paddr = address;
    segment.p_filesz = 0x100;
    segment.p_memsz = 0x2000;
    Bytes file(0x300, 0x90);
    put(file, 0, head);
    put(file, sizeof(head), segment);
    return file;
}

class Boot : public ::testing::Test {
  protected:
    Result<std::uint64_t> load(BytesView kernel, BytesView initramfs = {},
                               std::string_view command_line = "quiet") {
        return load_kernel({kernel, initramfs, command_line}, ram_, pages);
    }
    boot_params parameters() const {
        boot_params value;
        std::memcpy(&value, ram_.data() + layout::boot_parameters, sizeof(value));
        return value;
    }
    Bytes ram_ = Bytes(pages);
};

TEST_F(Boot, LoadsABzimageAndWhatItNeeds) {
    const Bytes initramfs(5000, 0x42);
    const auto entry = load(make_bzimage(), initramfs, "console=ttyS0");
    ASSERT_TRUE(entry) << entry.error().to_string();
    EXPECT_EQ(*entry, 16 * mib + 0x200);
    EXPECT_EQ(ram_[16 * mib], 0x90);
    EXPECT_EQ(ram_[16 * mib + 0xfff], 0x90);
    EXPECT_EQ(ram_[16 * mib + 0x1000], 0);

    const boot_params given = parameters();
    EXPECT_EQ(given.hdr.type_of_loader, 0xff);
    EXPECT_EQ(given.hdr.ramdisk_size, 5000u);
    EXPECT_EQ(given.hdr.ramdisk_image % 4096, 0u);
    EXPECT_LE(given.hdr.ramdisk_image + 5000u, pages);
    EXPECT_EQ(ram_[given.hdr.ramdisk_image + 4999], 0x42);
    EXPECT_STREQ(reinterpret_cast<const char*>(ram_.data() + given.hdr.cmd_line_ptr),
                 "console=ttyS0");
    EXPECT_EQ(given.acpi_rsdp_addr, layout::acpi);
    ASSERT_EQ(given.e820_entries, 3);
    EXPECT_EQ(given.e820_table[2].addr, mib);
    EXPECT_EQ(given.e820_table[2].size, pages - mib);
}

TEST_F(Boot, MemoryBehindTheGapIsUsableToo) {
    ASSERT_TRUE(load_kernel({make_elf(), {}, ""}, ram_, layout::gap_start + 64 * mib));
    const boot_params given = parameters();
    ASSERT_EQ(given.e820_entries, 4);
    EXPECT_EQ(given.e820_table[2].addr + given.e820_table[2].size, layout::gap_start);
    // Copies: the members are packed, and the macros take references.
    EXPECT_EQ(std::uint64_t{given.e820_table[3].addr}, layout::gap_end);
    EXPECT_EQ(std::uint64_t{given.e820_table[3].size}, 64 * mib);
}

TEST_F(Boot, LoadsAnElfFile) {
    const auto entry = load(make_elf());
    ASSERT_TRUE(entry) << entry.error().to_string();
    EXPECT_EQ(*entry, 16 * mib + 0x10);
    EXPECT_EQ(ram_[16 * mib + 0xff], 0x90);
    EXPECT_EQ(ram_[16 * mib + 0x100], 0);
}

TEST_F(Boot, RefusesWhatIsNoKernel) {
    EXPECT_EQ(load({}).error().kind(), ErrorKind::corrupt);
    EXPECT_EQ(load(Bytes(5000)).error().kind(), ErrorKind::corrupt);
    Bytes old = make_bzimage();
    old[header_at + offsetof(setup_header, xloadflags)] = 0;
    EXPECT_EQ(load(old).error().kind(), ErrorKind::corrupt);
    Bytes elf = make_elf();
    elf[18] = EM_AARCH64;
    EXPECT_EQ(load(elf).error().kind(), ErrorKind::corrupt);
    for (std::size_t size = 0; size < 0x300; size += 7)
        EXPECT_FALSE(load(BytesView(make_elf()).first(size))) << size;
    for (std::size_t size = 0; size < 4 * 512 + 0x200; size += 97)
        EXPECT_FALSE(load(BytesView(make_bzimage()).first(size))) << size;
}

TEST_F(Boot, RefusesWhatDoesNotFit) {
    EXPECT_EQ(load(make_bzimage(), Bytes(13 * mib)).error().kind(), ErrorKind::limit_exceeded);
    EXPECT_EQ(load(make_bzimage(), {}, std::string(3000, 'x')).error().kind(),
              ErrorKind::limit_exceeded);
    EXPECT_EQ(load(make_elf(pages - 0x1000)).error().kind(), ErrorKind::limit_exceeded);
    EXPECT_EQ(load(make_elf(~std::uint64_t{0} - 0xfff)).error().kind(), ErrorKind::limit_exceeded);
    EXPECT_EQ(load(make_elf(0x1000)).error().kind(),
              ErrorKind::limit_exceeded); // the tables' place
    ram_.resize(mib);
    EXPECT_EQ(load(make_elf()).error().kind(), ErrorKind::limit_exceeded);
}

TEST_F(Boot, TheFirstCpuStartsIn64BitMode) {
    write_start_tables(ram_);
    kvm_regs general;
    kvm_sregs system{};
    set_start_registers(0x1234, general, system);
    EXPECT_EQ(general.rip, 0x1234u);
    EXPECT_EQ(general.rsi, layout::boot_parameters);
    EXPECT_EQ(system.cs.selector, 0x10);
    EXPECT_EQ(system.ds.selector, 0x18);
    // 0xd0001000 (a device's registers) through the tables.
    const auto entry = [this](std::uint64_t table, std::uint64_t index) {
        return load_le<std::uint64_t>(
            BytesView(ram_).subspan((table & ~std::uint64_t{0xfff}) + 8 * index));
    };
    const std::uint64_t third = entry(entry(system.cr3, 0), 3);
    EXPECT_EQ(entry(third, 0xd0001000 >> 21 & 511), 0xd0000000u | 0x83);
}

} // namespace
} // namespace msb::engine::kvm
