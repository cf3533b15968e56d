#include "ssh/sftp_packet.hpp"

namespace msb::sftp {

namespace {

constexpr std::size_t longest_text = std::size_t{16} << 10;
constexpr std::uint32_t has_size = 1, has_owner = 2, has_permissions = 4, has_times = 8;
constexpr std::uint32_t has_extended = std::uint32_t{1} << 31;
constexpr std::uint32_t max_extended = 16;

/// Reads what a packet has; after its end everything is zero or empty, and failed() is true.
class PacketReader {
  public:
    explicit PacketReader(BytesView data) : data_(data) {}

    template <typename T> T number() {
        const BytesView bytes = take(sizeof(T));
        return bytes.empty() ? T{} : load_be<T>(bytes);
    }
    BytesView bytes(std::size_t most) {
        const std::size_t length = number<std::uint32_t>();
        if (length > most)
            failed_ = true;
        return take(length);
    }
    std::string text() { return std::string(as_text(bytes(longest_text))); }
    Attributes attributes();
    bool failed() const { return failed_; }

  private:
    BytesView take(std::size_t size) {
        if (failed_ || size > data_.size()) {
            failed_ = true;
            return {};
        }
        const BytesView taken = data_.first(size);
        data_ = data_.subspan(size);
        return taken;
    }
    std::pair<std::uint32_t, std::uint32_t> pair() {
        const auto first = number<std::uint32_t>();
        return {first, number<std::uint32_t>()};
    }

    BytesView data_;
    bool failed_ = false;
};

Attributes PacketReader::attributes() {
    Attributes read;
    const auto flags = number<std::uint32_t>();
    if ((flags & has_size) != 0)
        read.size = number<std::uint64_t>();
    if ((flags & has_owner) != 0)
        read.owner = pair();
    if ((flags & has_permissions) != 0)
        read.permissions = number<std::uint32_t>();
    if ((flags & has_times) != 0)
        read.times = pair();
    if ((flags & has_extended) != 0) {
        const auto count = number<std::uint32_t>();
        failed_ = failed_ || count > max_extended;
        for (std::uint32_t i = 0; i < count && !failed_; ++i) {
            (void)bytes(longest_text);
            (void)bytes(longest_text);
        }
    }
    return read;
}

void read_extension(PacketReader& in, Request& request) {
    request.extension = in.text();
    if (request.extension == "fsync@openssh.com") {
        request.handle = in.text();
    } else if (request.extension == "statvfs@openssh.com") {
        request.path = in.text();
    } else if (request.extension == "posix-rename@openssh.com" ||
               request.extension == "hardlink@openssh.com") {
        request.path = in.text();
        request.second = in.text();
    } else if (request.extension == "lsetstat@openssh.com") {
        request.path = in.text();
        request.attributes = in.attributes();
    }
}

void read_members(PacketReader& in, Request& request) {
    switch (request.type) {
    case Type::open:
        request.path = in.text();
        request.flags = in.number<std::uint32_t>();
        request.attributes = in.attributes();
        break;
    case Type::read:
        request.handle = in.text();
        request.offset = in.number<std::uint64_t>();
        request.length = in.number<std::uint32_t>();
        break;
    case Type::write: {
        request.handle = in.text();
        request.offset = in.number<std::uint64_t>();
        const BytesView data = in.bytes(max_packet);
        request.data.assign(data.begin(), data.end());
        break;
    }
    case Type::close:
    case Type::fstat:
    case Type::readdir: request.handle = in.text(); break;
    case Type::fsetstat:
        request.handle = in.text();
        request.attributes = in.attributes();
        break;
    case Type::setstat:
    case Type::mkdir:
        request.path = in.text();
        request.attributes = in.attributes();
        break;
    case Type::lstat:
    case Type::stat:
    case Type::opendir:
    case Type::remove:
    case Type::rmdir:
    case Type::realpath:
    case Type::readlink: request.path = in.text(); break;
    case Type::rename:
    case Type::symlink:
        request.path = in.text();
        request.second = in.text();
        break;
    case Type::extended: read_extension(in, request); break;
    default: break;
    }
}

} // namespace

Result<std::optional<BytesView>> take_packet(BytesView& data) {
    if (data.size() < 4)
        return std::nullopt;
    const std::size_t length = load_be<std::uint32_t>(data);
    if (length < 5 || length > max_packet)
        return fail(ErrorKind::protocol, "an SFTP packet of illegal length");
    if (data.size() - 4 < length)
        return std::nullopt;
    const BytesView packet = data.subspan(4, length);
    data = data.subspan(4 + length);
    return packet;
}

Result<Request> parse_request(BytesView packet) {
    PacketReader in(packet);
    Request request;
    request.type = static_cast<Type>(in.number<std::uint8_t>());
    request.id = in.number<std::uint32_t>();
    read_members(in, request);
    if (in.failed())
        return fail(ErrorKind::protocol, "a malformed SFTP packet");
    return request;
}

std::uint32_t id_of(BytesView packet) {
    return packet.size() < 5 ? 0 : load_be<std::uint32_t>(packet.subspan(1));
}

Reply::Reply(Bytes& out, Type type, std::uint32_t id) : out_(out), begin_(out.size()) {
    number(0); // the length, when it is known
    out_.push_back(static_cast<std::uint8_t>(type));
    number(id);
}

Reply::~Reply() {
    store_be(MutableBytesView(out_).subspan(begin_, 4),
             static_cast<std::uint32_t>(out_.size() - begin_ - 4));
}

Reply& Reply::number(std::uint32_t value) {
    out_.resize(out_.size() + sizeof(value));
    store_be(MutableBytesView(out_).last(sizeof(value)), value);
    return *this;
}

Reply& Reply::number64(std::uint64_t value) {
    out_.resize(out_.size() + sizeof(value));
    store_be(MutableBytesView(out_).last(sizeof(value)), value);
    return *this;
}

Reply& Reply::bytes(BytesView value) {
    number(static_cast<std::uint32_t>(value.size()));
    out_.insert(out_.end(), value.begin(), value.end());
    return *this;
}

Reply& Reply::text(std::string_view value) {
    return bytes(as_bytes(value));
}

Reply& Reply::attributes(const Attributes& value) {
    number((value.size ? has_size : 0) | (value.owner ? has_owner : 0) |
           (value.permissions ? has_permissions : 0) | (value.times ? has_times : 0));
    if (value.size)
        number64(*value.size);
    if (value.owner)
        number(value.owner->first).number(value.owner->second);
    if (value.permissions)
        number(*value.permissions);
    if (value.times)
        number(value.times->first).number(value.times->second);
    return *this;
}

void reply_status(Bytes& out, std::uint32_t id, StatusCode code, std::string_view message) {
    Reply(out, Type::status, id)
        .number(static_cast<std::uint32_t>(code))
        .text(message)
        .text("en"); // RFC 3066
}

} // namespace msb::sftp
