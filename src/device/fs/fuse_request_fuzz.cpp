// The decoder of FUSE requests: opcode (2 bytes), size of a write's data (4 bytes), body.
#include "base/testing/check.hpp"
#include "device/fs/fuse_request.hpp"

#include <climits>

using namespace msb;
using namespace msb::device;

namespace {

using msb::testing::check;

void check_name(std::string_view name) {
    check(!name.empty() && name.size() <= NAME_MAX && name != "." && name != "..");
    check(name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos);
}

struct Checker {
    template <typename T> void operator()(const T& in) const {
        if constexpr (requires { in.new_name; })
            check_name(in.new_name);
        if constexpr (std::is_same_v<T, fuse::SetXattr> || std::is_same_v<T, fuse::GetXattr> ||
                      std::is_same_v<T, fuse::RemoveXattr>)
            check(in.name.size() <= XATTR_NAME_MAX && in.name.find('\0') == std::string_view::npos);
        else if constexpr (requires { in.name; })
            check_name(in.name);
        if constexpr (std::is_same_v<T, fuse::MakeLink>)
            check(!in.target.empty() && in.target.size() < PATH_MAX);
        if constexpr (std::is_same_v<T, fuse::BatchForget>)
            for (std::size_t i = 0; i < in.size(); ++i)
                (void)in.at(i);
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const BytesView input(data, size);
    if (size < 6)
        return 0;
    const auto opcode = load_le<std::uint16_t>(input);
    const auto data_size = load_le<std::uint32_t>(input.subspan(2));
    if (const auto operation = fuse::decode(opcode, input.subspan(6), data_size))
        std::visit(Checker(), *operation);
    else
        check(operation.error() > 0);
    return 0;
}
