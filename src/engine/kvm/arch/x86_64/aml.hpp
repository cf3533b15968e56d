// The few terms of ACPI's machine language that describe devices (ACPI 6.4 §20.2), and the resources
// they use (§6.4). Each function gives the bytes of one term.
#pragma once

#include "base/bytes.hpp"

#include <initializer_list>
#include <string_view>

namespace msb::engine::kvm::aml {

/// Appends one after the other.
Bytes join(std::initializer_list<BytesView> parts);

Bytes integer(std::uint32_t value);
Bytes text(std::string_view value);
/// "PNP0501", packed into an integer.
Bytes eisa_id(std::string_view id);
Bytes package(std::initializer_list<BytesView> elements);
/// `name`: four characters, or "\\" and four.
Bytes name(std::string_view name, BytesView value);
Bytes scope(std::string_view name, BytesView content);
Bytes device(std::string_view name, BytesView content);

/// A buffer of resource descriptors.
Bytes resources(std::initializer_list<BytesView> descriptors);
Bytes memory(std::uint32_t address, std::uint32_t size);
Bytes ports(std::uint16_t first, std::uint8_t count);
/// Edge-triggered, active high, not shared.
Bytes interrupt(std::uint32_t number);

} // namespace msb::engine::kvm::aml
