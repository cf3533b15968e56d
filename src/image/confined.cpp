#include "image/confined.hpp"

#include "base/system.hpp"
#include "image/helper.hpp"
#include "image/stream.hpp"
#include "json/text.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

/// Time for a large image over a slow line. Connections that bring nothing are given up much
/// earlier.
constexpr auto worker_deadline = 12h;
constexpr auto watch_interval = 100ms;
constexpr auto kill_wait = 5s;
constexpr std::size_t max_answer = std::size_t{128} << 20;

/// Makes libcrypto fetch its algorithms and read its configuration now: a worker can open no file,
/// and a lock that another thread held at the fork would never be released in it.
void prepare_libraries() {
    static const Digest warm = Sha256Stream().finish();
    (void)warm;
}

void answer_with(int fd, const Json& message) {
    const std::string text = json::to_text(message);
    (void)sys::truncate(fd, 0);
    (void)sys::pwrite_all(fd, as_bytes(text), 0);
}

Result<Json> call(const std::function<Result<Json>()>& body) {
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return fail(ErrorKind::limit_exceeded,
                    "the image needs more memory than its reader may use");
    } catch (const std::exception& exception) {
        return fail(ErrorKind::corrupt, exception.what());
    }
}

/// jail::run_worker() waits for its worker, and several layers are read at once: so this process,
/// which does nothing else, waits. It has no descriptors but the worker's.
[[noreturn]] void run_waiter(pid_t parent, std::vector<int> fds, int answer,
                             const std::function<Result<Json>()>& body,
                             const jail::Workplace& workplace) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(1);
    fds.push_back(answer);
    std::ranges::sort(fds);
    unsigned next = 3;
    for (const int fd : fds) {
        const auto number = static_cast<unsigned>(fd);
        if (number > next)
            ::close_range(next, number - 1, 0);
        next = std::max(next, number + 1);
    }
    ::close_range(next, ~0U, 0);
    const Status done = jail::run_worker(
        fds,
        [&]() -> Status {
            const auto result = call(body);
            if (!result)
                return fail(result.error());
            answer_with(answer, Json{{"result", *result}});
            return {};
        },
        worker_deadline, workplace);
    if (!done)
        answer_with(answer, Json{{"error", encode_error(done.error())}});
    ::_exit(0);
}

} // namespace

Result<SharedCounter> SharedCounter::create() {
    void* page = ::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return fail_errno("mmap");
    return SharedCounter(new (page) std::atomic<std::uint64_t>(0));
}
SharedCounter::SharedCounter(SharedCounter&& other) noexcept
    : value_(std::exchange(other.value_, nullptr)) {}
SharedCounter& SharedCounter::operator=(SharedCounter&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
}
SharedCounter::~SharedCounter() {
    if (value_)
        ::munmap(value_, sizeof(*value_));
}

Result<ConfinedTask> ConfinedTask::start(const std::vector<int>& fds,
                                         const std::function<Result<Json>()>& body,
                                         const jail::Workplace& workplace) {
    prepare_libraries();
    OwnedFd answer = MSB_TRY(sys::memfd("msb-answer"));
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == -1)
        return fail_errno("fork");
    if (pid == 0)
        run_waiter(parent, fds, answer.get(), body, workplace);
    return ConfinedTask(Child(pid, MSB_TRY(open_pidfd(pid))), std::move(answer));
}

Result<Json> ConfinedTask::finish() {
    const auto status = MSB_TRY(child_.wait(worker_deadline + 10s));
    if (!status || !WIFEXITED(*status)) {
        (void)kill();
        return fail(ErrorKind::system, "the process that reads the image was killed");
    }
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(answer_.get())).st_size);
    if (size > max_answer)
        return fail(ErrorKind::limit_exceeded, "the image's description is too large");
    std::string text(size, '\0');
    MSB_TRY(sys::pread_all(answer_.get(),
                           {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    const Json message = MSB_TRY(parse_json_object(text, "worker answer"));
    if (const Json* error = message.find("error"))
        return fail(decode_error(*error));
    return json_member(message, "result");
}

bool ConfinedTask::stop(std::chrono::milliseconds wait) {
    const auto status = child_.wait(wait);
    if (status && *status)
        return true;
    (void)kill();
    (void)child_.wait(kill_wait);
    return false;
}

Result<Json> run_confined(const std::vector<int>& fds, const std::function<Result<Json>()>& body,
                          const std::function<Status()>& watch, const jail::Workplace& workplace) {
    ConfinedTask task = MSB_TRY(ConfinedTask::start(fds, body, workplace));
    while (watch && !MSB_TRY(sys::wait_for(task.pidfd(), POLLIN, watch_interval)))
        if (Status fine = watch(); !fine) {
            task.stop(0ms);
            return fail(std::move(fine).error());
        }
    return task.finish();
}

} // namespace msb::image
