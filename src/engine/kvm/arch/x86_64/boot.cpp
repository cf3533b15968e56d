#include "engine/kvm/arch/x86_64/boot.hpp"

#include "base/sizes.hpp"
#include "engine/kvm/arch/x86_64/layout.hpp"
#include "engine/kvm/arch/x86_64/ram.hpp"

#include <algorithm>
#include <asm/bootparam.h>
#include <cstring>
#include <elf.h>
#include <fmt/core.h>
#include <optional>

namespace msb::engine::kvm {

namespace {

constexpr std::size_t boot_header_at = offsetof(boot_params, hdr);
constexpr std::uint32_t boot_magic = 0x5372'6448; // "HdrS"
constexpr std::uint64_t entry_of_64_bits = 0x200; // from the start of what is loaded

struct Loaded {
    std::uint64_t entry = 0;
    std::uint64_t end = 0; ///< of what the kernel needs while it starts
    setup_header header{};
};

std::unexpected<Error> bad_kernel(std::string what) {
    return fail(ErrorKind::corrupt, "kernel: " + std::move(what));
}

std::unexpected<Error> too_little_memory(std::string_view what, std::uint64_t end) {
    return fail(Error(ErrorKind::limit_exceeded, fmt::format("{} does not fit into memory", what))
                    .with_hint(fmt::format("use at least --memory {}M", end / mib + 32)));
}

/// The object at `offset`, which may not be aligned.
template <typename T> std::optional<T> object_at(BytesView bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T))
        return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

template <typename T> void put(MutableBytesView ram, std::uint64_t address, const T& value) {
    std::memcpy(ram.data() + address, &value, sizeof(T));
}

/// A range of the file that lies in it.
std::optional<BytesView> part(BytesView file, std::uint64_t offset, std::uint64_t size) {
    if (offset > file.size() || file.size() - offset < size)
        return std::nullopt;
    return file.subspan(offset, size);
}

bool fits(MutableBytesView ram, std::uint64_t address, std::uint64_t size) {
    return address >= layout::high_start && address <= ram.size() && ram.size() - address >= size;
}

Result<Loaded> load_bzimage(BytesView file, MutableBytesView ram) {
    const auto header = object_at<setup_header>(file, boot_header_at);
    constexpr std::uint16_t with_64_bit_entry = 0x020c;
    if (!header || header->version < with_64_bit_entry || (header->xloadflags & XLF_KERNEL_64) == 0)
        return bad_kernel("it has no 64-bit entry");
    const std::uint64_t sectors = header->setup_sects == 0 ? 4 : header->setup_sects;
    const std::uint64_t start = (sectors + 1) * 512;
    if (start + entry_of_64_bits >= file.size())
        return bad_kernel("it is cut short");
    const BytesView body = file.subspan(start);
    const std::uint64_t address = header->pref_address;
    const std::uint64_t needed = std::max<std::uint64_t>(header->init_size, body.size());
    if (!fits(ram, address, needed))
        return too_little_memory("the kernel", address + needed);
    std::ranges::copy(body, ram.begin() + static_cast<std::ptrdiff_t>(address));
    return Loaded{address + entry_of_64_bits, address + needed, *header};
}

Result<Loaded> load_elf(BytesView file, MutableBytesView ram) {
    const auto head = object_at<Elf64_Ehdr>(file, 0);
    if (!head || head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_machine != EM_X86_64 ||
        head->e_type != ET_EXEC || head->e_phentsize != sizeof(Elf64_Phdr))
        return bad_kernel("it is no 64-bit program for x86");
    Loaded loaded{head->e_entry, 0, {}};
    for (unsigned i = 0; i < head->e_phnum; ++i) {
        const auto segment = object_at<Elf64_Phdr>(file, head->e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment)
            return bad_kernel("it is cut short");
        if (segment->p_type != PT_LOAD)
            continue;
        const auto content = part(file, segment->p_offset, segment->p_filesz);
        if (!content || segment->p_memsz < segment->p_filesz)
            return bad_kernel("it is cut short");
        if (!fits(ram, segment->p_paddr, segment->p_memsz))
            return too_little_memory("the kernel", segment->p_paddr + segment->p_memsz);
        std::ranges::copy(*content, ram.begin() + static_cast<std::ptrdiff_t>(segment->p_paddr));
        loaded.end = std::max(loaded.end, segment->p_paddr + segment->p_memsz);
    }
    if (loaded.entry < layout::high_start || loaded.entry >= loaded.end)
        return bad_kernel("its entry is outside of it");
    loaded.header.boot_flag = 0xaa55;
    loaded.header.header = boot_magic;
    loaded.header.kernel_alignment = 2 * mib;
    return loaded;
}

/// As high as low RAM allows, as the kernel's start may use what is behind the kernel.
Result<std::uint64_t> load_initramfs(BytesView file, MutableBytesView ram,
                                     std::uint64_t kernel_end) {
    constexpr std::uint64_t page = 4096;
    if (kernel_end > ram.size() || ram.size() - kernel_end < file.size() + page)
        return too_little_memory("the initramfs", kernel_end + file.size());
    const std::uint64_t address = (ram.size() - file.size()) & ~(page - 1);
    std::ranges::copy(file, ram.begin() + static_cast<std::ptrdiff_t>(address));
    return address;
}

void describe_memory(boot_params& parameters, std::uint64_t ram_bytes) {
    constexpr std::uint32_t usable = 1, reserved = 2;
    const auto add = [&parameters](std::uint64_t start, std::uint64_t end, std::uint32_t type) {
        parameters.e820_table[parameters.e820_entries++] = {start, end - start, type};
    };
    add(0, layout::low_end, usable);
    add(layout::acpi, layout::acpi + layout::acpi_size, reserved);
    for (const virtio::RamRange& range : layout::ram(ram_bytes))
        add(std::max(range.guest_address, layout::high_start), range.guest_address + range.size,
            usable);
}

Status write_command_line(std::string_view text, const setup_header& header, MutableBytesView ram) {
    // 2047: what every kernel takes. The header of an ELF kernel does not say.
    const std::size_t most = header.cmdline_size != 0 ? header.cmdline_size : 2047;
    if (text.size() > std::min<std::size_t>(most, 4095))
        return fail(ErrorKind::limit_exceeded,
                    fmt::format("kernel command line of {} bytes is longer than {}", text.size(),
                                std::min<std::size_t>(most, 4095)));
    std::ranges::copy(text, ram.begin() + layout::command_line);
    ram[layout::command_line + text.size()] = 0;
    return {};
}

// What the boot protocol wants: selectors 0x10 for code and 0x18 for data, both flat.
constexpr std::uint16_t code_selector = 0x10, data_selector = 0x18;
constexpr std::uint64_t code_descriptor = 0x00af'9b00'0000'ffff;
constexpr std::uint64_t data_descriptor = 0x00cf'9300'0000'ffff;

// Intel SDM volume 3A, §4.5 (paging), §2.5 and §2.2.1 (control registers).
constexpr std::uint64_t page = 4096, huge_page = 2 * mib, entries = 512;
constexpr std::uint64_t present_and_writable = 3, is_huge = 1 << 7;
constexpr std::uint64_t protected_mode = 1, extension_type = 1 << 4, numeric_error = 1 << 5,
                        paging = 1ULL << 31;
constexpr std::uint64_t address_extension = 1 << 5;
constexpr std::uint64_t long_mode_enabled = 1 << 8, long_mode_active = 1 << 10;

kvm_segment flat_segment(std::uint16_t selector, bool code) {
    kvm_segment segment{};
    segment.limit = 0xffff'ffff;
    segment.selector = selector;
    segment.type = code ? 11 : 3; // execute and read, or read and write; accessed
    segment.present = segment.s = segment.g = 1;
    segment.l = code ? 1 : 0; // 64 bits
    segment.db = code ? 0 : 1;
    return segment;
}

} // namespace

