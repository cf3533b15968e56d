#include "image/record.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "json/text.hpp"

namespace msb::image {

namespace {

constexpr std::size_t max_record_size = std::size_t{32} << 20;

Json encode(const Layer& layer) {
    return Json{
        {"diff_id", layer.diff_id.to_string()}, {"blob_digest", layer.blob_digest.to_string()},
        {"media_type", layer.media_type},       {"compressed_size", layer.compressed_size},
        {"data_size", layer.data_size},         {"index_size", layer.index_size}};
}

Result<Layer> decode_layer(const Json& json) {
    Layer layer;
    layer.diff_id = MSB_TRY(Digest::parse(json_string(json, "diff_id")));
    layer.blob_digest = MSB_TRY(Digest::parse(json_string(json, "blob_digest")));
    layer.media_type = json_string(json, "media_type");
    layer.compressed_size = json_unsigned(json, "compressed_size");
    layer.data_size = json_unsigned(json, "data_size");
    layer.index_size = json_unsigned(json, "index_size");
    return layer;
}

Result<Record> decode(const Json& json) {
    if (json_unsigned(json, "schema") != record_schema)
        return fail(ErrorKind::unsupported, "written by another version");
    Record record;
    Image& image = record.image;
    image.reference = json_string(json, "reference");
    image.manifest_digest = MSB_TRY(Digest::parse(json_string(json, "manifest_digest")));
    image.config_digest = MSB_TRY(Digest::parse(json_string(json, "config_digest")));
    image.os = json_string(json, "os");
    image.architecture = json_string(json, "architecture");
    image.variant = json_string(json, "variant");
    image.created = json_string(json, "created");
    image.stored_ns = json_integer(json, "stored_ns");
    image.size_bytes = json_unsigned(json, "size_bytes");
    image.config = decode_config(json_member(json, "config"));
    for (const Json& layer : json_member(json, "layers").elements())
        image.layers.push_back(MSB_TRY(decode_layer(layer)));
    record.meta_key = json_string(json, "meta_key");
    if (!is_sha256_hex(record.meta_key))
        return fail(ErrorKind::corrupt, "it has no metadata key");
    record.meta_size = json_unsigned(json, "meta_size");
    if (const std::string index = json_string(json, "index"); !index.empty())
        record.index = MSB_TRY(Digest::parse(index));
    record.source_stamp = json_string(json, "source_stamp");
    return record;
}

Status check_piece(const std::string& path, std::uint64_t size) {
    const auto info = sys::stat(path);
    if (!info || static_cast<std::uint64_t>(info->st_size) != size)
        return fail(ErrorKind::corrupt, "'" + path + "' is missing or has the wrong size");
    return {};
}

} // namespace

Json encode(const ImageConfig& config) {
    return Json{{"env", config.env},
                {"cmd", config.cmd},
                {"entrypoint", config.entrypoint},
                {"working_dir", config.working_dir},
                {"user", config.user},
                {"stop_signal", config.stop_signal},
                {"labels", config.labels}};
}

ImageConfig decode_config(const Json& json) {
    ImageConfig config{.env = json_strings(json, "env"),
                       .cmd = json_strings(json, "cmd"),
                       .entrypoint = json_strings(json, "entrypoint"),
                       .working_dir = json_string(json, "working_dir"),
                       .user = json_string(json, "user"),
                       .stop_signal = json_string(json, "stop_signal")};
    for (const auto& [key, value] : json_member(json, "labels").members())
        if (const std::string* text = value.text())
            config.labels.emplace(key, *text);
    return config;
}

Result<Record> read_record(const std::string& path) {
    const std::string text = MSB_TRY(read_file(path, max_record_size));
    auto record = decode(MSB_TRY(parse_json_object(text, "image record '" + path + "'")));
    if (!record)
        return fail(std::move(record).error().wrap("image record '" + path + "'"));
    return record;
}

Status write_record(const std::string& path, const Record& record) {
    const Image& image = record.image;
    Json json{{"schema", record_schema},
              {"reference", image.reference},
              {"manifest_digest", image.manifest_digest.to_string()},
              {"config_digest", image.config_digest.to_string()},
              {"os", image.os},
              {"architecture", image.architecture},
              {"variant", image.variant},
              {"created", image.created},
              {"stored_ns", image.stored_ns},
              {"size_bytes", image.size_bytes},
              {"config", encode(image.config)},
              {"layers", json::array()},
              {"meta_key", record.meta_key},
              {"meta_size", record.meta_size},
              {"index", record.index.to_string()},
              {"source_stamp", record.source_stamp}};
    for (const Layer& layer : image.layers)
        json["layers"].push_back(encode(layer));
    // Image configurations may hold any bytes; a record is always valid JSON.
    return write_file_atomic(path, json::to_text(json, 1));
}

Status locate_disk(Record& record, const Layout& layout) {
    Image& image = record.image;
    image.disk.clear();
    image.disk.push_back({layout.meta(record.meta_key), record.meta_size});
    for (const Layer& layer : image.layers)
        if (layer.data_size > 0)
            image.disk.push_back({layout.blob_data(layer.diff_id), layer.data_size});
    for (const DiskPiece& piece : image.disk)
        MSB_TRY(check_piece(piece.path, piece.length));
    return {};
}

} // namespace msb::image
