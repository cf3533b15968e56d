// Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02), with the extensions that OpenSSH's
// programs use. Functions of bytes: what arrives is a client's and may be anything.
//
//   u32 BE  length of what follows
//   u8      type
//   u32 BE  request id (INIT: version)
//   ...     depends on the type; text is u32 BE length and bytes
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msb::sftp {

inline constexpr std::uint32_t version = 3;
/// Data of one read or write; clients are told so (limits@openssh.com).
inline constexpr std::uint32_t max_data = std::uint32_t{255} << 10;
inline constexpr std::size_t max_packet = std::size_t{256} << 10;

enum class Type : std::uint8_t {
    init = 1,
    version = 2,
    open = 3,
    close = 4,
    read = 5,
    write = 6,
    lstat = 7,
    fstat = 8,
    setstat = 9,
    fsetstat = 10,
    opendir = 11,
    readdir = 12,
    remove = 13,
    mkdir = 14,
    rmdir = 15,
    realpath = 16,
    stat = 17,
    rename = 18,
    readlink = 19,
    symlink = 20,
    status = 101,
    handle = 102,
    data = 103,
    name = 104,
    attrs = 105,
    extended = 200,
    extended_reply = 201,
};

enum class StatusCode : std::uint32_t {
    ok = 0,
    end_of_file = 1,
    no_such_file = 2,
    permission_denied = 3,
    failure = 4,
    bad_message = 5,
    unsupported = 8,
};

namespace open_flag {
inline constexpr std::uint32_t read = 1, write = 2, append = 4, create = 8, truncate = 16,
                               exclusive = 32;
}

struct Attributes {
    std::optional<std::uint64_t> size;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner; ///< uid, gid
    std::optional<std::uint32_t> permissions;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> times; ///< of access, of change
};

/// Which members mean something depends on the type.
struct Request {
    Type type = Type::init;
    std::uint32_t id = 0;  ///< INIT: the client's version
    std::string extension; ///< of type extended
    std::string path;
    std::string second; ///< the new name of a rename or link; where a symlink is made
    std::string handle;
    std::uint32_t flags = 0; ///< of open
    std::uint64_t offset = 0;
    std::uint32_t length = 0; ///< of read
    Bytes data;               ///< of write
    Attributes attributes;
};

/// Cuts the first packet off `data`, without its length; none if it has not arrived whole.
/// `protocol`: its length is not one that a client may send, and the stream is lost.
Result<std::optional<BytesView>> take_packet(BytesView& data);

/// `protocol`: the packet breaks off, or a text in it is too long. A type that is not known is no
/// error.
Result<Request> parse_request(BytesView packet);
/// The id of a packet that parse_request() refused; 0 if it has none.
std::uint32_t id_of(BytesView packet);

/// An answer that is being made; it ends up in `out`, with its length.
class Reply {
  public:
    Reply(Bytes& out, Type type, std::uint32_t id);
    ~Reply();
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;

    Reply& number(std::uint32_t value);
    Reply& number64(std::uint64_t value);
    Reply& text(std::string_view value);
    Reply& bytes(BytesView value);
    Reply& attributes(const Attributes& value);

  private:
    Bytes& out_;
    std::size_t begin_;
};

void reply_status(Bytes& out, std::uint32_t id, StatusCode code, std::string_view message);

} // namespace msb::sftp
