// One stream of one session on its way into exec.log: a character that arrives in two pieces is one
// again in the log.
#pragma once

#include "logs/exec_log.hpp"

#include <string>
#include <utility>

namespace msb {

class LogStream {
  public:
    void write(ExecLog& log, LogSource source, std::uint64_t session, BytesView data) {
        if (held_.empty() && incomplete_utf8_suffix(as_text(data)) == 0)
            return log.write(source, session, data);
        std::string text = std::exchange(held_, {});
        text += as_text(data);
        const std::size_t whole = text.size() - incomplete_utf8_suffix(text);
        held_ = text.substr(whole);
        log.write(source, session, as_bytes(text).first(whole));
    }

    /// The stream has ended: what is held will not become a character.
    void finish(ExecLog& log, LogSource source, std::uint64_t session) {
        log.write(source, session, as_bytes(std::exchange(held_, {})));
    }

  private:
    std::string held_; ///< at most 3 bytes
};

} // namespace msb
