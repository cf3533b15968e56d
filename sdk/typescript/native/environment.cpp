#include "environment.hpp"

#include "marshal.hpp"
#include "threads.hpp"

#include <system_error>

namespace msb::node {

namespace {
constexpr auto longest_close = std::chrono::seconds(10);
}

std::shared_ptr<Environment> Environment::create(napi_env env) {
    auto self = std::make_shared<Environment>();
    napi_value name = text_value(env, "microsandbox");
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                        self.get(), deliver, &self->done_) != napi_ok)
        return nullptr;
    // Only pending promises keep the program running.
    napi_unref_threadsafe_function(env, self->done_);
    return self;
}

napi_value Environment::start(napi_env env, std::unique_ptr<Call> call) {
    napi_value promise = nullptr;
    if (napi_create_promise(env, &call->deferred, &promise) != napi_ok)
        return nullptr;
    Call* const raw = call.get();
    {
        const std::lock_guard lock(mutex_);
        running_.emplace(raw, raw->cancel_number());
    }
    if (pending_++ == 0)
        napi_ref_threadsafe_function(env, done_);
    try {
        run_in_thread([self = shared_from_this(), raw] {
            raw->run();
            self->finished(std::unique_ptr<Call>(raw));
        });
        (void)call.release();
    } catch (const std::system_error& error) {
        {
            const std::lock_guard lock(mutex_);
            running_.erase(raw);
        }
        napi_value text =
            text_value(env, (std::string("cannot start a thread: ") + error.what()).c_str());
        napi_value reason = nullptr;
        napi_create_error(env, nullptr, text, &reason);
        napi_reject_deferred(env, raw->deferred, reason);
        if (--pending_ == 0)
            napi_unref_threadsafe_function(env, done_);
    }
    return promise;
}

void Environment::finished(std::unique_ptr<Call> call) {
    const std::lock_guard lock(mutex_);
    running_.erase(call.get());
    // Under the lock: after close() the function is gone.
    if (!closed_ &&
        napi_call_threadsafe_function(done_, call.get(), napi_tsfn_nonblocking) == napi_ok)
        (void)call.release();
    if (running_.empty())
        idle_.notify_all();
}

void Environment::deliver(napi_env env, napi_value /*function*/, void* context, void* data) {
    const std::unique_ptr<Call> call(static_cast<Call*>(data));
    if (env != nullptr) // else it is being torn down
        static_cast<Environment*>(context)->settle(env, *call);
}

void Environment::settle(napi_env env, Call& call) {
    if (napi_value value = call.result(env); value != nullptr) {
        napi_resolve_deferred(env, call.deferred, value);
    } else {
        napi_value reason = nullptr;
        bool pending = false;
        napi_is_exception_pending(env, &pending);
        if (pending)
            napi_get_and_clear_last_exception(env, &reason);
        else
            napi_create_error(env, nullptr, text_value(env, "no memory for a result"), &reason);
        napi_reject_deferred(env, call.deferred, reason);
    }
    if (--pending_ == 0)
        napi_unref_threadsafe_function(env, done_);
}

void Environment::close() {
    std::unique_lock lock(mutex_);
    for (const auto& [call, number] : running_)
        if (number != 0)
            symbol::cancel_trigger::address(number);
    idle_.wait_for(lock, longest_close, [this] { return running_.empty(); });
    closed_ = true;
}

} // namespace msb::node
