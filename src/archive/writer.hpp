// Writes a snapshot archive. The same snapshots give the same bytes, whenever and wherever.
#pragma once

#include "archive/inventory.hpp"
#include "base/fd.hpp"
#include "tar/tar.hpp"

#include <functional>
#include <memory>

namespace msb::archive {

/// A file of the host, and where in it is something to carry.
struct Payload {
    OwnedFd file;
    std::uint64_t size = 0;
    std::vector<TarExtent> extents;
};

/// What an inventory describes: a payload for each file of each snapshot, and for each layer of the
/// image an index and its data.
struct Contents {
    Inventory inventory;
    std::vector<Payload> files;
    struct Layer {
        Payload index;
        Payload data;
    };
    std::vector<Layer> layers;
};

/// Called with the bytes written so far, before compression.
using Advance = std::function<Status(std::uint64_t bytes)>;

Status write_archive(const Contents& contents, Sink& sink, const Advance& advance);

/// Compresses on several threads, into one frame whose content is checksummed (RFC 8878).
class ZstdSink : public Sink {
  public:
    static Result<std::unique_ptr<ZstdSink>> create(Sink& inner);
    ~ZstdSink() override;
    ZstdSink(const ZstdSink&) = delete;
    ZstdSink& operator=(const ZstdSink&) = delete;

    Status write(BytesView data) override;
    Status finish();

  private:
    explicit ZstdSink(Sink& inner);
    Status run(BytesView data, bool end);
    Sink& inner_;
    void* context_;
    Bytes output_;
};

} // namespace msb::archive
