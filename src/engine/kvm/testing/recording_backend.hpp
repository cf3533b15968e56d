// A back-end that remembers what it is asked, for tests and the fuzzer of the transport.
#pragma once

#include "virtio/frontend/frontend.hpp"

#include <algorithm>

namespace msb::engine::kvm::testing {

class RecordingBackend final : public virtio::Backend {
  public:
    std::uint64_t features() const override { return offered; }
    std::uint16_t queue_count() const override { return 2; }
    Status read_config(MutableBytesView out) override {
        std::ranges::copy(BytesView(config).first(std::min(out.size(), config.size())),
                          out.begin());
        return {};
    }
    Status write_config(std::uint32_t offset, BytesView data) override {
        std::ranges::copy(data, config.begin() + offset);
        return {};
    }
    Status start(std::uint64_t features, std::span<const virtio::RingSetup> with) override {
        taken = features;
        rings.assign(with.begin(), with.end());
        ++starts;
        return {};
    }
    Status reset() override {
        ++resets;
        return lost ? Status(fail(ErrorKind::unreachable, "gone")) : Status{};
    }

    std::uint64_t offered = ~std::uint64_t{0};
    Bytes config = Bytes(60, 7);
    std::uint64_t taken = 0;
    std::vector<virtio::RingSetup> rings;
    int starts = 0, resets = 0;
    bool lost = false;
};

} // namespace msb::engine::kvm::testing
