#include "base/bytes.hpp"
#include "base/event_loop.hpp"
#include "base/file.hpp"
#include "base/lock_holder.hpp"
#include "base/process.hpp"
#include "base/sha256.hpp"
#include "base/signal_name.hpp"
#include "base/system.hpp"
#include "base/time.hpp"
#include "base/watchdog.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

namespace msb {
namespace {

using namespace std::chrono_literals;

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = "/tmp/msb-base-test-XXXXXX";
        path_ = ::mkdtemp(name.data());
    }
    ~TemporaryDirectory() { (void)remove_tree(path_); }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

TEST(SignalName, NamesAndNumbersInAnySpelling) {
    EXPECT_EQ(parse_signal("SIGTERM"), SIGTERM);
    EXPECT_EQ(parse_signal("quit"), SIGQUIT);
    EXPECT_EQ(parse_signal("9"), SIGKILL);
    EXPECT_EQ(parse_signal("64"), 64);
    EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37);
    EXPECT_EQ(parse_signal("rtmin"), 34);
    EXPECT_EQ(parse_signal("RTMAX-2"), 62);
    for (const char* wrong : {"", "SIG", "SIG9", "0", "65", "-1", "9x", "TERMINATE", "RTMIN-1",
                              "RTMIN+31", "RTMAX-31", "RTMIN+", "RTMIN++1", "99999999999"})
        EXPECT_FALSE(parse_signal(wrong)) << wrong;
}

TEST(Bytes, Base64RoundTripsEveryLength) {
    for (std::size_t length = 0; length < 10; ++length) {
        const Bytes data(length, 0xa5);
        EXPECT_EQ(from_base64(to_base64(data)), data);
    }
    EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
    EXPECT_EQ(to_base64(as_bytes("fooba")), "Zm9vYmE=");
    EXPECT_EQ(to_base64(as_bytes("foobar")), "Zm9vYmFy");
    for (std::string text; text.size() < 100; text += '-') {
        std::string appended = text; // whatever room the string has left
        append_base64(appended, as_bytes("fooba"));
        EXPECT_EQ(appended, text + "Zm9vYmE=");
    }
    EXPECT_FALSE(from_base64("Zg="));
    EXPECT_FALSE(from_base64("Z!=="));
}

TEST(Bytes, Utf8PrefixStopsAtTheFirstBadSequence) {
    EXPECT_EQ(valid_utf8_prefix("aä€😀"), std::string("aä€😀").size());
    EXPECT_EQ(valid_utf8_prefix("a\xc0\x80"), 1U);     // overlong
    EXPECT_EQ(valid_utf8_prefix("a\xed\xa0\x80"), 1U); // surrogate
    EXPECT_EQ(valid_utf8_prefix("a\xe2\x82"), 1U);     // cut short
    EXPECT_EQ(valid_utf8_prefix("\xf5\x80\x80\x80"), 0U);
}

