// The packets of an SFTP client, whole or in pieces.
#include "base/testing/check.hpp"
#include "ssh/sftp_packet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace msb;
    using testing::check;
    BytesView rest(data, size);
    for (;;) {
        const std::size_t before = rest.size();
        const auto packet = sftp::take_packet(rest);
        if (!packet || !*packet)
            return 0;
        check(rest.size() + 4 + (*packet)->size() == before);
        const auto request = sftp::parse_request(**packet);
        if (request) {
            check(request->id == sftp::id_of(**packet));
            check(request->data.size() + request->path.size() + request->second.size() +
                      request->handle.size() + request->extension.size() <=
                  (*packet)->size());
        }
    }
}
