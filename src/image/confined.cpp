#include "image/confined.hpp"

#include "base/system.hpp"
#include "image/helper.hpp"

#include <algorithm>
#include <csignal>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace msb::image {

namespace {

using namespace std::chrono_literals;

/// Ten layers of 10 GiB take less; a worker that needs longer hangs.
constexpr auto worker_deadline = 1h;
constexpr std::size_t max_answer = std::size_t{128} << 20;

[[noreturn]] void run_worker(pid_t parent, std::vector<int> keep, int answer,
                             const std::function<Result<Json>()>& body) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(1);
    keep.push_back(answer);
    std::ranges::sort(keep);
    int next = 3;
    for (const int fd : keep) {
        if (fd > next)
            ::close_range(static_cast<unsigned>(next), static_cast<unsigned>(fd - 1), 0);
        next = std::max(next, fd + 1);
    }
    ::close_range(static_cast<unsigned>(next), ~0U, 0);
    const auto result = body();
    const Json message =
        result ? Json{{"result", *result}} : Json{{"error", encode_error(result.error())}};
    ::_exit(send_json(answer, message) ? 0 : 1);
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
                                         const std::function<Result<Json>()>& body) {
    OwnedFd answer = MSB_TRY(sys::memfd("msb-answer"));
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == -1)
        return fail_errno("fork");
    if (pid == 0)
        run_worker(parent, fds, answer.get(), body);
    return ConfinedTask(Child(pid, MSB_TRY(open_pidfd(pid))), std::move(answer));
}

Result<Json> ConfinedTask::finish() {
    const auto status = MSB_TRY(child_.wait(worker_deadline));
    if (!status) {
        (void)kill();
        return fail(ErrorKind::timed_out, "reading the image took too long");
    }
    if (WIFSIGNALED(*status))
        return fail(ErrorKind::corrupt,
                    "the image made its reader end by signal " + std::to_string(WTERMSIG(*status)));
    const auto size = static_cast<std::size_t>(MSB_TRY(sys::fstat(answer_.get())).st_size);
    if (size > max_answer)
        return fail(ErrorKind::limit_exceeded, "the image's description is too large");
    std::string text(size, '\0');
    MSB_TRY(sys::pread_all(answer_.get(),
                           {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    const Json message = MSB_TRY(parse_json_object(text, "worker answer"));
    if (message.contains("error"))
        return fail(decode_error(message["error"]));
    return json_member(message, "result");
}

Result<Json> run_confined(const std::vector<int>& fds, const std::function<Result<Json>()>& body) {
    ConfinedTask task = MSB_TRY(ConfinedTask::start(fds, body));
    return task.finish();
}

} // namespace msb::image
