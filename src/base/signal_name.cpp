#include "base/signal_name.hpp"

#include <charconv>
#include <csignal>
#include <string>
#include <utility>

namespace msb {

namespace {

constexpr std::pair<std::string_view, int> names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},   {"IOT", SIGABRT},  {"BUS", SIGBUS},
    {"FPE", SIGFPE},       {"KILL", SIGKILL},   {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE},   {"ALRM", SIGALRM}, {"TERM", SIGTERM},
    {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},   {"CLD", SIGCHLD},  {"CONT", SIGCONT},
    {"STOP", SIGSTOP},     {"TSTP", SIGTSTP},   {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},
    {"URG", SIGURG},       {"XCPU", SIGXCPU},   {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM},
    {"PROF", SIGPROF},     {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"POLL", SIGPOLL},
    {"PWR", SIGPWR},       {"SYS", SIGSYS}};

std::optional<int> parse_number(std::string_view digits) {
    int number = 0;
    const char* begin = digits.data();
    const char* end = begin + digits.size();
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (digits.empty() || error != std::errc{} || stop != end)
        return std::nullopt;
    return number;
}

std::optional<int> in_range(std::optional<int> number, int least) {
    return number && *number >= least && *number <= signal_rtmax ? number : std::nullopt;
}

/// "RTMIN", "RTMIN+3", "RTMAX", "RTMAX-1".
std::optional<int> parse_real_time(std::string_view name) {
    const bool from_end = name.starts_with("RTMAX");
    if (!from_end && !name.starts_with("RTMIN"))
        return std::nullopt;
    const int base = from_end ? signal_rtmax : signal_rtmin;
    name.remove_prefix(5);
    if (name.empty())
        return base;
    if (name[0] != (from_end ? '-' : '+'))
        return std::nullopt;
    const auto offset = in_range(parse_number(name.substr(1)), 0);
    if (!offset)
        return std::nullopt;
    return in_range(from_end ? base - *offset : base + *offset, signal_rtmin);
}

} // namespace

std::optional<int> parse_signal(std::string_view text) {
    std::string upper;
    for (const char c : text)
        upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    std::string_view name = upper;
    if (!name.starts_with("SIG"))
        if (const auto number = parse_number(name))
            return in_range(number, 1);
    if (name.starts_with("SIG"))
        name.remove_prefix(3);
    for (const auto& [known, number] : names)
        if (known == name)
            return number;
    return parse_real_time(name);
}

} // namespace msb
