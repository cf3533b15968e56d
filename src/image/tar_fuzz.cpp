// Any bytes as a tar: entries keep the promises of tar.hpp, data stays inside its file, and the
// size of the reads that the source gives does not matter.
#include "base/bytes.hpp"
#include "image/stream.hpp"
#include "tar/tar.hpp"

using namespace msb;
using namespace msb::image;

namespace {

/// Gives at most `piece` bytes at a time.
class PieceSource : public Source {
  public:
    PieceSource(BytesView data, std::size_t piece) : inner_(data), piece_(piece) {}
    Result<std::size_t> read(MutableBytesView buffer) override {
        return inner_.read(buffer.first(std::min(buffer.size(), piece_)));
    }

  private:
    MemorySource inner_;
    std::size_t piece_;
};

void require(bool condition) {
    if (!condition)
        __builtin_trap();
}

/// What a reader sees, in short. Nothing if it ends in an error.
std::optional<std::string> read_all(BytesView bytes, std::size_t piece) {
    PieceSource source(bytes, piece);
    TarReader tar(source);
    std::string seen;
    for (;;) {
        const auto entry = tar.next();
        if (!entry)
            return std::nullopt;
        if (!*entry)
            return seen;
        const TarEntry& item = **entry;
        require(item.path.size() <= max_path_length && item.path.find('\0') == std::string::npos);
        require(item.mode <= 07777 && item.mtime_nsec < 1'000'000'000);
        seen += item.path + '\0' + item.link + '\0' + std::to_string(item.size);
        std::uint64_t end = 0;
        for (;;) {
            const auto data = tar.next_data();
            if (!data)
                return std::nullopt;
            if (!*data)
                break;
            require((*data)->offset >= end && !(*data)->bytes.empty());
            end = (*data)->offset + (*data)->bytes.size();
            require(end <= item.size);
            seen += as_text((*data)->bytes);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0)
        return 0;
    const BytesView bytes(data + 1, size - 1);
    require(read_all(bytes, std::size_t{data[0]} + 1) == read_all(bytes, bytes.size() + 1));
    return 0;
}
