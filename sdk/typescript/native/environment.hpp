// Calls that block, each in a thread that does nothing else meanwhile, and the way back to
// JavaScript.
//
// Not libuv's workers: there are four, and four commands that are waited for would hold up every
// other call and the program's own file operations.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <node_api.h>
#include <unordered_map>

namespace msb::node {

/// A call on its way: `run` in its thread, `result` in JavaScript's.
class Call {
  public:
    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    virtual ~Call() = default;
    virtual void run() = 0;
    virtual napi_value result(napi_env env) = 0;
    /// Ends it early; 0 if that is not possible.
    virtual std::uint64_t cancel_number() const = 0;

    napi_deferred deferred = nullptr;
};

/// Of one JavaScript environment (the main program's, or a worker's).
class Environment : public std::enable_shared_from_this<Environment> {
  public:
    static std::shared_ptr<Environment> create(napi_env env);

    /// The promise of the call's result; a null pointer with an exception pending if it cannot be
    /// made.
    napi_value start(napi_env env, std::unique_ptr<Call> call);
    /// Cancels the calls that run and waits for their threads, for a bounded time: at the end of
    /// the environment, after which nothing can be delivered.
    void close();

  private:
    static void deliver(napi_env env, napi_value function, void* context, void* data);
    void finished(std::unique_ptr<Call> call);
    void settle(napi_env env, Call& call);

    std::mutex mutex_;
    std::condition_variable idle_;
    std::unordered_map<const Call*, std::uint64_t> running_; ///< their numbers to cancel them
    bool closed_ = false;
    napi_threadsafe_function done_ = nullptr;
    std::size_t pending_ = 0; ///< promises; only JavaScript's thread uses it
};

} // namespace msb::node
