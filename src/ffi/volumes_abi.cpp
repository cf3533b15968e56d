// Volumes.
#include "api/volume_json.hpp"
#include "api/volumes.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

namespace {

std::map<std::string, std::string> labels_of(Options& given) {
    std::map<std::string, std::string> labels;
    for (auto& [key, value] : given.pairs("labels"))
        labels.insert_or_assign(key, value);
    return labels;
}

Outcome<VolumeRequest> volume_request(const char* options) {
    constexpr std::uint64_t most_mib = std::uint64_t{1} << 40;
    Options given(options);
    VolumeRequest request;
    request.kind =
        given.choice("kind", {"dir", "disk"}) == "disk" ? VolumeKind::disk : VolumeKind::directory;
    request.size_mib = given.number("size_mib", most_mib);
    request.quota_mib = given.number("quota_mib", most_mib);
    request.labels = labels_of(given);
    MSB_TRY(given.done());
    return request;
}

} // namespace

MSB_API char* msb_volume_create(const char* name, const char* options, char** result) {
    return call_on(0, name, [&](const std::string& volume, api::Cancel*) -> Outcome<void> {
        const VolumeRequest request = MSB_TRY(volume_request(options));
        give(result, volume_document(MSB_TRY(api::create_volume(volume, request))));
        return {};
    });
}

MSB_API char* msb_volume_get(const char* name, char** result) {
    return call_on(0, name, [&](const std::string& volume, api::Cancel*) -> Outcome<void> {
        give(result, volume_document(MSB_TRY(api::get_volume(volume))));
        return {};
    });
}

MSB_API char* msb_volume_list(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        json::Value list = json::array();
        for (const Volume& volume : MSB_TRY(api::list_volumes()))
            list.push_back(volume_document(volume));
        give(result, list);
        return {};
    });
}

MSB_API char* msb_volume_remove(const char* name) {
    return call_on(0, name, [&](const std::string& volume, api::Cancel*) -> Outcome<void> {
        return api::remove_volume(volume);
    });
}

MSB_API char* msb_volume_clone(std::uint64_t cancel, const char* name, const char* to,
                               const char* options, char** result) {
    return call_on(
        cancel, name, [&](const std::string& volume, api::Cancel* cancelling) -> Outcome<void> {
            const std::string copy = MSB_TRY(text_argument(to, "to"));
            Options given(options);
            const auto labels = labels_of(given);
            MSB_TRY(given.done());
            give(result,
                 volume_document(MSB_TRY(api::clone_volume(volume, copy, labels, cancelling))));
            return {};
        });
}

MSB_API char* msb_volume_prune(const char* options, char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        Options given(options);
        LabelSelector labels;
        for (auto& label : given.pairs("labels"))
            labels.push_back(std::move(label));
        const bool dry_run = given.flag("dry_run");
        MSB_TRY(given.done());
        json::Value list = json::array();
        for (const PrunedVolume& volume : MSB_TRY(api::prune_volumes(labels, dry_run)))
            list.push_back({{"name", volume.name}, {"used_bytes", volume.used_bytes}});
        give(result, list);
        return {};
    });
}
