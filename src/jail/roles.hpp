// What each role may do. One function a role; SECURITY.md has the same as a table.
#pragma once

#include "jail/jail.hpp"
#include "jail/landlock.hpp"
#include "jail/limits.hpp"
#include "jail/seccomp.hpp"

namespace msb::jail {

/// The role's system call allow-list.
Policy policy_of(Role role);
Policy kvm_policy();
Policy policy_of(KvmThread thread);
inline Result<Program> seccomp_program(Role role) {
    return policy_of(role).build();
}

/// The host's network namespace is the role's, too.
constexpr bool has_host_network(Role role) {
    return role == Role::fetch || role == Role::net;
}
constexpr Tcp tcp_of(Role role) {
    return has_host_network(role) ? Tcp::connect : Tcp::none;
}
/// The program does the last step of its confinement itself, before it reads a hostile byte.
constexpr bool locks_itself_down(Role role) {
    return role == Role::runtime || role == Role::fs || role == Role::net || role == Role::tls ||
           role == Role::net_switch;
}

/// An init of ours stands above the program, which is not ours or runs a guest: it ends everything when its
/// starter's end of a lifeline is closed.
constexpr bool has_init(Role role) {
    return role == Role::uml || role == Role::kvm || role == Role::qcow;
}

Limits limits_of(Role role, std::uint64_t memory_bytes);

} // namespace msb::jail
