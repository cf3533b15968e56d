// Three processes: the caller; a holder, which exists only because a process cannot enter a new pid
// namespace itself but only its children can; and the worker, pid 1 of that namespace.
//
//   caller                      holder                          worker
//   fork                 ->     unshare; sends a byte
//   writes the id maps   ->     fork                     ->     confines itself, runs the function,
//   reads until end of file     waits                    <-     sends its Status
//
// fork(2) through libc, unlike spawn(): the worker allocates memory, and only libc's fork leaves
// the allocator usable when the caller has threads.
#include "base/system.hpp"
#include "base/time.hpp"
#include "jail/capabilities.hpp"
#include "jail/identity.hpp"
#include "jail/jail.hpp"
#include "jail/mount.hpp"
#include "jail/obstacle.hpp"
#include "jail/parent.hpp"
#include "jail/roles.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb::jail {

namespace {

constexpr int worker_namespaces =
    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
constexpr std::size_t longest_text = 16 << 10;
constexpr char unshared = 'u', mapped_private = 'p', mapped_own = 'o';

/// A Status on the wire. The worker may be hostile by the time it sends one.
struct Verdict {
    std::uint32_t failed;
    std::uint32_t kind;
    std::uint32_t message_size;
    std::uint32_t hint_size;
};

void send_verdict(int socket, const Status& status) {
    const std::string message = status ? "" : status.error().to_string().substr(0, longest_text);
    const std::string hint = status ? "" : status.error().hint().substr(0, longest_text);
    const Verdict verdict{
        .failed = status ? 0U : 1U,
        .kind = status ? 0U : static_cast<std::uint32_t>(status.error().kind()),
        .message_size = static_cast<std::uint32_t>(message.size()),
        .hint_size = static_cast<std::uint32_t>(hint.size()),
    };
    (void)sys::write_all(socket, object_bytes(verdict));
    (void)sys::write_all(socket, as_bytes(message + hint));
}

std::string printable(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, '?');
    return text;
}

Status parse_verdict(const Bytes& bytes) {
    Verdict verdict{};
    if (bytes.size() < sizeof(verdict))
        return fail(ErrorKind::system, "the worker ended without an answer");
    std::memcpy(&verdict, bytes.data(), sizeof(verdict));
    const std::string_view text = as_text(BytesView(bytes).subspan(sizeof(verdict)));
    if (verdict.failed == 0 && text.empty())
        return {};
    if (verdict.kind > static_cast<std::uint32_t>(ErrorKind::system) ||
        verdict.message_size > longest_text || verdict.hint_size > longest_text ||
        text.size() != std::size_t{verdict.message_size} + verdict.hint_size)
        return fail(ErrorKind::protocol, "the worker's answer is malformed");
    Error error(static_cast<ErrorKind>(verdict.kind),
                printable(std::string(text.substr(0, verdict.message_size))));
    return fail(
        std::move(error).with_hint(printable(std::string(text.substr(verdict.message_size)))));
}

/// Leaves open: `keep`, the socket, and 0..2 (as /dev/null unless kept).
Step close_all_but(const std::vector<int>& keep, int socket, int null) {
    for (int fd = 0; fd < 3; ++fd)
        if (std::ranges::find(keep, fd) == keep.end())
            MSB_STEP(check(::dup2(null, fd), "dup2"));
    std::vector<int> open = keep;
    open.push_back(socket);
    std::ranges::sort(open);
    unsigned next = 3;
    for (const int fd : open) {
        if (fd < 3)
            continue;
        const auto number = static_cast<unsigned>(fd);
        if (number > next)
            MSB_STEP(check(::syscall(SYS_close_range, next, number - 1, 0), "close_range"));
        next = number + 1;
    }
    return check(::syscall(SYS_close_range, next, ~0U, 0), "close_range");
}

struct Job {
    const std::vector<int>& fds;
    const std::function<Status()>& work;
    Role role;
    MountPlan mounts;
    std::vector<FileRule> file_rules;
    Program program;
    int null;
};

Step confine_worker(const Job& job, int socket, bool private_id, int holder_pipe) {
    std::vector<int> fds = job.fds;
    fds.push_back(holder_pipe);
    MSB_STEP(close_all_but(fds, socket, job.null));
    MSB_STEP(enter_root(job.mounts));
    MSB_STEP(apply(limits_of(job.role, 0)));
    MSB_STEP(check(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "prctl(PR_SET_DUMPABLE)"));
    MSB_STEP(check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)"));
    MSB_STEP(restrict_files(job.file_rules, tcp_of(job.role)));
    MSB_STEP(bound_capabilities(0));
    if (private_id)
        MSB_STEP(become_engine_id());
    MSB_STEP(set_capabilities(0));
    // prctl(2): a change of identity takes the parent-death signal away.
    MSB_STEP(die_with_parent(holder_pipe));
    ::close(holder_pipe);
    return load(job.program);
}

