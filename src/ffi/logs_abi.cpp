// Logs.
#include "ffi/abi.hpp"

namespace msb::ffi {

namespace {

json::Value entry_json(const LogEntry& entry) {
    constexpr std::int64_t ns_per_ms = 1'000'000;
    return {{"timestamp_ms", entry.time_ns / ns_per_ms},
            {"source", to_string(entry.source)},
            {"session_id", entry.session},
            {"cursor", entry.cursor.to_string()}};
}

} // namespace

} // namespace msb::ffi

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_sandbox_logs(const char* name, const char* options, char** result,
                               std::uint8_t** data, std::size_t* size) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        auto given = MSB_TRY(log_options(options, false));
        const auto entries =
            MSB_TRY(api::logs(MSB_TRY(text_argument(name, "name")), std::move(given.query)));
        json::Value list = json::array();
        Bytes bytes;
        for (const LogEntry& entry : entries) {
            json::Value item = entry_json(entry);
            item["offset"] = bytes.size();
            item["size"] = entry.data.size();
            list.push_back(std::move(item));
            bytes.insert(bytes.end(), entry.data.begin(), entry.data.end());
        }
        give(result, list);
        give(data, size, bytes);
        return {};
    });
}

MSB_API char* msb_log_stream_open(const char* name, const char* options, std::uint64_t* stream) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        if (stream == nullptr)
            return api::fail(FailureKind::invalid_argument, "stream is NULL");
        auto given = MSB_TRY(log_options(options, true));
        *stream = add_object(MSB_TRY(api::LogStream::open(MSB_TRY(text_argument(name, "name")),
                                                          std::move(given.query), given.follow)));
        return {};
    });
}

MSB_API char* msb_log_stream_recv(std::uint64_t cancel, std::uint64_t stream, char** entry,
                                  std::uint8_t** data, std::size_t* size) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        const auto found = MSB_TRY(find<api::LogStream>(stream));
        const auto next = MSB_TRY(found->next(cancelling.get()));
        if (entry != nullptr)
            *entry = nullptr;
        if (data != nullptr)
            *data = nullptr;
        if (size != nullptr)
            *size = 0;
        if (next) {
            give(entry, entry_json(*next));
            give(data, size, next->data);
        }
        return {};
    });
}

MSB_API void msb_log_stream_close(std::uint64_t stream) {
    if (const auto found = take<api::LogStream>(stream))
        (*found)->close();
}
