#include "tar/tar.hpp"

#include "tar/tar_format.hpp"

#include <algorithm>

namespace msb {

namespace {

using tar::block_size;

constexpr std::uint64_t max_extended_header = std::uint64_t{1} << 20;
constexpr std::string_view xattr_prefix = "SCHILY.xattr.";

std::unexpected<Error> corrupt(const std::string& text) {
    return fail(ErrorKind::corrupt, "tar: " + text);
}

std::uint64_t padding_after(std::uint64_t size) {
    return (block_size - size % block_size) % block_size;
}

std::optional<TarType> type_of(char flag, const std::string& path) {
    switch (flag) {
    case '0':
    case '\0':
        // Before ustar, a directory was a file whose name ends in a slash.
        return path.ends_with('/') ? TarType::directory : TarType::file;
    case '7':
    case 'S': return TarType::file;
    case '1': return TarType::hard_link;
    case '2': return TarType::symlink;
    case '3': return TarType::character_device;
    case '4': return TarType::block_device;
    case '5': return TarType::directory;
    case '6': return TarType::fifo;
    default: return std::nullopt;
    }
}

std::string header_path(BytesView header) {
    std::string name = tar::text_field(header, tar::name);
    const std::string_view magic = as_text(tar::field(header, tar::magic));
    // GNU's magic is "ustar  \0"; its headers keep other things where the prefix is.
    if (!magic.starts_with(std::string_view("ustar\0", 6)))
        return name;
    const bool star =
        as_text(tar::field(header, tar::star_trailer)) == std::string_view("tar\0", 4);
    const std::string prefix = tar::text_field(header, star ? tar::star_prefix : tar::prefix);
    return prefix.empty() ? name : prefix + "/" + name;
}

Result<std::uint32_t> number32(BytesView header, tar::Field where, const char* what) {
    const auto value = tar::number(tar::field(header, where));
    if (!value || *value < 0 || *value > UINT32_MAX)
        return corrupt(std::string("bad ") + what);
    return static_cast<std::uint32_t>(*value);
}

Result<std::uint32_t> decimal32(const std::string& text, const char* what) {
    const auto value = tar::parse_decimal(text);
    if (!value || *value > UINT32_MAX)
        return corrupt(std::string("bad ") + what);
    return static_cast<std::uint32_t>(*value);
}

/// Extents must ascend, not overlap, lie in the file, and add up to what is stored.
Status check_extents(const TarEntry& entry, std::uint64_t stored) {
    std::uint64_t end = 0;
    std::uint64_t total = 0;
    for (const TarExtent& extent : entry.extents) {
        const auto extent_end = checked_add(extent.offset, extent.length);
        if (extent.offset < end || !extent_end || *extent_end > entry.size)
            return corrupt("bad sparse map");
        end = *extent_end;
        total += extent.length;
    }
    if (total != stored)
        return corrupt("sparse map does not match the stored size");
    return {};
}

} // namespace

/// What extended headers said about the entry that follows them.
struct TarReader::Pending {
    Records records;
    std::string long_path;
    std::string long_link;
};

TarReader::TarReader(Source& source) : source_(source), buffer_(tar_buffer_size) {}

Status TarReader::fill(std::size_t wanted) {
    if (end_ - begin_ >= wanted || at_end_)
        return {};
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    while (end_ < wanted && !at_end_) {
        const std::size_t count = MSB_TRY(source_.read(MutableBytesView(buffer_).subspan(end_)));
        at_end_ = count == 0;
        end_ += count;
    }
    return {};
}

Result<BytesView> TarReader::take(std::size_t count, std::string_view what) {
    MSB_TRY(fill(count));
    if (end_ - begin_ < count)
        return corrupt("truncated in " + std::string(what));
    const BytesView bytes = BytesView(buffer_).subspan(begin_, count);
    begin_ += count;
    position_ += count;
    return bytes;
}

Result<std::string> TarReader::take_text(std::uint64_t size, std::uint64_t limit,
                                         std::string_view what) {
    if (size > limit)
        return fail(ErrorKind::limit_exceeded,
                    "tar: " + std::string(what) + " is larger than " + std::to_string(limit));
    std::string text;
    text.reserve(size);
    while (text.size() < size) {
        const auto part = MSB_TRY(take(
            static_cast<std::size_t>(std::min<std::uint64_t>(size - text.size(), 65536)), what));
        text += as_text(part);
    }
    MSB_TRY(skip(padding_after(size)));
    return text;
}

Status TarReader::skip(std::uint64_t count) {
    while (count > 0) {
        if (begin_ == end_) {
            const std::uint64_t jumped = source_.skip(count);
            position_ += jumped;
            count -= jumped;
        }
        const auto step = static_cast<std::size_t>(std::min<std::uint64_t>(count, 65536));
        MSB_TRY(take(step, "file data"));
        count -= step;
    }
    return {};
}

// Some writers stop right behind the data of the last file: no padding, no end blocks.
Status TarReader::skip_padding() {
    MSB_TRY(fill(static_cast<std::size_t>(padding_)));
    MSB_TRY(
        take(std::min<std::size_t>(end_ - begin_, static_cast<std::size_t>(padding_)), "padding"));
    return {};
}

Result<std::optional<TarEntry>> TarReader::next() {
    MSB_TRY(skip(data_left_));
    MSB_TRY(skip_padding());
    data_left_ = padding_ = 0;
    Pending pending;
    for (;;) {
        MSB_TRY(fill(block_size));
        if (end_ == begin_)
            return std::nullopt;
        std::array<std::uint8_t, block_size> header;
        std::ranges::copy(MSB_TRY(take(block_size, "a header")), header.begin());
        if (tar::all_zero(header))
            return std::nullopt;
        if (!tar::checksum_matches(header))
            return corrupt("header checksum is wrong");
        const char flag = static_cast<char>(header[tar::type_offset]);
        const bool extended = flag == 'x' || flag == 'g' || flag == 'L' || flag == 'K';
        if (!extended && flag != 'V')
            return finish_entry(header, pending);
        const auto size = tar::number(tar::field(header, tar::size));
        if (!size || *size < 0)
            return corrupt("bad size");
        std::string text = MSB_TRY(
            take_text(static_cast<std::uint64_t>(*size), max_extended_header, "extended header"));
        if (flag == 'x')
            pending.records = MSB_TRY(tar::parse_records(text));
        else if (flag == 'L')
            pending.long_path = text.substr(0, text.find('\0'));
        else if (flag == 'K')
            pending.long_link = text.substr(0, text.find('\0'));
    }
}

Result<std::optional<TarEntry>> TarReader::finish_entry(BytesView header, Pending& pending) {
    TarEntry entry;
    entry.path = pending.long_path.empty() ? header_path(header) : pending.long_path;
    entry.link =
        pending.long_link.empty() ? tar::text_field(header, tar::link_name) : pending.long_link;
    auto size = tar::number(tar::field(header, tar::size));
    const auto mtime = tar::number(tar::field(header, tar::mtime));
    if (!size || !mtime)
        return corrupt("bad size or time");
    entry.mtime = *mtime;
    entry.mode = MSB_TRY(number32(header, tar::mode, "mode")) & 07777;
    bool own_uid = false, own_gid = false;
    for (const auto& [key, value] : pending.records) {
        // An empty value takes the record back (POSIX.1-2001).
        if (key == "path" && !value.empty())
            entry.path = value;
        else if (key == "linkpath" && !value.empty())
            entry.link = value;
        else if (key == "size" && !value.empty())
            size = static_cast<std::int64_t>(tar::parse_decimal(value).value_or(UINT64_MAX));
        else if (key == "uid" && !value.empty())
            entry.uid = MSB_TRY(decimal32(value, "uid")), own_uid = true;
        else if (key == "gid" && !value.empty())
            entry.gid = MSB_TRY(decimal32(value, "gid")), own_gid = true;
        else if (key == "mtime" && !value.empty()) {
            const auto time = parse_pax_time(value);
            if (!time)
                return corrupt("bad mtime");
            std::tie(entry.mtime, entry.mtime_nsec) = *time;
        } else if (key == "atime") {
            entry.atime = parse_pax_time(value); // a bad one is not worth an archive
        } else if (key.starts_with(xattr_prefix) && key.size() > xattr_prefix.size())
            entry.xattrs[key.substr(xattr_prefix.size())] = value;
    }
    if (!own_uid)
        entry.uid = MSB_TRY(number32(header, tar::uid, "uid"));
    if (!own_gid)
        entry.gid = MSB_TRY(number32(header, tar::gid, "gid"));
    if (*size < 0)
        return corrupt("bad size");
    const char flag = static_cast<char>(header[tar::type_offset]);
    const auto type = type_of(flag, entry.path);
    if (!type)
        return corrupt(std::string("unknown entry type '") +
                       (flag > ' ' && flag < 0x7f ? flag : '?') + "'");
    entry.type = *type;
    if (entry.type == TarType::character_device || entry.type == TarType::block_device) {
        entry.device_major = MSB_TRY(number32(header, tar::device_major, "device number"));
        entry.device_minor = MSB_TRY(number32(header, tar::device_minor, "device number"));
    }
    extents_.clear();
    extent_ = 0, extent_done_ = 0;
    if (entry.type == TarType::file) {
        data_left_ = static_cast<std::uint64_t>(*size);
        padding_ = padding_after(data_left_);
        entry.size = data_left_;
        if (flag == 'S')
            MSB_TRY(read_gnu_sparse(header, entry));
        else
            MSB_TRY(apply_sparse_records(pending.records, entry));
        if (entry.extents.empty() && entry.size == data_left_ && entry.size > 0)
            entry.extents.push_back({0, entry.size});
        MSB_TRY(check_extents(entry, data_left_));
        extents_ = entry.extents;
    }
    for (const std::string* text : {&entry.path, &entry.link})
        if (text->size() > max_path_length)
            return fail(ErrorKind::limit_exceeded, "tar: a path is longer than 4096 bytes");
        else if (text->find('\0') != std::string::npos)
            return corrupt("a path holds a NUL byte");
    return entry;
}

Status TarReader::read_gnu_sparse(BytesView header, TarEntry& entry) {
    const auto real_size = tar::number(tar::field(header, tar::gnu_real_size));
    if (!real_size || *real_size < 0)
        return corrupt("bad sparse size");
    entry.size = static_cast<std::uint64_t>(*real_size);
    const auto add = [&](BytesView pairs) -> Status {
        for (; pairs.size() >= 24 && pairs[0] != 0; pairs = pairs.subspan(24)) {
            const auto offset = tar::number(pairs.first(12));
            const auto length = tar::number(pairs.subspan(12, 12));
            if (!offset || !length || *offset < 0 || *length < 0 ||
                entry.extents.size() >= max_tar_extents)
                return corrupt("bad sparse map");
            entry.extents.push_back(
                {static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*length)});
        }
        return {};
    };
    MSB_TRY(add(tar::field(header, tar::gnu_sparse)));
    bool more = header[tar::gnu_extended_flag] != 0;
    while (more) {
        const BytesView block = MSB_TRY(take(block_size, "a sparse map"));
        MSB_TRY(add(block.first(tar::gnu_continuation_flag)));
        more = block[tar::gnu_continuation_flag] != 0;
    }
    return {};
}

