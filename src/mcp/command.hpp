// A command in a sandbox that goes on between calls. Its output is taken from it by a thread of its own
// and kept, up to a limit; then the command waits until somebody reads.
#pragma once

#include "api/exec.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace msb::mcp {

class Command {
  public:
    using Clock = std::chrono::steady_clock;

    /// `most`: how many bytes of output may wait to be read.
    Command(std::shared_ptr<api::Exec> exec, std::size_t most);
    ~Command();
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    struct Output {
        std::string out, err;
        std::optional<api::ExecEnd> end;     ///< it has ended, and this is its last output
        std::optional<api::Failure> failure; ///< likewise, in another way
        bool over() const { return end || failure; }
    };
    /// What it has written since the last call. Waits until there is something, or it has ended, at
    /// most until `deadline`.
    Output read(Clock::time_point deadline, const api::Cancel* cancel);
    /// One line of its stdout, without the end of the line; stderr is dropped. Nothing: the deadline has
    /// passed, the call was cancelled, or the line is longer than what is kept.
    std::optional<std::string> read_line(Clock::time_point deadline, const api::Cancel* cancel);
    bool over() const;

    api::Exec& exec() { return *exec_; }
    /// When it was used last.
    Clock::time_point used() const;

  private:
    void follow();
    void take(const api::ExecEvent& event);
    template <typename Ready>
    void wait(std::unique_lock<std::mutex>& lock, Clock::time_point deadline,
              const api::Cancel* cancel, Ready ready);

    const std::shared_ptr<api::Exec> exec_;
    const std::size_t most_;
    mutable std::mutex mutex_; ///< of what follows
    std::condition_variable changed_;
    std::string out_, err_;
    std::optional<api::ExecEnd> end_;
    std::optional<api::Failure> failure_;
    bool closing_ = false;
    Clock::time_point used_ = Clock::now();
    api::Cancel stop_;
    std::thread reader_;
};

/// The beginning and the end of what may be longer than anybody wants to read.
class Excerpt {
  public:
    explicit Excerpt(std::size_t most) : most_(most) {}
    void add(BytesView data);
    /// With a line in between that says how much was left out.
    std::string text() const;
    bool complete() const { return total_ <= most_; }

  private:
    std::size_t most_;
    std::uint64_t total_ = 0;
    std::string head_, tail_;
};

} // namespace msb::mcp
