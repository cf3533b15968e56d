#include "agent/boot/heartbeat_file.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <initializer_list>
#include <string>
#include <unistd.h>
#include <utility>

namespace msb::agent {

namespace {

using Members = std::initializer_list<std::pair<const char*, std::uint64_t>>;

/// `"a":1,"b":2`. Written by hand, because a formatting library would make the agent larger, and
/// every page of it is read at every boot.
std::string members(Members list) {
    std::string text;
    for (const auto& [name, value] : list) {
        text += text.empty() ? "\"" : ",\"";
        text += name;
        text += "\":";
        text += std::to_string(value);
    }
    return text;
}

} // namespace

void write_heartbeat(int directory_fd, const wire::Heartbeat& heartbeat) {
    const wire::ActivityCounters& counters = heartbeat.activity_counters;
    const std::string text = "{" +
                             members({{"heartbeat_seq", heartbeat.heartbeat_seq},
                                      {"activity_seq", heartbeat.activity_seq},
                                      {"timestamp", heartbeat.timestamp},
                                      {"last_activity", heartbeat.last_activity},
                                      {"active_exec_sessions", heartbeat.active_exec_sessions},
                                      {"active_fs_streams", heartbeat.active_fs_streams},
                                      {"active_tcp_streams", heartbeat.active_tcp_streams}}) +
                             ",\"activity_counters\":{" +
                             members({{"host_messages", counters.host_messages},
                                      {"guest_messages", counters.guest_messages},
                                      {"exec_output_bytes", counters.exec_output_bytes},
                                      {"fs_bytes", counters.fs_bytes},
                                      {"tcp_bytes", counters.tcp_bytes}}) +
                             "}}\n";
    // What is there already may be anything, a FIFO too.
    constexpr const char* temporary = "heartbeat.tmp";
    (void)::unlinkat(directory_fd, temporary, 0);
    const auto file = sys::open_at(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file && sys::write_all(file->get(), as_bytes(text)))
        (void)::renameat(directory_fd, temporary, directory_fd, "heartbeat.json");
}

} // namespace msb::agent
