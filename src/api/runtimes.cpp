#include "api/runtimes.hpp"

#include <mutex>
#include <vector>

namespace msb::api {

namespace {

struct Left {
    std::mutex mutex;
    std::vector<Child> children;
};

// Never destroyed: other threads may run while the program exits.
Left& left() {
    static auto* instance = new Left;
    return *instance;
}

void sweep(std::vector<Child>& children) {
    std::erase_if(children, [](Child& child) {
        const auto status = child.wait(std::chrono::milliseconds(0));
        return !status || *status;
    });
}

} // namespace

void leave_to_sweep(Child child) {
    Left& all = left();
    const std::lock_guard lock(all.mutex);
    all.children.push_back(std::move(child));
    sweep(all.children);
}

void sweep_runtimes() {
    Left& all = left();
    const std::lock_guard lock(all.mutex);
    sweep(all.children);
}

} // namespace msb::api
