// Loading a Linux kernel as its 64-bit boot protocol wants it (Documentation/arch/x86/boot.rst in the kernel):
// a bzImage, which unpacks itself, or an ELF vmlinux. Pure functions of the files' bytes and guest RAM.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <linux/kvm.h>
#include <string_view>

namespace msb::engine::kvm {

struct BootFiles {
    BytesView kernel;
    BytesView initramfs;
    std::string_view command_line;
};

/// Puts all of them and the parameters into `low_ram` (guest RAM from address 0); `ram_bytes` is all RAM.
/// Gives the address at which the first CPU starts, in 64-bit mode. Errors: corrupt for what is no such
/// kernel, limit_exceeded for what does not fit.
Result<std::uint64_t> load_kernel(const BootFiles& files, MutableBytesView low_ram,
                                  std::uint64_t ram_bytes);

/// Descriptors and page tables for 64-bit mode; the first 4 GiB are mapped one to one.
void write_start_tables(MutableBytesView low_ram);
/// Sets the registers of the first CPU: 64-bit mode, on those tables.
void set_start_registers(std::uint64_t entry, kvm_regs& general, kvm_sregs& system);

} // namespace msb::engine::kvm
