#include "base/file.hpp"
#include "base/system.hpp"
#include "jail/jail.hpp"
#include "jail/kvm_requests.hpp"
#include "jail/obstacle.hpp"
#include "jail/roles.hpp"
#include "jail/seccomp.hpp"

#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace msb::jail {
namespace {

using namespace std::chrono_literals;

/// Runs a filter as the kernel would. Only the instructions that Policy emits.
std::uint32_t interpret(const Program& program, const seccomp_data& data) {
    std::uint32_t accumulator = 0;
    for (std::size_t pc = 0; pc < program.size(); ++pc) {
        const sock_filter& instruction = program[pc];
        switch (instruction.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + instruction.k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K: accumulator &= instruction.k; break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += accumulator == instruction.k ? instruction.jt : instruction.jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            pc += accumulator >= instruction.k ? instruction.jt : instruction.jf;
            break;
        case BPF_JMP | BPF_JA: pc += instruction.k; break;
        case BPF_RET | BPF_K: return instruction.k;
        default: ADD_FAILURE() << "unknown instruction " << instruction.code; return 0;
        }
    }
    ADD_FAILURE() << "ran off the end";
    return 0;
}

constexpr std::uint32_t x86_64 = 0xc000'003e, i386 = 0x4000'0003;

std::uint32_t ask(const Program& program, long call, std::array<std::uint64_t, 6> args = {},
                  std::uint32_t arch = x86_64) {
    seccomp_data data{};
    data.nr = static_cast<int>(call);
    data.arch = arch;
    std::copy(args.begin(), args.end(), data.args);
    return interpret(program, data);
}

TEST(Policy, AllowsExactlyWhatItLists) {
    for (const int count : {1, 2, 3, 5, 8, 13, 60}) {
        Policy policy(Policy::Otherwise::kill);
        for (int i = 0; i < count; ++i)
            policy.allow({1000 + 2 * i});
        const auto program = policy.build();
        ASSERT_TRUE(program);
        for (int call = 900; call < 1200; ++call) {
            const bool listed = call >= 1000 && call < 1000 + 2 * count && call % 2 == 0;
            EXPECT_EQ(ask(*program, call), listed ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS)
                << call << " of " << count;
        }
    }
}

TEST(Policy, OtherArchitecturesAndX32AreRefused) {
    const auto program = Policy(Policy::Otherwise::kill).allow({SYS_read, SYS_write}).build();
    ASSERT_TRUE(program);
    EXPECT_EQ(ask(*program, SYS_read, {}, i386), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(ask(*program, SYS_read | 0x4000'0000), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(ask(*program, -1), SECCOMP_RET_KILL_PROCESS);
}

TEST(Policy, ArgumentChecks) {
    const auto program = Policy(Policy::Otherwise::refuse)
                             .allow_when(SYS_socket, {is(0, AF_UNIX), is(1, SOCK_STREAM)})
                             .allow_when(SYS_socket, {is(0, 77)})
                             .allow_when(SYS_clone, {lacks(0, CLONE_NEWUSER)})
                             .build();
    ASSERT_TRUE(program);
    constexpr std::uint32_t refused = SECCOMP_RET_ERRNO | EPERM;
    EXPECT_EQ(ask(*program, SYS_socket, {AF_UNIX, SOCK_STREAM}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(*program, SYS_socket, {AF_UNIX, SOCK_DGRAM}), refused);
    EXPECT_EQ(ask(*program, SYS_socket, {AF_INET, SOCK_STREAM}), refused);
    EXPECT_EQ(ask(*program, SYS_socket, {77, 5}), SECCOMP_RET_ALLOW);
    // The kernel looks at 32 bits of an int; so does the check.
    EXPECT_EQ(ask(*program, SYS_socket, {0xffff'ffff'0000'0001, SOCK_STREAM}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(*program, SYS_clone, {SIGCHLD}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(*program, SYS_clone, {CLONE_NEWUSER | SIGCHLD}), refused);
}

TEST(Policy, RefusesToBeBuiltUnsafe) {
    using enum Policy::Otherwise;
    EXPECT_FALSE(Policy(kill).build());
    EXPECT_FALSE(Policy(kill).allow({SYS_read}).allow({SYS_read}).build());
    EXPECT_FALSE(Policy(kill).allow({SYS_ioctl}).build());
    EXPECT_FALSE(Policy(kill).allow({SYS_ptrace}).build());
    EXPECT_FALSE(Policy(kill).allow({SYS_mount}).build());
    EXPECT_FALSE(Policy(kill).allow_when(SYS_bpf, {is(0, 0)}).build());
    EXPECT_FALSE(Policy(kill).allow_when(SYS_ioctl, {}).build());
    EXPECT_FALSE(Policy(kill).allow({SYS_ioctl}).allow_when(SYS_ioctl, {is(1, 2)}).build());
    EXPECT_FALSE(Policy(kill).allow({-1}).build());
    EXPECT_TRUE(Policy(kill).answer({SYS_clone3}, ENOSYS).build());
}

TEST(Policy, AnswersOtherArguments) {
    const auto program = Policy(Policy::Otherwise::kill)
                             .allow_when(SYS_socket, {is(0, AF_INET)})
                             .answer_others(SYS_socket, EACCES)
                             .build();
    ASSERT_TRUE(program);
    EXPECT_EQ(ask(*program, SYS_socket, {AF_INET}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(*program, SYS_socket, {AF_UNIX}), SECCOMP_RET_ERRNO | EACCES);
    EXPECT_EQ(ask(*program, SYS_socketpair, {AF_INET}), SECCOMP_RET_KILL_PROCESS);
    EXPECT_FALSE(Policy(Policy::Otherwise::kill).answer_others(SYS_socket, EACCES).build());
}

TEST(Policy, EveryRoleBuilds) {
    for (const Role role : {Role::runtime, Role::uml, Role::kvm, Role::image, Role::fetch, Role::fs,
                            Role::net, Role::disk, Role::tls, Role::net_switch, Role::ssh}) {
        const auto program = seccomp_program(role);
        ASSERT_TRUE(program) << to_string(role) << ": " << program.error().to_string();
        for (const long call : {SYS_mount, SYS_bpf, SYS_unshare, SYS_setns, SYS_io_uring_setup})
            EXPECT_NE(ask(*program, call), SECCOMP_RET_ALLOW) << to_string(role) << ' ' << call;
        EXPECT_EQ(ask(*program, SYS_clone3) & SECCOMP_RET_ACTION_FULL,
                  role == Role::image || role == Role::disk || role == Role::net ||
                          role == Role::tls || role == Role::net_switch || role == Role::ssh
                      ? SECCOMP_RET_KILL_PROCESS
                      : SECCOMP_RET_ERRNO);
    }
    EXPECT_NE(ask(*seccomp_program(Role::runtime), SYS_mmap, {0, 4096, PROT_EXEC}),
              SECCOMP_RET_ALLOW);
}

TEST(Policy, AMachineMakesNothingMoreOnceItRuns) {
    const auto setup = *seccomp_program(Role::kvm);
    const auto main = *policy_of(KvmThread::main).build(), cpu = *policy_of(KvmThread::cpu).build();
    const auto number = [](auto request) { return static_cast<std::uint64_t>(request); };
    // The same call with one argument changed: KVM_RUN is a CPU's alone, making machines the set-up's.
    EXPECT_EQ(ask(cpu, SYS_ioctl, {9, number(KVM_RUN), 0}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(cpu, SYS_ioctl, {9, number(KVM_RUN) + 1, 0}), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(ask(main, SYS_ioctl, {9, number(KVM_RUN), 0}), SECCOMP_RET_KILL_PROCESS);
    for (const auto request :
         {number(KVM_CREATE_VM), number(KVM_CREATE_VCPU), number(KVM_SET_USER_MEMORY_REGION),
          number(KVM_IRQFD), number(KVM_IOEVENTFD), number(kvm_set_msrs)}) {
        EXPECT_EQ(ask(setup, SYS_ioctl, {9, request}), SECCOMP_RET_ALLOW) << request;
        EXPECT_EQ(ask(cpu, SYS_ioctl, {9, request}), SECCOMP_RET_KILL_PROCESS) << request;
    }
    for (const auto request : {number(KVM_CREATE_DEVICE), number(KVM_SET_DEVICE_ATTR),
                               number(KVM_ENABLE_CAP), number(TIOCSTI)})
        EXPECT_EQ(ask(setup, SYS_ioctl, {9, request}), SECCOMP_RET_ERRNO | EPERM) << request;
    for (const long call : {SYS_openat, SYS_socket, SYS_connect, SYS_execve, SYS_clone,
                            SYS_memfd_create, SYS_eventfd2, SYS_seccomp})
        for (const auto* program : {&main, &cpu})
            EXPECT_EQ(ask(*program, call), SECCOMP_RET_KILL_PROCESS) << call;
    EXPECT_EQ(ask(cpu, SYS_epoll_wait), SECCOMP_RET_KILL_PROCESS);
    EXPECT_EQ(ask(main, SYS_epoll_wait), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(setup, SYS_socket, {AF_UNIX, SOCK_STREAM}), SECCOMP_RET_ALLOW);
    EXPECT_EQ(ask(setup, SYS_socket, {AF_UNIX, SOCK_DGRAM}), SECCOMP_RET_ERRNO | EPERM);
    EXPECT_EQ(ask(setup, SYS_socket, {AF_INET, SOCK_STREAM}), SECCOMP_RET_ERRNO | EPERM);
}

TEST(Worker, ReturnsSuccessAndData) {
    auto pipe = sys::pipe();
    ASSERT_TRUE(pipe);
    const Status status = run_worker(
        {(*pipe)[1].get()}, [&] { return sys::write_all((*pipe)[1].get(), as_bytes("parsed")); },
        5s);
    ASSERT_TRUE(status) << status.error().to_string();
    std::array<std::uint8_t, 16> buffer{};
    const auto count = sys::read((*pipe)[0].get(), buffer);
    EXPECT_EQ(as_text({buffer.data(), count.value_or(0)}), "parsed");
}

TEST(Worker, SeesItsFilesAndNoOther) {
    const std::string content(600'000, 'x');
    const Status status = run_worker({},
                                     [&]() -> Status {
                                         if (MSB_TRY(read_file("/etc/ours", 1'000'000)) != content)
                                             return fail(ErrorKind::corrupt, "another content");
                                         return read_file("/etc/hostname")
                                                    ? fail(ErrorKind::system, "a file of the host")
                                                    : Status{};
                                     },
                                     5s, {.role = Role::fetch, .files = {{"/etc/ours", content}}});
    EXPECT_TRUE(status) << status.error().to_string();
}

TEST(Worker, ReturnsErrorsWithKindAndHint) {
    const Status status = run_worker(
        {},
        [] {
            return fail(
                Error(ErrorKind::corrupt, "layer 3 is \x1b[31mbad").with_hint("pull again"));
        },
        5s);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind(), ErrorKind::corrupt);
    EXPECT_EQ(status.error().message(), "layer 3 is ?[31mbad");
    EXPECT_EQ(status.error().hint(), "pull again");
}

TEST(Worker, DeadlineEndsIt) {
    const auto start = std::chrono::steady_clock::now();
    const Status status = run_worker(
        {},
        [] {
            for (;;)
                ::sched_yield();
            return Status{};
        },
        200ms);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind(), ErrorKind::timed_out);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
}

TEST(Worker, CrashIsReported) {
    const Status crash = run_worker(
        {},
        [] {
            *static_cast<volatile int*>(nullptr) = 1;
            return Status{};
        },
        5s);
    ASSERT_FALSE(crash);
    EXPECT_NE(crash.error().to_string().find("signal 11"), std::string::npos)
        << crash.error().to_string();
    const Status forbidden = run_worker(
        {},
        [] {
            ::syscall(SYS_unshare, CLONE_NEWUSER);
            return Status{};
        },
        5s);
    ASSERT_FALSE(forbidden);
    EXPECT_NE(forbidden.error().to_string().find("may not make"), std::string::npos)
        << forbidden.error().to_string();
}

TEST(Worker, AllocatesWhileOtherThreadsDo) {
    std::atomic<bool> done = false;
    std::jthread noise([&] {
        while (!done)
            delete[] new char[1024];
    });
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(run_worker(
            {},
            [] {
                return std::string(100'000, 'x').empty() ? fail(ErrorKind::system, "") : Status{};
            },
            5s));
    done = true;
}

/// A host by its settings.
struct Settings {
    std::string root;
    Settings() {
        root = testing::TempDir() + "msb-settings-XXXXXX";
        EXPECT_NE(::mkdtemp(root.data()), nullptr);
    }
    ~Settings() { (void)remove_tree(root); }
    Settings& set(const std::string& path, const std::string& value) {
        const std::string file = root + path;
        EXPECT_TRUE(make_directories(file.substr(0, file.rfind('/'))));
        EXPECT_TRUE(write_file_atomic(file, value + "\n"));
        return *this;
    }
    std::string obstacle(uid_t user) const {
        const auto found = find_obstacle(user, root);
        return found ? found->what + ": " + found->hint : "";
    }
};

TEST(Obstacle, IsTheSettingThatExplainsIt) {
    constexpr uid_t root = 0, ordinary = 1000;
    EXPECT_EQ(Settings().obstacle(ordinary), "");
    Settings fine;
    fine.set("/proc/sys/user/max_user_namespaces", "96365")
        .set("/proc/sys/kernel/unprivileged_userns_clone", "1")
        .set("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0")
        .set("/proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread errno allow")
        .set("/sys/fs/selinux/enforce", "0");
    EXPECT_EQ(fine.obstacle(ordinary), "");

    Settings ubuntu;
    ubuntu.set("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1");
    EXPECT_NE(ubuntu.obstacle(ordinary).find("share/microsandbox/apparmor/microsandbox"),
              std::string::npos);
    EXPECT_EQ(ubuntu.obstacle(root), "");

    Settings debian;
    debian.set("/proc/sys/kernel/unprivileged_userns_clone", "0");
    EXPECT_NE(debian.obstacle(ordinary).find("unprivileged_userns_clone=1"), std::string::npos);
    EXPECT_EQ(debian.obstacle(root), "");

    for (const auto& [path, value, words] :
         {std::array{"/proc/sys/user/max_user_namespaces", "0", "max_user_namespaces=65536"},
          std::array{"/proc/sys/kernel/seccomp/actions_avail", "errno allow", "CONFIG_SECCOMP"},
          std::array{"/sys/fs/selinux/enforce", "1", "ausearch"}}) {
        Settings settings;
        settings.set(path, value);
        EXPECT_NE(settings.obstacle(root).find(words), std::string::npos) << path;
    }
}

TEST(Spawn, ReportsWhatFailed) {
    const auto missing = spawn({.role = Role::uml,
                                .argv = {"/kernel/none"},
                                .binds = {{.source = "/nowhere/at/all", .target = "/kernel"}}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().kind(), ErrorKind::not_found);
    EXPECT_NE(missing.error().to_string().find("/nowhere/at/all"), std::string::npos);
    const auto no_program = spawn({.role = Role::uml, .argv = {"/no/program"}});
    ASSERT_FALSE(no_program);
    EXPECT_NE(no_program.error().to_string().find("/no/program"), std::string::npos);
    EXPECT_FALSE(spawn({.role = Role::uml, .argv = {"/x"}, .binds = {{"/tmp", "/../up"}}}));
    EXPECT_FALSE(spawn({.role = Role::uml}));
}

} // namespace
} // namespace msb::jail