Result<std::uint64_t> load_kernel(const BootFiles& files, MutableBytesView low_ram,
                                  std::uint64_t ram_bytes) {
    if (low_ram.size() < 2 * layout::high_start)
        return too_little_memory("a kernel", 0);
    const auto magic = object_at<std::uint32_t>(files.kernel, boot_header_at + 0x11);
    const bool is_elf =
        files.kernel.size() > SELFMAG && std::memcmp(files.kernel.data(), ELFMAG, SELFMAG) == 0;
    if (!is_elf && magic != boot_magic)
        return bad_kernel("neither a bzImage nor an ELF file");
    const Loaded kernel =
        MSB_TRY(is_elf ? load_elf(files.kernel, low_ram) : load_bzimage(files.kernel, low_ram));
    const std::uint64_t initramfs = MSB_TRY(load_initramfs(files.initramfs, low_ram, kernel.end));
    MSB_TRY(write_command_line(files.command_line, kernel.header, low_ram));

    boot_params parameters{};
    parameters.hdr = kernel.header;
    parameters.hdr.type_of_loader = 0xff; // none that has a number
    parameters.hdr.ramdisk_image = static_cast<std::uint32_t>(initramfs);
    parameters.hdr.ramdisk_size = static_cast<std::uint32_t>(files.initramfs.size());
    parameters.hdr.cmd_line_ptr = static_cast<std::uint32_t>(layout::command_line);
    parameters.acpi_rsdp_addr = layout::acpi;
    describe_memory(parameters, ram_bytes);
    put(low_ram, layout::boot_parameters, parameters);
    return kernel.entry;
}

void write_start_tables(MutableBytesView low_ram) {
    const std::uint64_t descriptors[] = {0, 0, code_descriptor, data_descriptor};
    put(low_ram, layout::gdt, descriptors);
    constexpr std::uint64_t top = layout::page_tables, second = top + page, third = second + page;
    put(low_ram, top, second | present_and_writable);
    for (std::uint64_t i = 0; i < 4; ++i)
        put(low_ram, second + i * 8, (third + i * page) | present_and_writable);
    for (std::uint64_t i = 0; i < 4 * entries; ++i)
        put(low_ram, third + i * 8, i * huge_page | present_and_writable | is_huge);
}

void set_start_registers(std::uint64_t entry, kvm_regs& general, kvm_sregs& system) {
    general = {};
    general.rip = entry;
    general.rsi = layout::boot_parameters;
    general.rflags = 2; // the bit that is always set
    system.cr3 = layout::page_tables;
    system.cr4 = address_extension;
    system.cr0 = protected_mode | extension_type | numeric_error | paging;
    system.efer = long_mode_enabled | long_mode_active;
    system.gdt = {.base = layout::gdt, .limit = 4 * 8 - 1, .padding = {}};
    system.idt = {}; // a fault before the kernel has handlers ends the machine
    system.cs = flat_segment(code_selector, true);
    system.ds = system.es = system.fs = system.gs = system.ss = flat_segment(data_selector, false);
}

} // namespace msb::engine::kvm
