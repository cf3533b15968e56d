// Users and groups of the guest, from its own /etc/passwd and /etc/group.
//
// Parsed here because getpwnam(3) needs shared libraries of the guest, and because this runs in a
// launching child that may neither allocate nor touch errno.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace msb::agent {

struct PasswdEntry {
    std::string_view name;
    std::uint32_t uid;
    std::uint32_t gid;
    std::string_view home;
};
struct GroupEntry {
    std::string_view name;
    std::uint32_t gid;
    std::string_view members; ///< comma separated
};

/// Nothing for a line that is not an entry (comment, NIS marker, missing or bad fields).
std::optional<PasswdEntry> parse_passwd_line(std::string_view line);
std::optional<GroupEntry> parse_group_line(std::string_view line);
bool lists_member(std::string_view members, std::string_view name);
/// Decimal digits only, at most 2^32 - 2 (2^32 - 1 means "no change" to the kernel).
std::optional<std::uint32_t> parse_id(std::string_view text);

inline constexpr std::size_t max_groups = 1024; ///< supplementary groups beyond are left out

/// Who a command runs as.
struct Identity {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::size_t group_count = 0;
    std::array<std::uint32_t, max_groups> groups;
    std::size_t home_size = 0;
    std::array<char, 1024> home; ///< "/" if the user has no entry
};

enum class UserError : std::uint8_t { none, unknown_user, unknown_group };

/// Resolves "USER[:GROUP]", names or numbers; empty means root. A number needs no entry; if it has
/// one, group, home and supplementary groups come from there. With a group of its own in `spec` the
/// user has no supplementary groups (OCI image-spec, config.md, "User"). A name that is all digits
/// wins over the number. Lines longer than `scratch` are ignored.
UserError resolve_identity(std::string_view spec, const char* passwd_path, const char* group_path,
                           std::span<char> scratch, Identity& identity);

} // namespace msb::agent
