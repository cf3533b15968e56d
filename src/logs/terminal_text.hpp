// Foreign text for a terminal. What runs in a sandbox chooses every byte of its output; a terminal
// that gets them as they are can be made to change its title, its clipboard or its keys, to answer
// as if somebody had typed, or to paint over other text. So only text passes, and colours where
// they are wanted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace msb {

/// One stream of text, in pieces that may be cut anywhere.
class TerminalText {
  public:
    struct Options {
        /// Lets through colours and the like ("ESC [ ... m"); every other sequence is dropped.
        bool colours = false;
        /// Other control characters and bytes that are not UTF-8 are shown as \x1f and U+FFFD, and
        /// a carriage return cannot overwrite a line. False (for files and pipes): they stay.
        bool visible_controls = true;
    };
    explicit TerminalText(Options options) : options_(options) {}

    std::string filter(std::string_view piece);

  private:
    enum class State { text, escape, csi, string, string_escape };
    void take(std::string& out, std::string_view character);
    void take_control(std::string& out, unsigned char c);
    void end_sequence(std::string& out, char final);

    Options options_;
    State state_ = State::text;
    std::string sequence_;
    std::size_t string_length_ = 0;
    bool carriage_return_ = false;
};

/// One line of a log that is not a program's output, without any control character or sequence.
std::string plain_line(std::string_view line);

} // namespace msb
