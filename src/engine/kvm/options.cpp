#include "engine/kvm/options.hpp"

#include <charconv>
#include <fmt/core.h>

namespace msb::engine::kvm {

namespace {

Result<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return invalid(fmt::format("'{}' is not a number", text));
    return value;
}

Result<DeviceSocket> parse_device(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return invalid(fmt::format("'{}' is not ID:SOCKET", text));
    const std::uint64_t id = MSB_TRY(parse_number(text.substr(0, colon)));
    return DeviceSocket{static_cast<std::uint32_t>(id), std::string(text.substr(colon + 1))};
}

Status take(std::string_view name, std::string_view value, Options& options) {
    if (name == "--cpus")
        options.cpus = static_cast<unsigned>(MSB_TRY(parse_number(value)));
    else if (name == "--memory")
        options.memory_bytes = MSB_TRY(parse_number(value));
    else if (name == "--kernel")
        options.kernel = value;
    else if (name == "--initramfs")
        options.initramfs = value;
    else if (name == "--command-line")
        options.command_line = value;
    else if (name == "--device")
        options.devices.push_back(MSB_TRY(parse_device(value)));
    else
        return invalid(fmt::format("unknown option '{}'", name));
    return {};
}

} // namespace

std::vector<std::string> to_arguments(const Options& options) {
    std::vector<std::string> arguments{
        fmt::format("--cpus={}", options.cpus), fmt::format("--memory={}", options.memory_bytes),
        "--kernel=" + options.kernel, "--initramfs=" + options.initramfs,
        "--command-line=" + options.command_line};
    for (const DeviceSocket& device : options.devices)
        arguments.push_back(fmt::format("--device={}:{}", device.virtio_id, device.path));
    return arguments;
}

Result<Options> parse_arguments(std::span<char* const> arguments) {
    Options options;
    for (const std::string_view argument : arguments) {
        const auto equals = argument.find('=');
        if (equals == std::string_view::npos)
            return invalid(fmt::format("'{}' is not NAME=VALUE", argument));
        MSB_TRY(take(argument.substr(0, equals), argument.substr(equals + 1), options));
    }
    return options;
}

} // namespace msb::engine::kvm
