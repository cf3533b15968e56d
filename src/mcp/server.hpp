// One client of the protocol: answers its messages, each tool call on a thread of its own.
#pragma once

#include "mcp/message.hpp"
#include "mcp/tool.hpp"
#include "mcp/workbench.hpp"

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace msb::mcp {

class Server {
  public:
    static constexpr std::size_t max_calls = 32; ///< at a time

    enum class Part { progress, answer };
    /// Gets messages without their ends of lines, from any thread. The answer is empty for a message that
    /// has none (any more).
    using Reply = std::function<void(Part, const std::string&)>;

    explicit Server(Limits limits) : bench_(std::move(limits)) {}
    /// Calls that run are cancelled. Sandboxes that were made for this client end.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// `reply` is called once with the answer, and before that with reports of its progress.
    void receive(std::string_view text, const Reply& reply);
    /// Cancels what runs and waits for it.
    void end_calls();
    /// Until all calls that run are answered, and no longer than this.
    void finish(std::chrono::milliseconds limit);

  private:
    struct Running {
        std::thread thread;
        std::shared_ptr<api::Cancel> cancel;
        json::Value id;
        bool done = false;
    };

    void answer(const Message& request, const Reply& reply);
    json::Value initialize(const json::Value& params) const;
    void call_tool(const Message& request, const Reply& reply);
    void cancel_call(const json::Value& params);
    void join_done();

    Workbench bench_;
    std::mutex mutex_; ///< of what follows
    std::list<Running> running_;
};

} // namespace msb::mcp
