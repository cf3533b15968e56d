#include "cli/live.hpp"

#include "base/system.hpp"
#include "cli/output.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace msb::cli {

namespace {

/// The terminal's other screen, without a cursor; the first one comes back untouched.
class OtherScreen {
  public:
    OtherScreen() { (void)print("\x1b[?1049h\x1b[?25l"); }
    ~OtherScreen() { (void)print("\x1b[?25h\x1b[?1049l"); }
    OtherScreen(const OtherScreen&) = delete;
    OtherScreen& operator=(const OtherScreen&) = delete;

    /// In one write, and without emptying the screen before: nothing flickers.
    static bool draw(std::string_view text, const WindowSize& window) {
        std::string all = "\x1b[H";
        for (std::size_t row = 0; row < window.rows && !text.empty(); ++row) {
            const std::string_view line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(line.size() + 1, text.size()));
            all += (row == 0 ? "" : "\r\n") + cropped(line, window.cols) + "\x1b[K";
        }
        return print(all + "\x1b[J");
    }
};

} // namespace

Status watch_on_terminal(std::string_view what, std::chrono::milliseconds interval,
                         const std::function<Result<std::string>(const WindowSize&)>& render) {
    if (!is_terminal(STDOUT_FILENO))
        return fail(Error(ErrorKind::invalid_argument, std::string(what) + " needs a terminal")
                        .with_hint("elsewhere there is --format json"));
    const SignalWatch signals =
        MSB_TRY(SignalWatch::create({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH}));
    const OtherScreen screen;
    for (;;) {
        const WindowSize window = window_size(STDOUT_FILENO).value_or(WindowSize());
        if (!OtherScreen::draw(MSB_TRY(render(window)), window))
            return {}; // the terminal is gone
        if (MSB_TRY(sys::wait_for(signals.fd(), POLLIN, interval)))
            while (const auto signal = signals.poll())
                if (*signal != SIGWINCH)
                    return {};
    }
}

} // namespace msb::cli
