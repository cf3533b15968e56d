#include "api/image_json.hpp"

#include "base/time.hpp"

namespace msb {

json::Value image_summary(const image::Image& image) {
    return {{"architecture", image.architecture},
            {"created_at", format_rfc3339(image.stored_ns, 9, "+00:00")},
            {"digest", image.manifest_digest.to_string()},
            {"layer_count", image.layers.size()},
            {"os", image.os},
            {"reference", image.reference},
            {"size_bytes", image.size_bytes}};
}

json::Value image_details(const image::Image& image) {
    json::Value document = image_summary(image);
    document["config"] = {{"digest", image.config_digest.to_string()},
                          {"env", image.config.env},
                          {"cmd", image.config.cmd},
                          {"entrypoint", image.config.entrypoint},
                          {"working_dir", image.config.working_dir},
                          {"user", image.config.user},
                          {"labels", image.config.labels},
                          {"stop_signal", image.config.stop_signal}};
    document["layers"] = json::array();
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
        const image::Layer& layer = image.layers[i];
        document["layers"].push_back({{"diff_id", layer.diff_id.to_string()},
                                      {"blob_digest", layer.blob_digest.to_string()},
                                      {"media_type", layer.media_type},
                                      {"compressed_size_bytes", layer.compressed_size},
                                      {"erofs_size_bytes", layer.data_size},
                                      {"position", i + 1}});
    }
    return document;
}

} // namespace msb
