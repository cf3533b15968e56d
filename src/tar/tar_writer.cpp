#include "tar/tar_writer.hpp"

#include "tar/tar_format.hpp"

#include <algorithm>
#include <array>

namespace msb {

namespace {

using tar::block_size;
using Header = std::array<std::uint8_t, block_size>;

void put(Header& header, tar::Field where, std::string_view text) {
    std::ranges::copy(text.substr(0, where.size),
                      header.begin() + static_cast<std::ptrdiff_t>(where.offset));
}

/// Largest number an octal field holds, its last byte being a NUL.
std::uint64_t octal_max(tar::Field where) {
    return (std::uint64_t{1} << (3 * (where.size - 1))) - 1;
}

/// Octal digits; a number that does not fit is in the extended header and 0 here.
void put_octal(Header& header, tar::Field where, std::uint64_t value) {
    if (value > octal_max(where))
        value = 0;
    for (std::size_t i = where.size - 1; i-- > 0; value >>= 3)
        header[where.offset + i] = static_cast<std::uint8_t>('0' + (value & 7));
}

/// One "LENGTH KEY=VALUE\n", whose length counts itself.
void add_record(std::string& records, std::string_view key, std::string_view value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (std::to_string(length).size() + rest != length)
        ++length;
    records += std::to_string(length);
    records.append(1, ' ').append(key).append(1, '=').append(value).append(1, '\n');
}

std::string pax_time(std::int64_t seconds, std::uint32_t nanoseconds) {
    const bool negative = seconds < 0;
    if (negative && nanoseconds > 0) {
        seconds += 1;
        nanoseconds = 1'000'000'000 - nanoseconds;
    }
    std::string text = negative ? "-" : "";
    text += std::to_string(negative ? 0 - static_cast<std::uint64_t>(seconds)
                                    : static_cast<std::uint64_t>(seconds));
    if (nanoseconds > 0) {
        const std::string digits = std::to_string(nanoseconds);
        text += "." + std::string(9 - digits.size(), '0') + digits;
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

char type_flag(TarType type) {
    switch (type) {
    case TarType::file: return '0';
    case TarType::hard_link: return '1';
    case TarType::symlink: return '2';
    case TarType::character_device: return '3';
    case TarType::block_device: return '4';
    case TarType::directory: return '5';
    case TarType::fifo: return '6';
    }
    return '0';
}

bool is_sparse(const TarEntry& entry) {
    if (entry.type != TarType::file || entry.size == 0)
        return false;
    return entry.extents.size() != 1 || entry.extents[0].offset != 0 ||
           entry.extents[0].length != entry.size;
}

std::uint64_t stored_size(const TarEntry& entry) {
    std::uint64_t size = 0;
    for (const TarExtent& extent : entry.extents)
        size += extent.length;
    return size;
}

/// GNU tar manual, "Storing Sparse Files", version 1.0: the map in front of the data. GNU tar itself
/// only makes a hole at the end of a file if there is an empty extent behind it.
std::string sparse_map(const TarEntry& entry) {
    std::vector<TarExtent> extents = entry.extents;
    if (extents.empty() || extents.back().offset + extents.back().length < entry.size)
        extents.push_back({entry.size, 0});
    std::string map = std::to_string(extents.size()) + "\n";
    for (const TarExtent& extent : extents)
        map += std::to_string(extent.offset) + "\n" + std::to_string(extent.length) + "\n";
    map.resize(align_up(map.size(), block_size), '\0');
    return map;
}

std::string extended_records(const TarEntry& entry, std::uint64_t size, bool sparse) {
    std::string records;
    if (entry.path.size() > tar::name.size)
        add_record(records, "path", entry.path);
    if (entry.link.size() > tar::link_name.size)
        add_record(records, "linkpath", entry.link);
    if (entry.uid > octal_max(tar::uid))
        add_record(records, "uid", std::to_string(entry.uid));
    if (entry.gid > octal_max(tar::gid))
        add_record(records, "gid", std::to_string(entry.gid));
    if (size > octal_max(tar::size))
        add_record(records, "size", std::to_string(size));
    if (entry.mtime < 0 || static_cast<std::uint64_t>(entry.mtime) > octal_max(tar::mtime) ||
        entry.mtime_nsec != 0)
        add_record(records, "mtime", pax_time(entry.mtime, entry.mtime_nsec));
    if (entry.atime)
        add_record(records, "atime", pax_time(entry.atime->first, entry.atime->second));
    for (const auto& [name, value] : entry.xattrs)
        if (name.find('=') == std::string::npos) // could not be told from the value
            add_record(records, "SCHILY.xattr." + name, value);
    if (sparse) {
        add_record(records, "GNU.sparse.major", "1");
        add_record(records, "GNU.sparse.minor", "0");
        add_record(records, "GNU.sparse.name", entry.path);
        add_record(records, "GNU.sparse.realsize", std::to_string(entry.size));
    }
    return records;
}

} // namespace

TarWriter::TarWriter(Sink& sink) : sink_(sink), buffer_(tar_buffer_size) {}

Status TarWriter::flush() {
    if (used_ > 0)
        MSB_TRY(sink_.write(BytesView(buffer_).first(used_)));
    used_ = 0;
    return {};
}

Status TarWriter::append(BytesView bytes) {
    while (!bytes.empty()) {
        const MutableBytesView free = MSB_TRY(room(bytes.size()));
        std::ranges::copy(bytes.first(free.size()), free.begin());
        commit(free.size());
        bytes = bytes.subspan(free.size());
    }
    return {};
}

Result<MutableBytesView> TarWriter::room(std::uint64_t wanted) {
    if (used_ == buffer_.size())
        MSB_TRY(flush());
    const MutableBytesView free = MutableBytesView(buffer_).subspan(used_);
    return free.first(static_cast<std::size_t>(std::min<std::uint64_t>(free.size(), wanted)));
}

void TarWriter::commit(std::size_t size) {
    used_ += size;
    written_ += size;
}

Status TarWriter::pad() {
    static constexpr std::array<std::uint8_t, block_size> zeros{};
    return append(BytesView(zeros).first((block_size - written_ % block_size) % block_size));
}

Status TarWriter::header(const TarEntry& entry, char type, const std::string& name,
                         std::uint64_t size) {
    Header header{};
    put(header, tar::name, name);
    put_octal(header, tar::mode, entry.mode & 07777);
    put_octal(header, tar::uid, entry.uid);
    put_octal(header, tar::gid, entry.gid);
    put_octal(header, tar::size, size);
    put_octal(header, tar::mtime, entry.mtime < 0 ? 0 : static_cast<std::uint64_t>(entry.mtime));
    header[tar::type_offset] = static_cast<std::uint8_t>(type);
    put(header, tar::link_name, entry.link);
    put(header, tar::magic, std::string_view("ustar\00000", 8));
    put_octal(header, tar::device_major, entry.device_major);
    put_octal(header, tar::device_minor, entry.device_minor);
    put(header, tar::checksum, "        ");
    std::uint64_t sum = 0;
    for (const std::uint8_t byte : header)
        sum += byte;
    put_octal(header, {tar::checksum.offset, 7}, sum);
    header[tar::checksum.offset + 6] = 0;
    return append(header);
}

Status TarWriter::extended(const std::string& records, const TarEntry& entry) {
    TarEntry plain;
    plain.mode = 0644;
    plain.mtime = std::max<std::int64_t>(entry.mtime, 0);
    MSB_TRY(header(plain, 'x', "PaxHeaders/entry", records.size()));
    MSB_TRY(append(as_bytes(records)));
    return pad();
}

Status TarWriter::begin(const TarEntry& entry) {
    MSB_TRY(pad());
    const bool sparse = is_sparse(entry);
    const std::string map = sparse ? sparse_map(entry) : std::string();
    const std::uint64_t size =
        entry.type == TarType::file ? map.size() + stored_size(entry) : std::uint64_t{0};
    const std::string records = extended_records(entry, size, sparse);
    if (!records.empty())
        MSB_TRY(extended(records, entry));
    MSB_TRY(header(entry, type_flag(entry.type), entry.path, size));
    return append(as_bytes(map));
}

Status TarWriter::data(BytesView bytes) {
    return append(bytes);
}

Status TarWriter::finish() {
    MSB_TRY(pad());
    static constexpr std::array<std::uint8_t, 2 * block_size> end{};
    MSB_TRY(append(end));
    return flush();
}

} // namespace msb
