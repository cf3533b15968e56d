#include "logs/reader.hpp"

#include "base/time.hpp"
#include "logs/terminal_text.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace msb {

namespace {

constexpr std::size_t position_bytes = 16;

std::size_t count_lines(const LogRecord& record) {
    return static_cast<std::size_t>(std::count(record.data.begin(), record.data.end(), '\n'));
}

} // namespace

// ---- cursors ------------------------------------------------------------------------------------

std::string LogCursor::to_string() const {
    Bytes bytes(1 + positions.size() * position_bytes);
    bytes[0] = static_cast<std::uint8_t>(positions.size());
    MutableBytesView rest = MutableBytesView(bytes).subspan(1);
    for (const LogPosition& position : positions) {
        store_le(rest, position.file);
        store_le(rest.subspan(8), position.offset);
        rest = rest.subspan(position_bytes);
    }
    return to_base64(bytes);
}

Result<LogCursor> LogCursor::parse(std::string_view text) {
    const auto bytes = text.size() < 256 ? from_base64(text) : std::nullopt;
    LogCursor cursor;
    if (!bytes || bytes->size() != 1 + cursor.positions.size() * position_bytes ||
        (*bytes)[0] != cursor.positions.size())
        return fail(ErrorKind::invalid_argument, "invalid log cursor: " + std::string(text));
    BytesView rest = BytesView(*bytes).subspan(1);
    for (LogPosition& position : cursor.positions) {
        position.file = load_le<std::uint64_t>(rest);
        position.offset = load_le<std::uint64_t>(rest.subspan(8));
        rest = rest.subspan(position_bytes);
    }
    return cursor;
}

// ---- lines of the other logs --------------------------------------------------------------------

LogRecord parse_plain_line(std::string_view line) {
    LogRecord record;
    const auto blank = line.find(' ');
    if (const auto time = blank <= 40 ? parse_rfc3339(line.substr(0, blank)) : std::nullopt) {
        record.time_ns = *time;
        line.remove_prefix(blank + 1);
    }
    const std::string text = plain_line(line) + "\n";
    record.data.assign(text.begin(), text.end());
    return record;
}

