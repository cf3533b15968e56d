// The first packets of a QUIC client, as files.
//
//   quic_hello NAME 1|2 FILE...    it speaks that version and asks for NAME; the question is cut into a packet a file
#include "net/quic/initial.hpp"
#include "net/testing/hello.hpp"
#include "net/testing/initial.hpp"

#include <cstdio>
#include <fstream>
#include <string>

using namespace msb;
using namespace msb::net;

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: quic_hello NAME 1|2 FILE...\n");
        return 2;
    }
    const std::string name = argv[1];
    const Bytes hello = testing::hello(name);
    const auto files = static_cast<std::size_t>(argc - 3);
    const std::size_t piece = (hello.size() + files - 1) / files;
    const std::string id = (name + "12345678").substr(0, 8);
    for (std::size_t i = 0; i < files; ++i) {
        const std::size_t begin = std::min(hello.size(), i * piece);
        const BytesView part =
            BytesView(hello).subspan(begin, std::min(piece, hello.size() - begin));
        const Bytes packet =
            testing::seal({.version = *argv[2] == '2' ? quic::version2 : quic::version1,
                           .destination = as_bytes(id),
                           .number = static_cast<std::uint32_t>(i)},
                          testing::crypto_frame(static_cast<std::uint16_t>(begin), part));
        std::ofstream file(argv[3 + i], std::ios::binary);
        file.write(reinterpret_cast<const char*>(packet.data()),
                   static_cast<std::streamsize>(packet.size()));
        if (!file.flush())
            return 1;
    }
    return 0;
}
