#include "agent/core/users.hpp"

#include "agent/core/raw.hpp"

#include <cstring>
#include <utility>

namespace msb::agent {

namespace {

/// Larger files are not user databases (for example /dev/zero behind a symbolic link).
constexpr std::size_t max_database = std::size_t{16} << 20;

/// Splits off the text before the next ':'.
std::string_view take_field(std::string_view& line) {
    const std::size_t end = line.find(':');
    const std::string_view field = line.substr(0, end);
    line = end == std::string_view::npos ? std::string_view() : line.substr(end + 1);
    return field;
}

/// Lines of a file, through a buffer of the caller.
class Lines {
  public:
    Lines(const char* path, std::span<char> buffer)
        // Non-blocking: the image may have planted a FIFO here.
        : fd_(raw::open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)), buffer_(buffer) {}
    ~Lines() {
        if (fd_ >= 0)
            raw::close(fd_);
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

    /// The line stays valid until the next call.
    bool next(std::string_view& line) {
        for (;;) {
            const std::string_view pending(buffer_.data() + begin_, end_ - begin_);
            const std::size_t newline = pending.find('\n');
            if (newline != std::string_view::npos) {
                line = pending.substr(0, newline);
                begin_ += newline + 1;
                if (std::exchange(skipping_, false))
                    continue;
                return true;
            }
            if (!fill()) {
                line = std::string_view(buffer_.data() + begin_, end_ - begin_);
                begin_ = end_;
                return !line.empty() && !skipping_;
            }
        }
    }

  private:
    bool fill() {
        if (begin_ == 0 && end_ == buffer_.size()) {
            skipping_ = true; // the line does not fit: drop it piece by piece
            end_ = 0;
        }
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (fd_ < 0 || total_ > max_database)
            return false;
        const long count = raw::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
        if (count <= 0)
            return false;
        end_ += static_cast<std::size_t>(count);
        total_ += static_cast<std::size_t>(count);
        return true;
    }

    long fd_;
    std::span<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t total_ = 0;
    bool skipping_ = false;
};

void set_home(Identity& identity, std::string_view home) {
    if (home.empty() || home.size() >= identity.home.size())
        home = "/";
    std::memcpy(identity.home.data(), home.data(), home.size());
    identity.home_size = home.size();
}

/// The name of the entry found is copied to `name`, for the group file.
bool find_user(std::string_view wanted, const char* passwd_path, std::span<char> scratch,
               Identity& identity, std::span<char> name, std::size_t& name_size) {
    const auto number = parse_id(wanted);
    bool found = false;
    Lines lines(passwd_path, scratch);
    for (std::string_view line; lines.next(line);) {
        const auto entry = parse_passwd_line(line);
        if (!entry)
            continue;
        const bool by_name = entry->name == wanted;
        if (!by_name && (found || entry->uid != number))
            continue;
        found = true;
        identity.uid = entry->uid;
        identity.gid = entry->gid;
        set_home(identity, entry->home);
        name_size = entry->name.size() <= name.size() ? entry->name.size() : 0;
        std::memcpy(name.data(), entry->name.data(), name_size);
        if (by_name)
            break;
    }
    if (found)
        return true;
    if (number)
        identity.uid = *number;
    return number.has_value() || wanted == "root";
}

bool find_group(std::string_view wanted, const char* group_path, std::span<char> scratch,
                Identity& identity) {
    Lines lines(group_path, scratch);
    for (std::string_view line; lines.next(line);) {
        const auto entry = parse_group_line(line);
        if (entry && entry->name == wanted) {
            identity.gid = entry->gid;
            return true;
        }
    }
    const auto number = parse_id(wanted);
    identity.gid = number.value_or(identity.gid);
    return number.has_value();
}

/// The supplementary groups that list the user.
void add_groups(std::string_view user, const char* group_path, std::span<char> scratch,
                Identity& identity) {
    Lines lines(group_path, scratch);
    for (std::string_view line; lines.next(line) && identity.group_count < max_groups;) {
        const auto entry = parse_group_line(line);
        if (entry && lists_member(entry->members, user))
            identity.groups[identity.group_count++] = entry->gid;
    }
}

} // namespace

std::optional<std::uint32_t> parse_id(std::string_view text) {
    std::uint64_t value = 0;
    if (text.empty() || text.size() > 10)
        return std::nullopt;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (value >= 0xffff'ffff)
        return std::nullopt;
    return static_cast<std::uint32_t>(value);
}

std::optional<PasswdEntry> parse_passwd_line(std::string_view line) {
    PasswdEntry entry{};
    entry.name = take_field(line);
    take_field(line); // password
    const auto uid = parse_id(take_field(line));
    const auto gid = parse_id(take_field(line));
    take_field(line); // comment
    entry.home = take_field(line);
    if (entry.name.empty() || entry.name[0] == '#' || !uid || !gid)
        return std::nullopt;
    entry.uid = *uid;
    entry.gid = *gid;
    return entry;
}

std::optional<GroupEntry> parse_group_line(std::string_view line) {
    GroupEntry entry{};
    entry.name = take_field(line);
    take_field(line); // password
    const auto gid = parse_id(take_field(line));
    entry.members = take_field(line);
    if (entry.name.empty() || entry.name[0] == '#' || !gid)
        return std::nullopt;
    entry.gid = *gid;
    return entry;
}

bool lists_member(std::string_view members, std::string_view name) {
    while (!members.empty()) {
        const std::size_t end = members.find(',');
        if (members.substr(0, end) == name)
            return true;
        if (end == std::string_view::npos)
            return false;
        members = members.substr(end + 1);
    }
    return false;
}

UserError resolve_identity(std::string_view spec, const char* passwd_path, const char* group_path,
                           std::span<char> scratch, Identity& identity) {
    const std::size_t colon = spec.find(':');
    std::string_view user = spec.substr(0, colon);
    const std::string_view group =
        colon == std::string_view::npos ? std::string_view() : spec.substr(colon + 1);
    if (user.empty())
        user = "0";
    identity.uid = identity.gid = 0;
    identity.group_count = 0;
    set_home(identity, "/");

    std::array<char, 256> name;
    std::size_t name_size = 0;
    if (!find_user(user, passwd_path, scratch, identity, name, name_size))
        return UserError::unknown_user;

    if (!group.empty())
        return find_group(group, group_path, scratch, identity) ? UserError::none
                                                                : UserError::unknown_group;
    if (name_size != 0)
        add_groups({name.data(), name_size}, group_path, scratch, identity);
    return UserError::none;
}

} // namespace msb::agent
