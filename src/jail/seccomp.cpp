#include "jail/seccomp.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace msb::jail {

namespace {

constexpr std::uint32_t nr_offset = offsetof(seccomp_data, nr);
constexpr std::uint32_t arch_offset = offsetof(seccomp_data, arch);
constexpr std::uint32_t x32_bit = 0x4000'0000;

constexpr std::uint32_t low_half(unsigned argument) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + std::size_t{8} * argument);
}

sock_filter statement(unsigned code, std::uint32_t k) {
    return {static_cast<std::uint16_t>(code), 0, 0, k};
}
sock_filter jump(unsigned code, std::uint32_t k, std::size_t yes, std::size_t no) {
    return {static_cast<std::uint16_t>(BPF_JMP | code | BPF_K), static_cast<std::uint8_t>(yes),
            static_cast<std::uint8_t>(no), k};
}
sock_filter load_word(std::uint32_t offset) {
    return statement(BPF_LD | BPF_W | BPF_ABS, offset);
}
sock_filter give(std::uint32_t action) {
    return statement(BPF_RET | BPF_K, action);
}

/// Calls that undo a jail or reach kernel interfaces far beyond what any role needs.
constexpr std::array forbidden_calls{
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_init_module,
    SYS_finit_module,
    SYS_kexec_load,
    SYS_open_by_handle_at,
    SYS_process_vm_writev,
    SYS_ioperm,
    SYS_iopl,
    SYS_pidfd_getfd,
    SYS_mount_setattr,
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_clone3,
};
/// Calls that are only safe if their arguments are checked.
constexpr std::array checked_calls{
    SYS_clone,   SYS_socket,       SYS_socketpair,  SYS_ioctl,     SYS_prctl,     SYS_ptrace,
    SYS_seccomp, SYS_fcntl,        SYS_setsockopt,  SYS_mmap,      SYS_mprotect,  SYS_madvise,
    SYS_mremap,  SYS_memfd_create, SYS_personality, SYS_prlimit64, SYS_open,      SYS_openat,
    SYS_openat2, SYS_creat,        SYS_mkdir,       SYS_mkdirat,   SYS_mknod,     SYS_mknodat,
    SYS_chmod,   SYS_fchmod,       SYS_fchmodat,    SYS_linkat,    SYS_renameat2, SYS_pipe2};

template <typename Array> bool listed(const Array& list, long call) {
    return std::ranges::any_of(list, [call](auto entry) { return entry == call; });
}

} // namespace

Policy& Policy::allow(std::initializer_list<long> calls) {
    for (const long call : calls)
        if (!rules_.try_emplace(call, Rule{.always = true}).second)
            duplicates_.push_back(call);
    return *this;
}

Policy& Policy::allow_when(long call, std::initializer_list<ArgumentCheck> checks) {
    Rule& rule = rules_[call];
    if (rule.always || rule.error != 0 || checks.size() == 0)
        duplicates_.push_back(call);
    rule.alternatives.emplace_back(checks);
    return *this;
}

Policy& Policy::answer(std::initializer_list<long> calls, int error) {
    for (const long call : calls)
        if (!rules_.try_emplace(call, Rule{.error = error}).second)
            duplicates_.push_back(call);
    return *this;
}

Policy& Policy::answer_others(long call, int error) {
    rules_[call].others = error;
    return *this;
}

std::map<long, std::set<unsigned>> Policy::judged_arguments() const {
    std::map<long, std::set<unsigned>> judged;
    for (const auto& [call, rule] : rules_)
        for (const auto& checks : rule.alternatives)
            for (const ArgumentCheck& check : checks)
                judged[call].insert(check.index);
    return judged;
}

std::uint32_t Policy::default_action() const {
    return otherwise_ == Otherwise::kill ? std::uint32_t{SECCOMP_RET_KILL_PROCESS}
                                         : std::uint32_t{SECCOMP_RET_ERRNO} | EPERM;
}