// FIPS 180-4 test vectors, and the lengths around the one-block/two-block padding boundary.
TEST(Sha256, MatchesPublishedVectors) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_hex(std::string(1000000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Error, KeepsTheChainAndTheHint) {
    const Error error = Error::from_errno(ENOENT, "open", "/x").with_hint("create it").wrap("load");
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_EQ(error.sys_errno(), ENOENT);
    EXPECT_EQ(error.hint(), "create it");
    EXPECT_EQ(error.to_string(), "load: open '/x': No such file or directory");
}

TEST(File, AtomicWriteReplacesAndLeavesNoTemporary) {
    const TemporaryDirectory dir;
    const std::string path = dir.path() + "/state";
    ASSERT_TRUE(write_file_atomic(path, "one"));
    ASSERT_TRUE(write_file_atomic(path, "two"));
    EXPECT_EQ(read_file(path).value(), "two");
    EXPECT_FALSE(write_file_atomic(dir.path() + "/missing/state", "x"));
    EXPECT_EQ(read_file(path, 2).error().kind(), ErrorKind::limit_exceeded);
}

TEST(File, RemoveTreeGoesAsDeepAsThereIs) {
    const std::string top = ::testing::TempDir() + "msb-deep-" + std::to_string(::getpid());
    ASSERT_EQ(::mkdir(top.c_str(), 0700), 0);
    OwnedFd at = sys::open(top, O_RDONLY | O_DIRECTORY).value();
    for (int i = 0; i < 3000; ++i) {
        ASSERT_EQ(::mkdirat(at.get(), "d", 0700), 0);
        at = sys::open_at(at.get(), "d", O_RDONLY | O_DIRECTORY).value();
    }
    ASSERT_TRUE(sys::open_at(at.get(), "file", O_WRONLY | O_CREAT, 0600));
    const Status removed = remove_tree(top);
    EXPECT_TRUE(removed) << removed.error().to_string();
    EXPECT_FALSE(exists(top));
}

TEST(File, RemoveTreeDoesNotFollowLinks) {
    const TemporaryDirectory dir;
    ASSERT_TRUE(make_directories(dir.path() + "/kept"));
    ASSERT_TRUE(write_file_atomic(dir.path() + "/kept/file", "x"));
    ASSERT_TRUE(make_directories(dir.path() + "/gone/a/b"));
    ASSERT_EQ(::symlink("../../kept", (dir.path() + "/gone/a/link").c_str()), 0);
    ASSERT_TRUE(remove_tree(dir.path() + "/gone"));
    EXPECT_FALSE(exists(dir.path() + "/gone"));
    EXPECT_TRUE(exists(dir.path() + "/kept/file"));
    EXPECT_TRUE(remove_tree(dir.path() + "/never-existed"));
}

TEST(System, SocketPathsOfAnyLengthWork) {
    const TemporaryDirectory dir;
    const std::string deep = dir.path() + "/" + std::string(200, 'd');
    ASSERT_TRUE(make_directories(deep));
    const auto listener = sys::unix_listen(deep + "/agent.sock", 1);
    ASSERT_TRUE(listener) << listener.error().to_string();
    EXPECT_TRUE(sys::unix_connect(deep + "/agent.sock"));
}

/// How a process ends that starts a watchdog and then does this.
int end_under_watchdog(const std::function<void(EventLoop&)>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        const auto loop = EventLoop::create().value();
        if (!start_watchdog(*loop, 40ms))
            ::_exit(2);
        work(*loop);
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

TEST(Watchdog, EndsAProcessWhoseLoopIsStuckAndNoOther) {
    EXPECT_EQ(end_under_watchdog([](EventLoop& loop) {
                  const auto end = EventLoop::Clock::now() + 1s;
                  while (EventLoop::Clock::now() < end)
                      (void)loop.run_once(10ms);
              }),
              0);
    EXPECT_EQ(end_under_watchdog([](EventLoop&) {
                  const OwnedFd full = sys::event_fd().value();
                  (void)sys::set_nonblocking(full.get(), false);
                  const std::uint64_t most = UINT64_MAX - 1;
                  for (int i = 0; i < 2; ++i)
                      (void)!::write(full.get(), &most, sizeof(most)); // the second waits for ever
              }),
              1);
}

TEST(EventLoop, RunsDescriptorsTimersAndPostedTasks) {
    auto loop = EventLoop::create().value();
    auto pipe = sys::pipe().value();
    std::string order;
    ASSERT_TRUE(loop->watch(pipe[0].get(), EPOLLIN, [&](std::uint32_t) {
        order += "fd ";
        loop->unwatch(pipe[0].get());
    }));
    loop->after(20ms, [&] {
        order += "timer";
        loop->stop();
    });
    const auto cancelled = loop->after(10ms, [&] { order += "never "; });
    loop->cancel(cancelled);
    ASSERT_TRUE(sys::write_all(pipe[1].get(), as_bytes("x")));
    ASSERT_TRUE(loop->run());
    EXPECT_EQ(order, "fd timer");
}

TEST(Process, ReportsExecFailureAndExitStatus) {
    const auto missing = spawn({.argv = {"/no/such/program"}});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().sys_errno(), ENOENT);
    auto child = spawn({.argv = {"/bin/sh", "-c", "exit 7"}}).value();
    EXPECT_EQ(shell_exit_code(child.wait(5s).value().value()), 7);
    auto sleeper = spawn({.argv = {"/bin/sleep", "60"}}).value();
    EXPECT_FALSE(sleeper.wait(10ms).value());
    ASSERT_TRUE(sleeper.signal(SIGTERM));
    EXPECT_EQ(shell_exit_code(sleeper.wait(5s).value().value()), 128 + SIGTERM);
}

TEST(Process, ChildInheritsOnlyNamedDescriptors) {
    auto pipe = sys::pipe().value();
    const auto leaked = sys::open("/dev/null", O_RDONLY).value();
    ASSERT_TRUE(sys::set_cloexec(leaked.get(), false));
    auto child = spawn({.argv = {"/bin/sh", "-c", "ls /proc/self/fd | tr '\\n' ' ' >&5"},
                        .fds = {{5, pipe[1].get()}}})
                     .value();
    pipe[1].reset();
    ASSERT_EQ(shell_exit_code(child.wait(5s).value().value()), 0);
    Bytes buffer(256);
    const auto count = sys::read(pipe[0].get(), buffer).value();
    EXPECT_EQ(as_text(BytesView(buffer).first(count)), "0 1 2 3 5 "); // 3 is ls's own directory
}

TEST(Time, FormatsRfc3339) {
    EXPECT_EQ(format_rfc3339(1'767'323'045'678'000'000, 3), "2026-01-02T03:04:05.678Z");
    EXPECT_EQ(format_rfc3339(0, 0), "1970-01-01T00:00:00Z");
}

TEST(LockHolder, IsFoundInTheKernelsTable) {
    constexpr std::string_view table = "1: POSIX  ADVISORY  WRITE 11 fe:00:100 0 EOF\n"
                                       "2: FLOCK  ADVISORY  WRITE 22 fe:00:1001 0 EOF\n"
                                       "3: FLOCK  ADVISORY  WRITE 33 fe:00:100 0 EOF\n"
                                       "3: -> FLOCK  ADVISORY  WRITE 44 fe:00:100 0 EOF";
    EXPECT_EQ(find_flock(table, makedev(0xfe, 0), 100), 33);
    EXPECT_EQ(find_flock(table, makedev(0xfe, 0), 1001), 22);
    EXPECT_EQ(find_flock(table, makedev(0xfe, 1), 100), 0);
    EXPECT_EQ(find_flock(" fe:00:100 : FLOCK ", makedev(0xfe, 0), 100), 0);
    EXPECT_EQ(find_flock("", 0, 0), 0);
}

TEST(LockHolder, IsNamedWithItsCommand) {
    const std::string self = describe_process(::getpid());
    EXPECT_TRUE(self.starts_with("process " + std::to_string(::getpid()) + " (")) << self;
    EXPECT_EQ(describe_process(-1), "");
    const OwnedFd fd(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd);
    EXPECT_EQ(lock_holder(fd.get()), "another process") << "nobody holds it";
    ASSERT_EQ(::flock(fd.get(), LOCK_EX), 0);
    const std::string holder = lock_holder(fd.get());
    EXPECT_TRUE(holder == self || holder == "another process") << holder;
}

TEST(Time, ParsesRfc3339) {
    constexpr std::int64_t second = 1'000'000'000;
    EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678Z"), 1'767'323'045'678'000'000);
    EXPECT_EQ(parse_rfc3339("1970-01-01t00:00:00z"), 0);
    EXPECT_EQ(parse_rfc3339("1970-01-01 01:00:00+01:00"), 0);
    EXPECT_EQ(parse_rfc3339("1969-12-31T23:59:59Z"), std::nullopt);
    EXPECT_EQ(parse_rfc3339("2000-02-29T12:00:00-00:30"), 951'827'400 * second);
    EXPECT_EQ(parse_rfc3339("2024-12-31T23:59:59.1234567899Z"),
              1'735'689'599 * second + 123'456'789);
    for (const char* bad :
         {"", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z", "2025-02-29T00:00:00Z",
          "2026-01-02T24:04:05Z", "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05Zx",
          "9999-01-02T03:04:05Z", "2026-01-02T03:04:05+1:00"})
        EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
    for (std::int64_t day = 0; day < 100'000; day += 37)
        EXPECT_EQ(parse_rfc3339(format_rfc3339(day * 86400 * second, 0)), day * 86400 * second);
}

} // namespace
} // namespace msb