// GNU tar manual, "Storing Sparse Files": pax formats 0.0, 0.1 and 1.0.
Status TarReader::apply_sparse_records(const Records& records, TarEntry& entry) {
    std::optional<std::uint64_t> real_size;
    std::string map;
    bool version_1 = false;
    for (const auto& [key, value] : records) {
        if (key == "GNU.sparse.major")
            version_1 = value == "1";
        else if (key == "GNU.sparse.name" && !value.empty())
            entry.path = value;
        else if (key == "GNU.sparse.size" || key == "GNU.sparse.realsize")
            real_size = tar::parse_decimal(value);
        else if (key == "GNU.sparse.map")
            map = value;
        else if (key == "GNU.sparse.offset" || key == "GNU.sparse.numbytes")
            map += (map.empty() ? "" : ",") + value;
    }
    if (!version_1 && map.empty() && !real_size)
        return {};
    if (!real_size)
        return corrupt("a sparse file has no size");
    entry.size = *real_size;
    if (version_1)
        return read_sparse_map(entry);
    std::string_view rest = map;
    while (!rest.empty()) {
        std::uint64_t pair[2];
        for (std::uint64_t& value : pair) {
            const auto comma = rest.find(',');
            const auto number = tar::parse_decimal(rest.substr(0, comma));
            if (!number || entry.extents.size() >= max_tar_extents)
                return corrupt("bad sparse map");
            value = *number;
            rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        }
        entry.extents.push_back({pair[0], pair[1]});
    }
    return {};
}

