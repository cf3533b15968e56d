// Images.
#include "api/image_json.hpp"
#include "api/images.hpp"
#include "ffi/abi.hpp"

using namespace msb;
using namespace msb::ffi;

MSB_API char* msb_image_list(char** result) {
    return call([&]() -> Outcome<void> {
        json::Value list = json::array();
        for (const image::Image& image : MSB_TRY(api::list_images()))
            list.push_back(image_summary(image));
        give(result, list);
        return {};
    });
}

MSB_API char* msb_image_inspect(const char* reference, char** result) {
    return call_on(0, reference, [&](const std::string& name, api::Cancel*) -> Outcome<void> {
        give(result, image_details(MSB_TRY(api::get_image(name))));
        return {};
    });
}

MSB_API char* msb_image_pull(std::uint64_t cancel, std::uint64_t progress, const char* reference,
                             const char* options, char** result) {
    return call_with_progress(
        cancel, progress, reference,
        [&](const std::string& name, ReportQueue* queue, api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            const image::PullOptions pull = pull_options(given);
            MSB_TRY(given.done());
            const auto pulled = MSB_TRY(api::pull_image(name, pull, queue, cancelling));
            if (queue != nullptr)
                queue->complete(pulled.image.reference);
            json::Value document = image_summary(pulled.image);
            document["cached"] = pulled.cached;
            give(result, document);
            return {};
        });
}

MSB_API char* msb_image_load(std::uint64_t cancel, std::uint64_t progress, const char* path,
                             const char* options, char** result) {
    return call_with_progress(
        cancel, progress, path,
        [&](const std::string& name, ReportQueue* queue, api::Cancel* cancelling) -> Outcome<void> {
            Options given(options);
            const auto tags = given.texts("tags").value_or(std::vector<std::string>());
            MSB_TRY(given.done());
            json::Value list = json::array();
            for (const image::Image& image :
                 MSB_TRY(api::load_images(name, tags, queue, cancelling)))
                list.push_back(image_summary(image));
            give(result, list);
            return {};
        });
}

MSB_API char* msb_image_remove(const char* reference, const char* options) {
    return call_on(0, reference, [&](const std::string& name, api::Cancel*) -> Outcome<void> {
        Options given(options);
        const bool force = given.flag("force");
        MSB_TRY(given.done());
        return api::remove_image(name, force);
    });
}

MSB_API char* msb_image_prune(char** result) {
    return call([&]() -> Outcome<void> {
        MSB_TRY(locate_installation());
        give(result, {{"bytes_reclaimed", MSB_TRY(api::prune_images())}});
        return {};
    });
}
