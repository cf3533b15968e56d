// What takes room, and removing what nothing needs.
#include "api/storage_json.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

namespace {

PruneRequest prune_request(Options& given) {
    constexpr std::uint64_t longest_ms = std::uint64_t{100} * 365 * 24 * 3600 * 1000;
    PruneRequest request;
    for (const std::string& word : given.texts("types").value_or(std::vector<std::string>())) {
        const auto kind = parse_storage_kind(word);
        if (kind && *kind != StorageKind::log)
            request.kinds.push_back(*kind);
        else
            given.complain("'types': nothing to prune is '" + word + "'");
    }
    for (auto& label : given.pairs("labels"))
        request.labels.push_back(std::move(label));
    request.older_than =
        std::chrono::seconds(given.number("older_than_ms", longest_ms).value_or(0) / 1000);
    request.dry_run = given.flag("dry_run");
    return request;
}

/// A call about no name, which can be cancelled.
template <typename Body> char* call_cancellable(std::uint64_t cancel, Body body) {
    return call([&]() -> Outcome<void> {
        const CallCancel cancelling(cancel);
        MSB_TRY(cancelling.check());
        MSB_TRY(locate_installation());
        return body(cancelling.get());
    });
}

} // namespace

MSB_API char* msb_storage_usage(std::uint64_t cancel, char** result) {
    return call_cancellable(cancel, [&](api::Cancel* cancelling) -> Outcome<void> {
        give(result, usage_document(MSB_TRY(api::storage_usage(cancelling))));
        return {};
    });
}

MSB_API char* msb_storage_prune(std::uint64_t cancel, const char* options, char** result) {
    return call_cancellable(cancel, [&](api::Cancel* cancelling) -> Outcome<void> {
        Options given(options);
        const PruneRequest request = prune_request(given);
        MSB_TRY(given.done());
        give(result,
             prune_document(MSB_TRY(api::prune_storage(request, cancelling)), request.dry_run));
        return {};
    });
}
