// Messages of a client, up to the tools' arguments: no tool is called with good ones, because the
// sandbox that it names is none.
#include "mcp/server.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace msb::mcp;
    const auto message = read_message({reinterpret_cast<const char*>(data), size});
    if (!message || message->method == "tools/call")
        return 0;
    Server server{Limits()};
    server.receive({reinterpret_cast<const char*>(data), size},
                   [](Server::Part, const std::string&) {});
    return 0;
}
