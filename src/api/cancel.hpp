// Cancelling a call, from any thread.
#pragma once

#include <functional>
#include <mutex>

namespace msb::api {

class Cancel {
  public:
    void trigger() {
        const std::lock_guard lock(mutex_);
        triggered_ = true;
        if (wake_)
            wake_();
    }
    bool triggered() const {
        const std::lock_guard lock(mutex_);
        return triggered_;
    }

    /// Calls `wake` when it is triggered, immediately if it was already, for as long as the guard
    /// lives.
    class Wake {
      public:
        Wake(Cancel* cancel, std::function<void()> wake) : cancel_(cancel) {
            if (cancel_ != nullptr)
                cancel_->set(std::move(wake));
        }
        ~Wake() {
            if (cancel_ != nullptr)
                cancel_->set({});
        }
        Wake(const Wake&) = delete;
        Wake& operator=(const Wake&) = delete;

      private:
        Cancel* cancel_;
    };

  private:
    void set(std::function<void()> wake) {
        const std::lock_guard lock(mutex_);
        wake_ = std::move(wake);
        if (wake_ && triggered_)
            wake_();
    }

    mutable std::mutex mutex_;
    bool triggered_ = false;
    std::function<void()> wake_;
};

} // namespace msb::api
