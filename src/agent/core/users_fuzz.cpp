// User databases of an image are hostile: any bytes, through buffers of any size.
#include "agent/core/users.hpp"
#include "base/system.hpp"

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1)
        return 0;
    const OwnedFd file = *sys::memfd("database", BytesView(data + 1, size - 1));
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    std::vector<char> scratch(std::size_t{data[0]} + 1);
    static agent::Identity identity;
    for (const char* spec : {"", "root", "app:audio", "1000", ":5"})
        agent::resolve_identity(spec, path.c_str(), path.c_str(), scratch, identity);
    return 0;
}