// Version 1.0 keeps the map in front of the data: decimal numbers, one a line, padded to a block.
Status TarReader::read_sparse_map(TarEntry& entry) {
    std::string text;
    std::size_t cursor = 0;
    const auto next_number = [&]() -> Result<std::uint64_t> {
        for (;;) {
            const auto newline = text.find('\n', cursor);
            if (newline != std::string::npos) {
                const auto value =
                    tar::parse_decimal(std::string_view(text).substr(cursor, newline - cursor));
                if (!value)
                    return corrupt("bad sparse map");
                cursor = newline + 1;
                return *value;
            }
            if (data_left_ < block_size || text.size() > max_tar_extents * 44)
                return corrupt("bad sparse map");
            text += as_text(MSB_TRY(take(block_size, "a sparse map")));
            data_left_ -= block_size;
        }
    };
    const std::uint64_t count = MSB_TRY(next_number());
    if (count > max_tar_extents)
        return fail(ErrorKind::limit_exceeded, "tar: a sparse file has too many extents");
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t offset = MSB_TRY(next_number());
        entry.extents.push_back({offset, MSB_TRY(next_number())});
    }
    return {};
}

Result<std::optional<TarReader::Data>> TarReader::next_data() {
    while (extent_ < extents_.size() && extent_done_ == extents_[extent_].length) {
        ++extent_;
        extent_done_ = 0;
    }
    if (extent_ == extents_.size())
        return std::nullopt;
    MSB_TRY(fill(1));
    const std::uint64_t available = end_ - begin_;
    if (available == 0)
        return corrupt("truncated in file data");
    const TarExtent& extent = extents_[extent_];
    const auto count = static_cast<std::size_t>(std::min(available, extent.length - extent_done_));
    const Data data{extent.offset + extent_done_, MSB_TRY(take(count, "file data"))};
    extent_done_ += count;
    data_left_ -= count;
    return data;
}

} // namespace msb
