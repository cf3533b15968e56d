// What the files of the C ABI share.
#pragma once

#include "disk/sparse_copy.hpp"
#include "ffi/call.hpp"
#include "ffi/handles.hpp"
#include "ffi/options.hpp"
#include "wire/fs_messages.hpp"

namespace msb::ffi {

/// Looks for the programs that the library starts, in the order of msb_set_sdk_msb_path(). Call it
/// before anything that may need them.
Outcome<void> locate_installation();

/// A call about a named object (a sandbox, an image) that may take long.
template <typename Body> char* call_on(std::uint64_t cancel, const char* name, Body body) noexcept {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        return body(MSB_TRY(text_argument(name, "name")), cancelling.get());
    });
}

/// The same with reports; they end when the call ends, however it ends.
template <typename Body>
char* call_with_progress(std::uint64_t cancel, std::uint64_t progress, const char* name,
                         Body body) noexcept {
    std::shared_ptr<ReportQueue> queue;
    if (progress != 0)
        if (auto found = find<ReportQueue>(progress))
            queue = std::move(*found);
    const Reporting report(queue.get());
    return call_on(cancel, name, [&](const std::string& known, api::Cancel* cancelling) {
        return progress != 0 && !queue ? Outcome<void>(no_such_handle(progress))
                                       : body(known, queue.get(), cancelling);
    });
}

/// Ends a copy when the call is cancelled, and reports how far it is.
inline disk::Watch watch_of(ReportQueue* queue, api::Cancel* cancel) {
    return [queue, cancel](std::uint64_t done, std::uint64_t total) {
        if (queue != nullptr)
            queue->copied(done, total);
        return cancel != nullptr && cancel->triggered();
    };
}

/// {"path", "kind", "size", ...}: what a path leads to.
json::Value entry_json(const wire::FsEntry& entry);

/// Of a file that is read as a whole, if nothing else is said.
inline constexpr std::size_t default_most_bytes = std::size_t{256} << 20;

inline BytesView argument_bytes(const std::uint8_t* data, std::size_t size) {
    return data == nullptr ? BytesView() : BytesView(data, size);
}

} // namespace msb::ffi
