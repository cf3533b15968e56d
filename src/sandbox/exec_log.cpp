#include "sandbox/exec_log.hpp"

#include "base/system.hpp"
#include "base/time.hpp"

#include <cstdio>
#include <fcntl.h>
#include <fmt/format.h>

namespace msb {

namespace {

constexpr const char* file_name = "exec.log";

/// `text` must be valid UTF-8; escapes what JSON (RFC 8259 §7) requires.
void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default:
            if (static_cast<unsigned char>(c) < 0x20)
                out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            else
                out += c;
        }
    }
    out += '"';
}

Result<OwnedFd> open_log(int directory_fd) {
    return sys::open_at(directory_fd, file_name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
}

} // namespace

Result<ExecLog> ExecLog::open(OwnedFd directory_fd) {
    OwnedFd file = MSB_TRY(open_log(directory_fd.get()));
    const auto size = static_cast<std::uint64_t>(MSB_TRY(sys::fstat(file.get())).st_size);
    return ExecLog(std::move(directory_fd), std::move(file), size);
}

void ExecLog::write(std::string_view source, std::optional<std::uint64_t> session, BytesView data) {
    const std::string_view text = as_text(data);
    const bool is_utf8 = valid_utf8_prefix(text) == text.size();
    std::string line = "{\"d\":";
    line.reserve(text.size() + 96);
    append_json_string(line, is_utf8 ? text : to_base64(data));
    if (!is_utf8)
        line += ",\"e\":\"b64\"";
    if (session)
        line += fmt::format(",\"id\":{}", *session);
    line +=
        fmt::format(",\"s\":\"{}\",\"t\":\"{}\"}}\n", source, format_rfc3339(unix_time_ns(), 3));
    if (size_ + line.size() > rotate_bytes)
        rotate();
    // One write per line: a reader sees whole lines, except after a full disk.
    const auto written = sys::write(file_.get(), as_bytes(line));
    if (written)
        size_ += *written;
}

void ExecLog::mark(std::string_view text) {
    write("system", std::nullopt, as_bytes(fmt::format("--- {} ---\n", text)));
}

void ExecLog::rotate() {
    const int dir = directory_fd_.get();
    for (int i = kept_files; i > 0; --i) {
        const std::string from = i == 1 ? file_name : fmt::format("{}.{}", file_name, i - 1);
        (void)::renameat(dir, from.c_str(), dir, fmt::format("{}.{}", file_name, i).c_str());
    }
    auto fresh = open_log(dir);
    if (fresh) {
        file_ = std::move(*fresh);
        size_ = 0;
    }
}

} // namespace msb