[[noreturn]] void run_worker_process(const Job& job, int socket, bool private_id, int holder_pipe) {
    // The holder never closes its end of the pipe while it lives.
    if (!die_with_parent(holder_pipe))
        ::_exit(1);
    Status status = to_status(confine_worker(job, socket, private_id, holder_pipe));
    if (!status)
        status = fail(explain_by_host(std::move(status).error().wrap(
            fmt::format("cannot confine the {} process", to_string(job.role)))));
    else
        status = job.work();
    send_verdict(socket, status);
    ::_exit(0);
}

[[noreturn]] void run_holder(const Job& job, int socket) {
    int pipe[2];
    if (!die_with_parent(socket))
        ::_exit(1);
    const int network = has_host_network(job.role) ? 0 : CLONE_NEWNET;
    if (::unshare(worker_namespaces | network) == -1 || ::pipe2(pipe, O_CLOEXEC) == -1) {
        send_verdict(socket,
                     fail(explain_by_host(Error::from_errno(errno, "unshare", "new namespaces")
                                              .wrap("cannot create a jail"))));
        ::_exit(1);
    }
    char go = unshared;
    if (::write(socket, &go, 1) != 1 || ::read(socket, &go, 1) != 1)
        ::_exit(1);
    const pid_t worker = ::fork();
    if (worker == 0) {
        ::close(pipe[1]);
        run_worker_process(job, socket, go == mapped_private, pipe[0]);
    }
    ::syscall(SYS_close_range, 0U, static_cast<unsigned>(pipe[1]) - 1, 0);
    ::syscall(SYS_close_range, static_cast<unsigned>(pipe[1]) + 1, ~0U, 0);
    int status = 0;
    while (::waitpid(worker, &status, 0) == -1 && errno == EINTR) {
    }
    ::_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

class Deadline {
  public:
    explicit Deadline(std::chrono::milliseconds limit)
        : end_(monotonic_ns() + std::chrono::nanoseconds(limit).count()) {}
    std::chrono::milliseconds left() const {
        return std::chrono::milliseconds(
            std::max<std::int64_t>(0, (end_ - monotonic_ns()) / 1'000'000));
    }

  private:
    std::int64_t end_;
};

/// Reads until end of file or until the sender has said all it may.
Status receive(int socket, const Deadline& deadline, Bytes& bytes) {
    std::array<std::uint8_t, 4096> part{};
    while (bytes.size() <= sizeof(Verdict) + 2 * longest_text) {
        if (!MSB_TRY(sys::wait_for(socket, POLLIN, deadline.left())))
            return fail(ErrorKind::timed_out, "the worker took too long");
        const std::size_t count = MSB_TRY(sys::read(socket, part));
        if (count == 0)
            return {};
        bytes.insert(bytes.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return fail(ErrorKind::protocol, "the worker's answer is too long");
}

/// The conversation with a holder. A first message longer than one byte is a verdict.
Status converse(Child& holder, int socket, const Deadline& deadline) {
    Bytes bytes(sizeof(Verdict));
    if (!MSB_TRY(sys::wait_for(socket, POLLIN, deadline.left())))
        return fail(ErrorKind::timed_out, "the worker did not start");
    bytes.resize(MSB_TRY(sys::read(socket, bytes)));
    if (bytes.size() == 1) {
        const bool private_id = MSB_TRY_WRAP(write_id_maps(holder.pid()), "cannot map user ids");
        const char go = private_id ? mapped_private : mapped_own;
        MSB_TRY(sys::write_all(socket, object_bytes(go)));
        bytes.clear();
    }
    MSB_TRY(receive(socket, deadline, bytes));
    if (!bytes.empty())
        return parse_verdict(bytes);
    const auto status = MSB_TRY(holder.wait(deadline.left()));
    const int code = status ? shell_exit_code(*status) : 0;
    return fail(ErrorKind::system,
                code == 128 + SIGSYS ? "the worker made a system call that it may not make"
                                     : fmt::format("the worker died ({})",
                                                   code > 128 ? fmt::format("signal {}", code - 128)
                                                              : fmt::format("code {}", code)));
}

} // namespace

Status run_worker(const std::vector<int>& fds, const std::function<Status()>& work,
                  std::chrono::milliseconds deadline, const Workplace& workplace) {
    const OwnedFd null = MSB_TRY(sys::open("/dev/null", O_RDWR));
    Job job{fds,       work, workplace.role, {}, {}, MSB_TRY(seccomp_program(workplace.role)),
            null.get()};
    for (const auto& [path, content] : workplace.files) {
        job.mounts.files.push_back({path, content, 0444});
        job.file_rules.push_back({path, FileRule::Access::read});
    }
    MSB_TRY(prepare(job.mounts));
    auto sockets = MSB_TRY(sys::socket_pair(SOCK_STREAM));
    const pid_t pid = ::fork();
    if (pid == -1)
        return fail_errno("fork");
    if (pid == 0) {
        sockets[0].reset();
        run_holder(job, sockets[1].get());
    }
    sockets[1].reset();
    Child holder(pid, MSB_TRY(open_pidfd(pid)));
    Status status = converse(holder, sockets[0].get(), Deadline(deadline));
    (void)holder.signal(SIGKILL); // a no-op if it has ended; the worker dies with it
    (void)holder.wait(std::chrono::seconds(5));
    return status;
}

} // namespace msb::jail
