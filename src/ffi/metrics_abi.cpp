// Metrics.
#include "api/metrics.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_sandbox_metrics(const char* name, char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        give(result, to_document(MSB_TRY(api::metrics(MSB_TRY(text_argument(name, "name"))))));
        return {};
    });
}

MSB_API char* msb_all_sandbox_metrics(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        json::Value sandboxes = json::object();
        for (const SandboxMetrics& one : MSB_TRY(api::all_metrics()))
            sandboxes[one.name] = to_document(one);
        give(result, {{"sandboxes", std::move(sandboxes)}});
        return {};
    });
}

MSB_API char* msb_metrics_stream_open(const char* name, const char* options,
                                      std::uint64_t* stream) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        if (stream == nullptr)
            return api::fail(FailureKind::invalid_argument, "stream is NULL");
        Options given(options);
        const std::chrono::milliseconds interval(
            given.number("interval_ms", most_metrics_interval_ms).value_or(1000));
        MSB_TRY(given.done());
        *stream = add_object(
            MSB_TRY(api::MetricsStream::open(MSB_TRY(text_argument(name, "name")), interval)));
        return {};
    });
}

MSB_API char* msb_metrics_stream_recv(std::uint64_t cancel, std::uint64_t stream, char** sample) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        const auto found = MSB_TRY(find<api::MetricsStream>(stream));
        const auto next = MSB_TRY(found->next(cancelling.get()));
        if (sample != nullptr)
            *sample = nullptr;
        if (next)
            give(sample, to_document(*next));
        return {};
    });
}

MSB_API void msb_metrics_stream_close(std::uint64_t stream) {
    if (const auto found = take<api::MetricsStream>(stream))
        (*found)->close();
}
