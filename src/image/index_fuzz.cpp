// Any bytes as a stored index (the worker that wrote it may have been taken over): what IndexView
// accepts can be used without another check, merged with itself, and written as a file system.
#include "image/erofs.hpp"

using namespace msb;
using namespace msb::image;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, data + size); // aligned as a file that was read is
    const auto view = IndexView::parse(bytes);
    if (!view)
        return 0;
    std::size_t sum = 0;
    for (const InodeRecord& inode : view->inodes())
        sum += view->text(inode).size() + split_xattrs(view->xattrs(inode)).value().size();
    for (std::uint32_t i = 0; i < view->entries().size(); ++i) {
        sum += view->name(view->entries()[i]).size();
        const auto [first, last] = view->children(i);
        for (std::uint32_t child = first; child < last; ++child)
            if (view->entries()[child].parent != i)
                __builtin_trap();
    }
    MergedTree tree;
    if (sum > 0 && tree.apply(*view) && tree.apply(*view))
        (void)write_erofs(tree, {});
    return 0;
}
