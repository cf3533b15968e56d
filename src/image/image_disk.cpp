#include "image/image_disk.hpp"

#include "base/system.hpp"

#include <algorithm>
#include <fcntl.h>

namespace msb::image {

Json pieces_document(const std::vector<DiskPiece>& pieces) {
    Json document = json::array();
    for (const DiskPiece& piece : pieces)
        document.push_back({{"path", piece.path}, {"length", piece.length}});
    return document;
}

Result<ImageDisk> ImageDisk::open(const Json& pieces) {
    ImageDisk disk;
    for (const Json& piece : pieces.elements()) {
        OwnedFd file = MSB_TRY(sys::open(json_string(piece, "path"), O_RDONLY));
        const std::uint64_t end = disk.size() + json_unsigned(piece, "length");
        disk.pieces_.push_back({std::move(file), disk.size(), end});
    }
    return disk;
}

void ImageDisk::add_descriptors(std::vector<int>& fds) const {
    for (const Piece& piece : pieces_)
        fds.push_back(piece.file.get());
}

Status ImageDisk::read(std::uint64_t offset, MutableBytesView buffer) const {
    for (const Piece& piece : pieces_) {
        if (offset >= piece.end || buffer.empty())
            continue;
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), piece.end - offset));
        MSB_TRY(sys::pread_all(piece.file.get(), buffer.first(count), offset - piece.begin));
        buffer = buffer.subspan(count);
        offset += count;
    }
    return buffer.empty() ? Status() : fail(ErrorKind::corrupt, "the image is cut off");
}

} // namespace msb::image
