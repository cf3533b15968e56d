// Any line is read or refused; what is read is written and read again without a change. Any data
// survives being written.
#include "logs/line.hpp"

using namespace msb;

namespace {

void expect_same(const LogRecord& record) {
    std::string line;
    append_log_line(line, record.time_ns, record.source, record.session, record.data);
    if (line.find('\n') != line.size() - 1 || line.size() > 6 * record.data.size() + 200)
        __builtin_trap();
    const auto again = parse_log_line(std::string_view(line).substr(0, line.size() - 1));
    if (!again || again->data != record.data || again->source != record.source ||
        again->session != record.session ||
        again->time_ns != record.time_ns - record.time_ns % 1'000'000)
        __builtin_trap();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView input(data, size);
    if (const auto record = parse_log_line(as_text(input)))
        expect_same(*record);
    expect_same({1'700'000'000'000'000'000, LogSource::standard_output, 7,
                 Bytes(input.begin(), input.end())});
    if (incomplete_utf8_suffix(as_text(input)) > 3)
        __builtin_trap();
    return 0;
}
