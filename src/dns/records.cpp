#include "dns/records.hpp"

#include "dns/labels.hpp"

#include <algorithm>

namespace msb::dns {

namespace {

constexpr std::size_t record_head = 10;      ///< type, class, time, size: behind the name
constexpr std::uint16_t unknown_key = 65534; // RFC 9460 §14.3.1: private use

struct Record {
    std::uint16_t type = 0, type_class = 0;
    std::uint32_t ttl = 0;
    std::size_t data = 0, size = 0; ///< where in the message
};

/// Walks over the records of one section, and goes on with the next.
class Walk {
  public:
    Walk(BytesView message, std::size_t question_end) : message_(message), at_(question_end) {}

    /// Calls `visit` with each of `count` records until it says false. False: that, or a record
    /// that is not whole.
    template <typename Visit> bool over(std::size_t count, const Visit& visit) {
        for (; count > 0; --count) {
            if (!read_name(message_, at_) || message_.size() - at_ < record_head)
                return false;
            const Record record{.type = load16(message_, at_),
                                .type_class = load16(message_, at_ + 2),
                                .ttl = load_be<std::uint32_t>(message_.subspan(at_ + 4)),
                                .data = at_ + record_head,
                                .size = load16(message_, at_ + 8)};
            if (message_.size() - record.data < record.size || !visit(record))
                return false;
            at_ = record.data + record.size;
        }
        return true;
    }

  private:
    BytesView message_;
    std::size_t at_;
};

// ---- service records ----

/// The parameters of one record: what is kept moves to the front, what is left is filled up.
class Parameters {
  public:
    Parameters(MutableBytesView bytes, std::span<const ServiceKey> unwanted)
        : bytes_(bytes), unwanted_(unwanted) {}

    /// False if they are not well-formed.
    bool remove() {
        while (from_ < bytes_.size()) {
            if (bytes_.size() - from_ < 4)
                return false;
            const std::uint16_t key = load16(bytes_, from_);
            const std::size_t size = load16(bytes_, from_ + 2);
            if (bytes_.size() - from_ - 4 < size)
                return false;
            if (key == static_cast<std::uint16_t>(ServiceKey::mandatory))
                keep_mandatory(size);
            else if (!is_unwanted(key) && key < unknown_key)
                keep(4 + size);
            from_ += 4 + size;
        }
        return fill();
    }

  private:
    bool is_unwanted(std::uint16_t key) const {
        return std::ranges::find(unwanted_, static_cast<ServiceKey>(key)) != unwanted_.end();
    }
    void keep(std::size_t count) {
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(from_), count,
                    bytes_.begin() + static_cast<std::ptrdiff_t>(to_));
        to_ += count;
    }
    /// A list of keys, none of which may be missing.
    void keep_mandatory(std::size_t size) {
        const std::size_t head = to_;
        std::size_t kept = 0;
        to_ += 4;
        for (std::size_t at = from_ + 4; at + 2 <= from_ + 4 + size; at += 2) {
            const std::uint16_t key = load16(bytes_, at);
            if (is_unwanted(key) || key >= unknown_key)
                continue;
            store_be(bytes_.subspan(to_), key);
            to_ += 2;
            kept += 2;
        }
        if (kept == 0) { // a list has at least one
            to_ = head;
            return;
        }
        store_be(bytes_.subspan(head), static_cast<std::uint16_t>(ServiceKey::mandatory));
        store_be(bytes_.subspan(head + 2), static_cast<std::uint16_t>(kept));
    }
    /// Keys are in order, so the last place is for the highest. False: the list of mandatory keys
    /// named some that are not there.
    bool fill() {
        const std::size_t left = bytes_.size() - to_;
        if (left < 4)
            return left == 0;
        store_be(bytes_.subspan(to_), unknown_key);
        store_be(bytes_.subspan(to_ + 2), static_cast<std::uint16_t>(left - 4));
        std::ranges::fill(bytes_.subspan(to_ + 4), std::uint8_t{0});
        return true;
    }

    MutableBytesView bytes_;
    std::span<const ServiceKey> unwanted_;
    std::size_t from_ = 0, to_ = 0;
};

/// Priority, target name, parameters.
bool clean(MutableBytesView message, const Record& record, std::span<const ServiceKey> keys) {
    std::size_t at = record.data + 2;
    const std::size_t end = record.data + record.size;
    if (record.size < 3 || !read_name(message.first(end), at))
        return false;
    return Parameters(message.subspan(at, end - at), keys).remove();
}

} // namespace

std::optional<std::string> read_name(BytesView message, std::size_t& at) {
    std::string name;
    std::size_t size = 0;
    std::size_t from = at, limit = message.size(); // a pointer has to lead to before `limit`
    bool followed = false;
    for (;;) {
        if (from >= message.size())
            return std::nullopt;
        const std::size_t length = message[from];
        if ((length & 0xc0U) == 0xc0U) {
            if (message.size() - from < 2)
                return std::nullopt;
            const std::size_t target = load16(message, from) & 0x3fffU;
            if (!followed)
                at = from + 2;
            limit = std::min(limit, from);
            if (target >= limit)
                return std::nullopt;
            followed = true;
            limit = from = target;
            continue;
        }
        size += length + 1;
        if (length > longest_label || size > longest_name || length >= message.size() - from)
            return std::nullopt;
        ++from;
        if (length == 0)
            break;
        append_label(name, message.subspan(from, length));
        from += length;
    }
    if (!followed)
        at = from;
    return name;
}

std::optional<Contents> read_contents(BytesView message, std::size_t question_end) {
    Contents contents;
    const auto take = [&](const Record& record) {
        if (record.type_class != class_in)
            return true;
        std::size_t at = record.data;
        if (record.type == type_cname) {
            auto name = read_name(message, at);
            if (!name)
                return false;
            contents.aliases.push_back(std::move(*name));
        } else if (record.type == type_a || record.type == type_aaaa) {
            if (record.size != (record.type == type_a ? 4U : 16U))
                return false;
            contents.addresses.push_back(
                IpAddress::from(message.subspan(record.data, record.size)));
        } else {
            return true;
        }
        contents.ttl = std::min(contents.ttl, record.ttl);
        return true;
    };
    if (message.size() < std::max(header_size, question_end) ||
        !Walk(message, question_end).over(load16(message, 6), take))
        return std::nullopt;
    return contents;
}

bool remove_service_keys(MutableBytesView message, std::size_t question_end,
                         std::span<const ServiceKey> keys) {
    if (message.size() < std::max(header_size, question_end))
        return false;
    const auto records = std::size_t{load16(message, 6)} + load16(message, 8) + load16(message, 10);
    return Walk(message, question_end).over(records, [&](const Record& record) {
        return (record.type != type_svcb && record.type != type_https) ||
               clean(message, record, keys);
    });
}

} // namespace msb::dns
