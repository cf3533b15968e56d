#include "spec/scripts.hpp"

#include "base/bytes.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace msb {

namespace {

constexpr std::size_t max_script_name_bytes = 255;

Status validate_name_of_script(const std::string& name) {
    const auto invalid = [&](std::string_view why) {
        return fail(ErrorKind::invalid_argument,
                    fmt::format("invalid config: script name '{}' {}", name, why));
    };
    if (name.empty())
        return fail(ErrorKind::invalid_argument, "invalid config: a script name is empty");
    if (name.size() > max_script_name_bytes)
        return invalid("is longer than 255 bytes");
    if (name == "." || name == ".." || name.find('/') != std::string::npos)
        return invalid("is not a file name: it becomes /.msb/scripts/NAME in the guest");
    if (valid_utf8_prefix(name) != name.size() ||
        std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return invalid("has characters that a name cannot have");
    return {};
}

} // namespace

std::string script_from_text(std::string_view text, std::string_view shell) {
    std::string body = shell.find('/') == std::string_view::npos
                           ? fmt::format("#!/usr/bin/env {}\n", shell)
                           : fmt::format("#!{}\n", shell);
    for (std::size_t i = 0; i < text.size(); ++i) {
        static constexpr std::string_view letters = "ntr\\\"'";
        static constexpr std::string_view meanings = "\n\t\r\\\"'";
        const std::size_t escape = text[i] == '\\' && i + 1 < text.size()
                                       ? letters.find(text[i + 1])
                                       : std::string_view::npos;
        if (escape == std::string_view::npos) {
            body += text[i];
        } else {
            body += meanings[escape];
            ++i;
        }
    }
    if (body.back() != '\n')
        body += '\n';
    return body;
}

Status validate_scripts(const Scripts& scripts) {
    if (scripts.size() > max_scripts)
        return fail(
            ErrorKind::limit_exceeded,
            fmt::format("invalid config: {} scripts, more than {}", scripts.size(), max_scripts));
    std::size_t total = 0;
    for (const auto& [name, body] : scripts) {
        MSB_TRY(validate_name_of_script(name));
        if (valid_utf8_prefix(body) != body.size() || body.find('\0') != std::string::npos)
            return fail(Error(ErrorKind::invalid_argument,
                              fmt::format("invalid config: script '{}' is not text", name))
                            .with_hint("put programs into the image, or copy them with `msb cp`"));
        total += name.size() + body.size();
    }
    if (total > max_scripts_bytes)
        return fail(ErrorKind::limit_exceeded,
                    fmt::format("invalid config: scripts have {} bytes together, more than {}",
                                total, max_scripts_bytes));
    return {};
}

} // namespace msb
