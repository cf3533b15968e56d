#include "runtime/helper_log.hpp"

#include "base/log.hpp"
#include "net/report.hpp"
#include "spec/fs_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <sys/socket.h>

namespace msb {

namespace {

constexpr std::size_t longest_line = std::size_t{16} << 10; // a certificate, at most

/// Logs "TIME LEVEL NAME: TEXT" as a line of our own.
void log_line(std::string_view line) {
    if (line.ends_with('\n'))
        line.remove_suffix(1);
    const std::size_t time = std::min(line.find(' '), line.size());
    const std::size_t end = std::min(line.find(' ', time + 1), line.size());
    const std::string_view word =
        line.substr(std::min(time + 1, end), end - std::min(time + 1, end));
    const std::size_t text = line.find_first_not_of(' ', end);
    if (text != std::string_view::npos)
        log::write(log::parse_level(word).value_or(log::Level::warn), line.substr(text));
}

std::string printable_text(std::string_view text) {
    std::string result(text);
    std::ranges::replace_if(
        result, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
    return result;
}

bool is_one_line(std::string_view text) {
    return text.starts_with('{') && text.ends_with('}') &&
           std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= ' '; });
}

} // namespace

HelperPacket take_helper_packet(int lifeline, std::string& text) {
    std::array<char, longest_line> line;
    const ssize_t count = ::recv(lifeline, line.data(), line.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
        return HelperPacket::end;
    const std::string_view packet(line.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    if (packet == network_in_use)
        return HelperPacket::in_use;
    if (packet.starts_with(network_entry)) {
        if (!is_one_line(packet.substr(1)))
            return HelperPacket::none;
        text = std::string(packet.substr(1)) + "\n";
        return HelperPacket::entry;
    }
    if (packet.starts_with(network_counter)) {
        const auto space = packet.find(' ');
        if (space == std::string_view::npos || !is_one_line(packet.substr(space + 1)))
            return HelperPacket::none;
        text = packet.substr(1);
        return HelperPacket::counter;
    }
    if (packet.starts_with(network_traffic)) {
        text = packet.substr(1);
        return HelperPacket::traffic;
    }
    if (packet.starts_with(network_policy)) {
        text = printable_text(packet.substr(1));
        return HelperPacket::policy;
    }
    if (packet.starts_with(tls_authority)) {
        text = packet.substr(1);
        return HelperPacket::authority;
    }
    if (packet.starts_with(tls_failed)) {
        text = printable_text(packet.substr(1));
        return HelperPacket::failed;
    }
    if (packet.starts_with(tls_terminate)) {
        text = printable_text(packet.substr(1));
        return HelperPacket::terminate;
    }
    if (!packet.empty() && packet != fsd::here_i_am)
        log_line(packet);
    return HelperPacket::none;
}

} // namespace msb
