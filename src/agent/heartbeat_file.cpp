#include "agent/heartbeat_file.hpp"

#include "base/bytes.hpp"
#include "base/system.hpp"

#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace msb::agent {

void write_heartbeat(int directory_fd, const wire::Heartbeat& heartbeat) {
    const wire::ActivityCounters& counters = heartbeat.activity_counters;
    const std::string text = fmt::format(
        R"({{"heartbeat_seq":{},"activity_seq":{},"timestamp":{},"last_activity":{},)"
        R"("active_exec_sessions":{},"active_fs_streams":{},"active_tcp_streams":{},)"
        R"("activity_counters":{{"host_messages":{},"guest_messages":{},"exec_output_bytes":{},)"
        R"("fs_bytes":{},"tcp_bytes":{}}}}})"
        "\n",
        heartbeat.heartbeat_seq, heartbeat.activity_seq, heartbeat.timestamp,
        heartbeat.last_activity, heartbeat.active_exec_sessions, heartbeat.active_fs_streams,
        heartbeat.active_tcp_streams, counters.host_messages, counters.guest_messages,
        counters.exec_output_bytes, counters.fs_bytes, counters.tcp_bytes);
    // What is there already may be anything, a FIFO too.
    constexpr const char* temporary = "heartbeat.tmp";
    (void)::unlinkat(directory_fd, temporary, 0);
    const auto file = sys::open_at(directory_fd, temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file && sys::write_all(file->get(), as_bytes(text)))
        (void)::renameat(directory_fd, temporary, directory_fd, "heartbeat.json");
}

} // namespace msb::agent
