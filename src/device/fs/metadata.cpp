#include "device/fs/metadata.hpp"

#include "base/bytes.hpp"

#include <array>
#include <cerrno>
#include <sys/xattr.h>

namespace msb::device {

namespace {

constexpr const char* xattr_name = "user.msb.override_stat";
// version u8 = 1, u8 = 0, host mode u16, uid, gid, mode, rdev: u32 each, little-endian
constexpr std::size_t encoded_size = 20;
constexpr std::uint8_t version = 1;
/// In the host mode: there is one.
constexpr std::uint16_t has_host_mode = 0x8000;

} // namespace

bool is_special(std::uint32_t mode) {
    return S_ISFIFO(mode) || S_ISSOCK(mode) || S_ISCHR(mode) || S_ISBLK(mode);
}

std::optional<Metadata> load_metadata(const std::string& path, mode_t type) {
    if (type != S_IFREG && type != S_IFDIR)
        return std::nullopt; // the kernel keeps no user attributes for other types
    std::array<std::uint8_t, encoded_size> bytes{};
    if (::getxattr(path.c_str(), xattr_name, bytes.data(), bytes.size()) !=
            static_cast<ssize_t>(bytes.size()) ||
        bytes[0] != version)
        return std::nullopt;
    const BytesView fields = BytesView(bytes).subspan(4);
    Metadata metadata{load_le<std::uint32_t>(fields), load_le<std::uint32_t>(fields.subspan(4)),
                      load_le<std::uint32_t>(fields.subspan(8)),
                      load_le<std::uint32_t>(fields.subspan(12))};
    const auto host_mode = load_le<std::uint16_t>(BytesView(bytes).subspan(2));
    if ((host_mode & has_host_mode) != 0)
        metadata.host_mode = host_mode & 0777;
    // Whatever the record says, a directory stays a directory; only a regular file can stand for
    // something else.
    if (type != S_IFREG || !is_special(metadata.mode))
        metadata.mode = (metadata.mode & 07777) | type;
    return metadata;
}

int store_metadata(const std::string& path, const Metadata& metadata) {
    std::array<std::uint8_t, encoded_size> bytes{};
    bytes[0] = version;
    if (metadata.host_mode)
        store_le(MutableBytesView(bytes).subspan(2),
                 static_cast<std::uint16_t>(has_host_mode | *metadata.host_mode));
    const MutableBytesView fields = MutableBytesView(bytes).subspan(4);
    store_le(fields, metadata.uid);
    store_le(fields.subspan(4), metadata.gid);
    store_le(fields.subspan(8), metadata.mode);
    store_le(fields.subspan(12), metadata.rdev);
    return ::setxattr(path.c_str(), xattr_name, bytes.data(), bytes.size(), 0) == 0 ? 0 : errno;
}

bool has_no_metadata(int error) {
    return error == EOPNOTSUPP || error == EPERM || error == EACCES;
}

} // namespace msb::device
