#include "jail/kvm_requests.hpp"
#include "jail/roles.hpp"
#include "jail/rules.hpp"

#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

namespace msb::jail {

namespace {

/// What a machine is made with, and its descriptors are asked. KVM has hundreds more.
constexpr std::uint32_t kvm_requests[] = {
    // /dev/kvm
    KVM_GET_API_VERSION, KVM_CREATE_VM, KVM_CHECK_EXTENSION, KVM_GET_VCPU_MMAP_SIZE,
    kvm_get_supported_cpuid,
    // the machine
    KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR, KVM_CREATE_IRQCHIP, KVM_SET_USER_MEMORY_REGION,
    KVM_IRQFD, KVM_IOEVENTFD, KVM_CREATE_VCPU,
    // a CPU
    kvm_set_cpuid2, kvm_set_msrs, static_cast<std::uint32_t>(KVM_GET_SREGS), KVM_SET_SREGS,
    KVM_SET_REGS, KVM_RUN};

/// Questions to a device's process, and its answers.
void allow_conversation(Policy& policy) {
    policy.allow({SYS_sendmsg, SYS_recvmsg, SYS_recvfrom, SYS_poll, SYS_close, SYS_fstat,
                  SYS_newfstatat, SYS_write});
}

} // namespace

// The VMM, and the init above it: makes a machine of the descriptor of /dev/kvm that it was given, of the kernel's
// files and of the devices' sockets. Its threads narrow() themselves before the guest's first instruction.
Policy kvm_policy() {
    Policy policy(Policy::Otherwise::refuse);
    allow_own_process(policy);
    allow_threads(policy);
    allow_opening(policy);
    allow_stream_pairs(policy);
    allow_conversation(policy);
    allow_flags(policy, O_DIRECT | O_NOATIME); // signals are its init's
    policy.allow({SYS_read, SYS_pread64, SYS_lseek, SYS_ftruncate, SYS_connect, SYS_eventfd2})
        .allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2,
                SYS_timerfd_create, SYS_timerfd_settime})
        .allow_when(SYS_socket, {is(0, AF_UNIX), {1, type_bits, SOCK_STREAM}})
        .allow_when(SYS_setsockopt, {is(1, SOL_SOCKET), is(2, SO_SNDTIMEO)}) // while it connects
        .allow_when(SYS_memfd_create, {is(1, MFD_CLOEXEC | MFD_ALLOW_SEALING)})
        .allow_when(SYS_fcntl, {is(1, F_ADD_SEALS)})
        // A program without a loader starts with these, and init starts it.
        .allow({SYS_execve, SYS_set_tid_address, SYS_arch_prctl, SYS_readlink, SYS_close_range,
                SYS_wait4, SYS_rt_sigtimedwait})
        .allow_when(SYS_clone, {{0, ~std::uint64_t{0}, CLONE_VFORK | SIGCHLD}})
        .allow_when(SYS_fcntl, {is(1, F_SETOWN)})
        .allow_when(SYS_prctl, {is(0, PR_SET_NO_NEW_PRIVS)})
        .allow_when(SYS_seccomp, {is(0, SECCOMP_SET_MODE_FILTER), is(1, 0)});
    for (const std::uint32_t request : kvm_requests)
        policy.allow_when(SYS_ioctl, {is(1, request)});
    return policy;
}

Policy policy_of(KvmThread thread) {
    Policy policy(Policy::Otherwise::kill);
    allow_own_process(policy);
    allow_conversation(policy);
    if (thread == KvmThread::cpu)
        return policy.allow_when(SYS_ioctl, {is(1, KVM_RUN)});
    return policy.allow({SYS_read, SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2, SYS_epoll_ctl,
                         SYS_timerfd_settime});
}

} // namespace msb::jail