void Policy::emit_rule(Program& program, long call, const Rule& rule) const {
    const auto number = static_cast<std::uint32_t>(call);
    program.push_back(jump(BPF_JEQ, number, 1, 0));
    program.push_back(give(default_action()));
    if (rule.always || rule.error != 0) {
        program.push_back(give(rule.always
                                   ? std::uint32_t{SECCOMP_RET_ALLOW}
                                   : SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(rule.error)));
        return;
    }
    for (const auto& checks : rule.alternatives) {
        // Each half that is looked at costs load, and, jump; failing any goes past this RET ALLOW.
        Program body;
        std::vector<std::size_t> exits;
        for (const ArgumentCheck& check : checks)
            for (unsigned half = 0; half < 2; ++half) {
                const auto mask = static_cast<std::uint32_t>(check.mask >> (32 * half));
                if (mask == 0)
                    continue;
                body.push_back(load_word(low_half(check.index) + 4 * half));
                body.push_back(statement(BPF_ALU | BPF_AND | BPF_K, mask));
                exits.push_back(body.size());
                body.push_back(
                    jump(BPF_JEQ, static_cast<std::uint32_t>(check.value >> (32 * half)), 0, 0));
            }
        body.push_back(give(SECCOMP_RET_ALLOW));
        for (const std::size_t at : exits)
            body[at].jf = static_cast<std::uint8_t>(body.size() - at - 1);
        program.insert(program.end(), body.begin(), body.end());
    }
    program.push_back(give(rule.others != 0
                               ? SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(rule.others)
                               : default_action()));
}

// A binary search over the call numbers: "at least the middle one?" decides between two halves. The
// upper half is reached by an unconditional jump because conditional ones span 255 instructions.
void Policy::emit_range(Program& program, std::map<long, Rule>::const_iterator begin,
                        std::map<long, Rule>::const_iterator end) const {
    const auto count = std::distance(begin, end);
    if (count == 1) {
        emit_rule(program, begin->first, begin->second);
        return;
    }
    const auto middle = std::next(begin, count / 2);
    program.push_back(jump(BPF_JGE, static_cast<std::uint32_t>(middle->first), 0, 1));
    const std::size_t upper = program.size();
    program.push_back(statement(BPF_JMP | BPF_JA, 0));
    emit_range(program, begin, middle);
    program[upper].k = static_cast<std::uint32_t>(program.size() - upper - 1);
    emit_range(program, middle, end);
}

Result<Program> Policy::build() const {
    if (rules_.empty())
        return fail(ErrorKind::invalid_argument, "seccomp policy: no rule");
    if (!duplicates_.empty())
        return fail(ErrorKind::invalid_argument, "seccomp policy: conflicting rules for call " +
                                                     std::to_string(duplicates_.front()));
    for (const auto& [call, rule] : rules_) {
        if (call < 0 || call >= x32_bit)
            return fail(ErrorKind::invalid_argument,
                        "seccomp policy: no such call " + std::to_string(call));
        if (rule.error == 0 && listed(forbidden_calls, call))
            return fail(ErrorKind::invalid_argument,
                        "seccomp policy: call " + std::to_string(call) + " may not be allowed");
        if (!rule.always && rule.error == 0 && rule.alternatives.empty())
            return fail(ErrorKind::invalid_argument,
                        "seccomp policy: no rule for call " + std::to_string(call));
        if (rule.always && listed(checked_calls, call))
            return fail(ErrorKind::invalid_argument, "seccomp policy: call " +
                                                         std::to_string(call) +
                                                         " may not be allowed unchecked");
    }
    Program program;
    program.push_back(load_word(arch_offset));
    program.push_back(jump(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0));
    program.push_back(give(default_action()));
    program.push_back(load_word(nr_offset));
    // x32 numbers are above every rule, so the search ends in the last rule's "not equal".
    emit_range(program, rules_.begin(), rules_.end());
    if (program.size() > BPF_MAXINSNS)
        return fail(ErrorKind::limit_exceeded, "seccomp policy: too long");
    return program;
}

Step load(const Program& program, Threads threads) {
    const sock_fprog filter{static_cast<unsigned short>(program.size()),
                            const_cast<sock_filter*>(program.data())};
    const unsigned long flags = threads == Threads::all ? SECCOMP_FILTER_FLAG_TSYNC : 0;
    const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
    if (result > 0) // the id of a thread that could not be brought in line
        errno = EBUSY;
    return check(result == 0 ? 0 : -1, "seccomp");
}

} // namespace msb::jail