Result<std::int64_t> parse_log_time(std::string_view text, std::int64_t now_ns) {
    if (const auto time = parse_rfc3339(text))
        return *time;
    static constexpr std::array<std::pair<char, std::int64_t>, 4> units = {
        {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
    std::int64_t factor = 1;
    std::string_view digits = text;
    for (const auto& [unit, seconds] : units)
        if (digits.size() > 1 && text.back() == unit) {
            factor = seconds;
            digits.remove_suffix(1);
        }
    std::uint32_t count = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
        return fail(ErrorKind::invalid_argument, "could not parse time \"" + std::string(text) +
                                                     "\" (expected RFC 3339 or `5m` etc.)");
    const auto ago = checked_mul<std::int64_t>(count * factor, 1'000'000'000);
    return ago && *ago < now_ns ? now_ns - *ago : 0;
}

// ---- reader -------------------------------------------------------------------------------------

bool LogReader::selects(Log log) const {
    return log == exec_log || (!query_.session && query_.sources.contains(LogSource::system));
}

bool LogReader::selects(const LogRecord& record) const {
    return query_.sources.contains(record.source) &&
           (!query_.session || record.session == query_.session) &&
           (!query_.since_ns || record.time_ns >= *query_.since_ns) &&
           (!query_.until_ns || record.time_ns < *query_.until_ns);
}

Result<LogReader> LogReader::open(const SandboxFiles& files, LogQuery query) {
    LogReader reader(std::move(query));
    reader.chains_[exec_log].path = files.exec_log();
    reader.chains_[runtime_log].path = files.runtime_log();
    reader.chains_[kernel_log].path = files.kernel_log();
    if (const auto& after = reader.query_.after)
        for (std::size_t i = 0; i < log_count; ++i) {
            const LogPosition& position = after->positions[i];
            if (position.file != 0 && reader.selects(Log(i)) &&
                !MSB_TRY(LogFileSet::open(reader.chains_[i].path)).find(position.file))
                return fail(ErrorKind::not_found,
                            "what follows the log cursor has been rotated away");
            reader.chains_[i].behind = position;
        }
    if (reader.query_.tail_entries || reader.query_.tail_lines)
        MSB_TRY(reader.read_tail());
    for (Chain& chain : reader.chains_)
        chain.forward.emplace(chain.path, chain.behind);
    return reader;
}

/// Reads backwards from the end until there is enough. What is older than the first entry taken is
/// never looked at, however large the logs are.
Status LogReader::read_tail() {
    struct Source {
        LogBackward reader;
        std::optional<LogRecord> record; ///< the next older entry
        LogPosition end;                 ///< behind it
    };
    const auto step = [](Source& source, Log log) -> Status {
        source.record.reset();
        while (const auto line = MSB_TRY(source.reader.previous())) {
            source.end = line->end;
            if (log == exec_log)
                source.record = parse_log_line(line->text);
            else
                source.record = parse_plain_line(line->text);
            if (source.record && source.record->time_ns == 0) // a line without a time
                source.record->time_ns = source.reader.modified_ns();
            if (source.record)
                return {};
        }
        source.end = {};
        return {};
    };
    std::array<std::optional<Source>, log_count> sources;
    for (std::size_t i = 0; i < log_count; ++i) {
        if (!selects(Log(i)))
            continue;
        sources[i].emplace(Source{MSB_TRY(LogBackward::open(chains_[i].path)), {}, {}});
        chains_[i].behind = sources[i]->reader.position();
        MSB_TRY(step(*sources[i], Log(i)));
    }
    const auto& [entries, lines] = std::pair(query_.tail_entries, query_.tail_lines);
    std::size_t line_count = 0;
    // Read one line more than wanted, so that the first wanted line is whole.
    while ((!entries || tail_.size() < *entries) && (!lines || line_count <= *lines)) {
        std::optional<Source>* newest = nullptr;
        for (auto& source : sources)
            if (source && source->record &&
                (newest == nullptr || source->record->time_ns >= (*newest)->record->time_ns))
                newest = &source;
        if (newest == nullptr)
            break;
        Source& taken = **newest;
        if (selects(*taken.record)) {
            LogEntry entry;
            static_cast<LogRecord&>(entry) = std::move(*taken.record);
            for (std::size_t i = 0; i < log_count; ++i)
                if (sources[i])
                    entry.cursor.positions[i] = sources[i]->end;
            line_count += count_lines(entry);
            tail_.push_front(std::move(entry));
        }
        MSB_TRY(step(taken, Log(newest - sources.data())));
    }
    return {};
}

Status LogReader::look_ahead(Log log) {
    Chain& chain = chains_[log];
    while (!chain.ahead) {
        const auto line = MSB_TRY(chain.forward->next());
        if (!line)
            return {};
        chain.end_of_ahead = line->end;
        chain.ahead = log == exec_log ? parse_log_line(line->text) : parse_plain_line(line->text);
        if (!chain.ahead)
            continue;
        if (chain.ahead->time_ns == 0) // belongs to the line before it
            chain.ahead->time_ns = chain.time_ns;
        chain.time_ns = chain.ahead->time_ns;
        if (!selects(*chain.ahead)) {
            chain.ahead.reset();
            chain.behind = chain.end_of_ahead;
        }
    }
    return {};
}

Result<std::optional<LogEntry>> LogReader::next() {
    if (!tail_.empty()) {
        LogEntry entry = std::move(tail_.front());
        tail_.pop_front();
        return entry;
    }
    Chain* oldest = nullptr;
    for (std::size_t i = 0; i < log_count; ++i) {
        if (!selects(Log(i)))
            continue;
        MSB_TRY(look_ahead(Log(i)));
        Chain& chain = chains_[i];
        if (chain.ahead && (oldest == nullptr || chain.ahead->time_ns < oldest->ahead->time_ns))
            oldest = &chain;
    }
    if (oldest == nullptr)
        return std::nullopt;
    LogEntry entry;
    static_cast<LogRecord&>(entry) = std::move(*oldest->ahead);
    oldest->ahead.reset();
    oldest->behind = oldest->end_of_ahead;
    entry.cursor = cursor();
    return entry;
}

bool LogReader::take_missed() {
    bool missed = false;
    for (Chain& chain : chains_)
        missed = (chain.forward && chain.forward->take_missed()) || missed;
    return missed;
}

LogCursor LogReader::cursor() const {
    LogCursor cursor;
    for (std::size_t i = 0; i < log_count; ++i)
        cursor.positions[i] = chains_[i].behind;
    return cursor;
}

Result<std::vector<LogEntry>> read_logs(const SandboxFiles& files, LogQuery query) {
    LogReader reader = MSB_TRY(LogReader::open(files, std::move(query)));
    std::vector<LogEntry> entries;
    while (auto entry = MSB_TRY(reader.next()))
        entries.push_back(std::move(*entry));
    return entries;
}

} // namespace msb
