// Any bytes as the disk of an image: what is said of its files is within bounds, and looking for them
// comes to an end.
#include "base/bytes.hpp"
#include "base/testing/check.hpp"
#include "image/erofs_reader.hpp"

#include <algorithm>
#include <deque>
#include <sys/stat.h>

using namespace msb;
using namespace msb::image;
using msb::testing::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView device(data, size);
    const auto read = [&](std::uint64_t offset, MutableBytesView buffer) -> Status {
        check(offset <= size && buffer.size() <= size - offset);
        std::ranges::copy(device.subspan(offset, buffer.size()), buffer.begin());
        return {};
    };
    const ErofsReader reader(read, size);
    const auto root = reader.root();
    if (!root)
        return 0;
    std::deque<FileInfo> todo = {*root};
    for (int looked = 0; !todo.empty() && looked < 100; ++looked) {
        const FileInfo directory = std::move(todo.front());
        todo.pop_front();
        const auto names = reader.names(directory);
        for (std::size_t i = 0; names && i < std::min<std::size_t>(names->size(), 100); ++i) {
            const auto file = reader.find(directory, (*names)[i]);
            if (!file || !*file)
                continue;
            check((*file)->target.size() < 4096);
            if (S_ISREG((*file)->mode) && (*file)->size > 0)
                check((*file)->size <= size && (*file)->data_offset <= size - (*file)->size);
            if (S_ISDIR((*file)->mode))
                todo.push_back(**file);
        }
    }
    return 0;
}
