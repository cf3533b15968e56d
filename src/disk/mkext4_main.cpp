// mkext4 PATH SIZE journal|nojournal overlay|plain INODES: formats one disk. A program of its own so
// that nothing on the start-up path loads libext2fs. An error is one line on standard output.
#include "disk/format.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

int main(int argc, char** argv) {
    if (argc != 6)
        return 2;
    const msb::disk::Ext4Options options{.size = std::strtoull(argv[2], nullptr, 10),
                                         .journal = std::strcmp(argv[3], "journal") == 0,
                                         .overlay = std::strcmp(argv[4], "overlay") == 0,
                                         .inodes = std::strtoull(argv[5], nullptr, 10)};
    if (const auto done = msb::disk::format_disk(argv[1], options); !done) {
        std::fputs(done.error().to_string().c_str(), stdout);
        return 1;
    }
    return 0;
}
