#include "ffi/handles.hpp"

#include "api/fork_guard.hpp"

#include <unordered_map>

namespace msb::ffi {

namespace {

struct Registry {
    std::uint64_t generation = api::fork_generation();
    std::unordered_map<std::uint64_t, Object> objects;
};

/// Guarded by fork_mutex(). Never destroyed: other threads may run while the program exits. After a
/// fork the parent's objects are forgotten, not destroyed.
Registry& registry() {
    static auto* current = new Registry;
    if (current->generation != api::fork_generation())
        current = new Registry; // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks)
    return *current;
}

std::uint64_t next_handle = 1; ///< also guarded; goes on in a forked child

} // namespace

std::uint64_t add_object(Object object) {
    const std::lock_guard lock(api::fork_mutex());
    const std::uint64_t handle = next_handle++;
    registry().objects.emplace(handle, std::move(object));
    return handle;
}

std::optional<Object> find_object(std::uint64_t handle) {
    const std::lock_guard lock(api::fork_mutex());
    const auto& objects = registry().objects;
    const auto found = objects.find(handle);
    return found == objects.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Object> take_object(std::uint64_t handle) {
    std::optional<Object> object;
    const std::lock_guard lock(api::fork_mutex());
    auto& objects = registry().objects;
    if (const auto found = objects.find(handle); found != objects.end()) {
        object = std::move(found->second);
        objects.erase(found);
    }
    return object;
}

std::unexpected<api::Failure> no_such_handle(std::uint64_t handle) {
    return api::fail(api::FailureKind::invalid_handle,
                     "no open handle " + std::to_string(handle) + " of this kind");
}

api::Outcome<void> CallCancel::check() const {
    if (number_ != 0 && !cancel_)
        return no_such_handle(number_);
    if (cancel_ && cancel_->triggered())
        return api::fail(api::FailureKind::cancelled, "cancelled");
    return {};
}

} // namespace msb::ffi
