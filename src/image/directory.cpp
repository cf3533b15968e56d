#include "image/directory.hpp"

#include "image/index.hpp"
#include "image/stream.hpp"
#include "json/text.hpp"
#include "tar/pack.hpp"

namespace msb::image {

namespace {

constexpr const char* layer_type = "application/vnd.oci.image.layer.v1.tar";
constexpr std::uint64_t check_step = std::uint64_t{16} << 20;

/// Hashes and counts what goes to a file.
class LayerSink : public Sink {
  public:
    explicit LayerSink(int fd) : file_(fd) {}
    Status write(BytesView data) override {
        hash_.update(data);
        size_ += data.size();
        if (size_ > max_layer_size)
            return fail(ErrorKind::limit_exceeded, "what is in it is larger than 10 GiB");
        return file_.write(data);
    }
    std::uint64_t size() const { return size_; }
    Digest finish() { return hash_.finish(); }

  private:
    FdSink file_;
    Sha256Stream hash_;
    std::uint64_t size_ = 0;
};

Json descriptor(const char* type, const Digest& digest, std::uint64_t size) {
    return {{"mediaType", type}, {"digest", digest.to_string()}, {"size", size}};
}

} // namespace

Result<ImagePlan> pack_directory(const std::string& path, int archive, const Budget& budget) {
    LayerSink sink(archive);
    TreeProgress progress;
    std::uint64_t checked = 0;
    progress.tick = [&]() -> Status {
        if (progress.bytes - checked < check_step)
            return {};
        checked = progress.bytes;
        return budget.check_space();
    };
    MSB_TRY(pack_tree(path, {.name = ".", .as_root = true}, sink, progress));
    const Digest layer = sink.finish();
    const Platform host = Platform::host();
    Json configuration{
        {"os", "linux"},
        {"architecture", host.architecture},
        {"config", json::object()},
        {"rootfs", {{"type", "layers"}, {"diff_ids", json::array({layer.to_string()})}}}};
    if (!host.variant.empty())
        configuration["variant"] = host.variant;
    const std::string text = json::to_text(configuration);
    const Json manifest{{"schemaVersion", 2},
                        {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                        {"config", descriptor("application/vnd.oci.image.config.v1+json",
                                              Digest::of(as_bytes(text)), text.size())},
                        {"layers", json::array({descriptor(layer_type, layer, sink.size())})}};
    return make_plan(MSB_TRY(parse_manifest(manifest)), json::to_text(manifest), text, host);
}

} // namespace msb::image
