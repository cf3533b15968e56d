#include "sandbox/log_reader.hpp"

#include "base/file.hpp"
#include "sandbox/exec_log.hpp"

#include <map>
#include <nlohmann/json.hpp>

namespace msb {

using nlohmann::json;

namespace {

constexpr std::size_t max_log_file = std::size_t{64} << 20;

template <typename Each> void for_each_line(std::string_view text, Each each) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        each(text.substr(0, end));
        if (end == std::string_view::npos)
            return;
        text.remove_prefix(end + 1);
    }
}

LogEntry plain_entry(std::string_view line) {
    LogEntry entry;
    entry.source = "system";
    const std::string text = std::string(line) + "\n";
    entry.data.assign(text.begin(), text.end());
    // runtime.log lines begin with their time.
    if (line.size() > 24 && line[4] == '-' && line[10] == 'T' && line[23] == 'Z')
        entry.time = line.substr(0, 24);
    entry.line = json({{"d", text}, {"s", "system"}, {"t", entry.time}})
                     .dump(-1, ' ', false, json::error_handler_t::replace);
    return entry;
}

} // namespace

std::optional<LogEntry> parse_log_line(std::string_view line) {
    const json document = json::parse(line, nullptr, false);
    if (!document.is_object() || !document.contains("d") || !document["d"].is_string() ||
        !document.contains("s") || !document["s"].is_string())
        return std::nullopt;
    LogEntry entry;
    entry.source = document["s"].get<std::string>();
    entry.line = line;
    const std::string data = document["d"].get<std::string>();
    if (document.value("e", "") == "b64") {
        auto bytes = from_base64(data);
        if (!bytes)
            return std::nullopt;
        entry.data = std::move(*bytes);
    } else {
        entry.data.assign(data.begin(), data.end());
    }
    if (document.contains("id") && document["id"].is_number_unsigned())
        entry.session = document["id"].get<std::uint64_t>();
    if (document.contains("t") && document["t"].is_string())
        entry.time = document["t"].get<std::string>();
    return entry;
}

Result<std::vector<LogEntry>> read_logs(const SandboxFiles& files, const LogSelection& selection) {
    std::vector<LogEntry> entries;
    for (int i = ExecLog::kept_files; i >= 0; --i) {
        const std::string path = files.exec_log() + (i == 0 ? "" : "." + std::to_string(i));
        if (!exists(path))
            continue;
        for_each_line(MSB_TRY(read_file(path, max_log_file)), [&](std::string_view line) {
            auto entry = parse_log_line(line);
            if (entry && (entry->source == "system" ? selection.system : selection.output))
                entries.push_back(std::move(*entry));
        });
    }
    if (!selection.system)
        return entries;
    for (const std::string& path : {files.runtime_log(), files.kernel_log()})
        if (exists(path))
            for_each_line(MSB_TRY(read_file(path, max_log_file)),
                          [&](std::string_view line) { entries.push_back(plain_entry(line)); });
    // Console lines carry no time: they stay behind what has one. (std::stable_sort would do, but
    // its temporary buffer is deprecated.)
    std::multimap<std::pair<bool, std::string>, LogEntry> sorted;
    for (LogEntry& entry : entries)
        sorted.emplace(std::pair(entry.time.empty(), entry.time), std::move(entry));
    entries.clear();
    for (auto& [key, entry] : sorted)
        entries.push_back(std::move(entry));
    return entries;
}

} // namespace msb
