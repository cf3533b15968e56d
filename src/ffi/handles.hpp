// The numbers that callers hold, and what they stand for.
#pragma once

#include "api/files.hpp"
#include "api/logs.hpp"
#include "api/metrics.hpp"
#include "api/sandbox.hpp"
#include "api/ssh_server.hpp"
#include "ffi/progress.hpp"

#include <memory>
#include <variant>

namespace msb::ffi {

using Object = std::variant<std::shared_ptr<api::Sandbox>, std::shared_ptr<api::Exec>,
                            std::shared_ptr<api::LogStream>, std::shared_ptr<api::Cancel>,
                            std::shared_ptr<ReportQueue>, std::shared_ptr<api::FileStream>,
                            std::shared_ptr<api::SshServer>, std::shared_ptr<api::MetricsStream>>;

std::uint64_t add_object(Object object);
std::optional<Object> find_object(std::uint64_t handle);
std::optional<Object> take_object(std::uint64_t handle);

std::unexpected<api::Failure> no_such_handle(std::uint64_t handle);

template <typename T>
api::Outcome<std::shared_ptr<T>> of_type(std::optional<Object> object, std::uint64_t handle) {
    if (object)
        if (auto* found = std::get_if<std::shared_ptr<T>>(&*object))
            return std::move(*found);
    return no_such_handle(handle);
}
template <typename T> api::Outcome<std::shared_ptr<T>> find(std::uint64_t handle) {
    return of_type<T>(find_object(handle), handle);
}
template <typename T> api::Outcome<std::shared_ptr<T>> take(std::uint64_t handle) {
    const auto found = find<T>(handle); // a handle of another type stays
    if (found)
        (void)take_object(handle);
    return found;
}

/// The cancelling of one call. The call uses the number up.
class CallCancel {
  public:
    explicit CallCancel(std::uint64_t number) : number_(number) {
        if (number == 0)
            return;
        if (auto found = find<api::Cancel>(number))
            cancel_ = std::move(*found);
    }
    ~CallCancel() {
        if (cancel_)
            (void)take_object(number_);
    }
    CallCancel(const CallCancel&) = delete;
    CallCancel& operator=(const CallCancel&) = delete;

    api::Cancel* get() const { return cancel_.get(); }
    /// Fails for an invalid number, and if the call was cancelled before it began.
    api::Outcome<void> check() const;

  private:
    std::uint64_t number_;
    std::shared_ptr<api::Cancel> cancel_;
};

} // namespace msb::ffi
