// The serving half against real processes on the host, over a socket pair.
#include "agent/serve/server_testing.hpp"
#include "base/file.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>

namespace msb::agent {
namespace {

TEST_F(ServerTest, OutputErrorsAndExitCode) {
    TestClient client(*server_);
    const Outcome& outcome = client.run(shell("echo out; echo err >&2; exit 3"));
    EXPECT_TRUE(outcome.started);
    EXPECT_EQ(outcome.out, "out\n");
    EXPECT_EQ(outcome.err, "err\n");
    ASSERT_TRUE(outcome.exited);
    EXPECT_EQ(outcome.exited->code, 3);
    EXPECT_FALSE(outcome.exited->signal);
}

TEST_F(ServerTest, CommandIsFoundInPathOfItsOwnEnvironment) {
    TestClient client(*server_);
    wire::ExecRequest request;
    request.cmd = "env";
    request.env = {"FROM=request", "EXTRA=1", "HOME=/given"};
    const Outcome outcome = client.run(request);
    EXPECT_NE(outcome.out.find("FROM=request\n"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("EXTRA=1\n"), std::string::npos);
    EXPECT_NE(outcome.out.find("HOME=/given\n"), std::string::npos);
    EXPECT_NE(outcome.out.find("PATH=/usr/local/sbin:"), std::string::npos);

    request.env = {"PATH=/nowhere"};
    const Outcome missing = client.run(request);
    ASSERT_TRUE(missing.failed);
    EXPECT_EQ(missing.failed->kind, wire::ExecFailure::not_found);

    request = shell("echo $HOME");
    EXPECT_NE(client.run(request).out, "\n") << "HOME comes from the user's entry";
}

TEST_F(ServerTest, InputIsDeliveredAndEnds) {
    TestClient client(*server_);
    wire::ExecRequest request;
    request.cmd = "cat";
    EXPECT_EQ(client.run(request, "hello").out, "hello");
    request.cmd = "wc";
    request.args = {"-c"};
    std::string large;
    large.resize(10'000'000, 'x');
    const std::uint32_t id = 77;
    client.send(id, request);
    for (std::size_t at = 0; at < large.size(); at += 1'000'000)
        client.send(id, wire::ExecStdin{as_bytes(large).subspan(at, 1'000'000)});
    client.send(id, wire::ExecStdin{});
    EXPECT_EQ(client.wait_for(id).out, "10000000\n");
}

TEST_F(ServerTest, UnreadInputHoldsBackOnlyItsClient) {
    TestClient stuck(*server_);
    TestClient other(*server_);
    const std::uint32_t id = stuck.start(shell("sleep 1000"));
    const Bytes megabyte(std::size_t{1} << 20);
    for (int i = 0; i < 32; ++i)
        stuck.send(id, wire::ExecStdin{megabyte});
    for (int i = 0; i < 50; ++i)
        stuck.step();
    EXPECT_GT(stuck.unsent(), megabyte.size() * 16) << "the server takes a bounded part only";
    EXPECT_EQ(other.run(shell("echo fine")).out, "fine\n");
    stuck.disconnect();
    EXPECT_TRUE(other.until([&] { return server_->client_count() == 1; }));
}

TEST_F(ServerTest, SignalPassesUnreadInputBelowTheBound) {
    TestClient client(*server_);
    const std::uint32_t id = client.start(shell("sleep 1000"));
    client.send(id, wire::ExecStdin{Bytes(std::size_t{2} << 20)});
    client.send(id, wire::ExecSignal{SIGTERM});
    EXPECT_EQ(client.wait_for(id).exited->signal, SIGTERM);
}

TEST_F(ServerTest, ClosedInputIsAnErrorButNotTheEnd) {
    TestClient client(*server_);
    const std::uint32_t id = client.start(shell("exec <&-; echo closed; sleep 0.3; exit 4"));
    ASSERT_TRUE(client.until([&] { return client.outcome(id).out == "closed\n"; }));
    client.send(id, wire::ExecStdin{as_bytes("data")});
    ASSERT_TRUE(client.until([&] { return client.outcome(id).input_error.has_value(); }));
    EXPECT_EQ(client.outcome(id).input_error->errno_name, "EPIPE");
    EXPECT_EQ(client.wait_for(id).exited->code, 4);
}

TEST_F(ServerTest, SignalsReachTheWholeGroup) {
    TestClient client(*server_);
    const std::uint32_t id = client.start(shell("sleep 1000 & echo $!; wait"));
    ASSERT_TRUE(client.until([&] { return client.outcome(id).out.ends_with('\n'); }));
    const pid_t background = std::stoi(client.outcome(id).out);
    client.send(id, wire::ExecSignal{12345}); // not a signal: ignored
    client.send(id, wire::ExecSignal{SIGKILL});
    const Outcome& outcome = client.wait_for(id);
    EXPECT_EQ(outcome.exited->code, -1);
    EXPECT_EQ(outcome.exited->signal, SIGKILL);
    EXPECT_TRUE(client.until([&] { return ::kill(background, 0) == -1 && errno == ESRCH; }));
}

TEST_F(ServerTest, BackgroundChildrenDoNotDelayTheExit) {
    TestClient client(*server_);
    const auto begin = EventLoop::Clock::now();
    const Outcome& outcome = client.run(shell("sleep 20 & echo now"));
    EXPECT_EQ(outcome.out, "now\n");
    EXPECT_LT(EventLoop::Clock::now() - begin, 15s);
    const Outcome& flood = client.run(shell("timeout 20 yes & echo now"));
    EXPECT_TRUE(flood.exited) << "not even if they write all the time";
    EXPECT_LT(EventLoop::Clock::now() - begin, 15s);
}

TEST_F(ServerTest, OutputLeftInThePipeComesBeforeTheExit) {
    TestClient client(*server_);
    const std::uint32_t id = client.start(shell("head -c 3000000 /dev/zero; echo end >&2"));
    for (int i = 0; i < 100; ++i)
        client.step(false); // the client reads nothing for a while
    const Outcome& outcome = client.wait_for(id);
    EXPECT_EQ(outcome.out.size(), 3'000'000U);
    EXPECT_EQ(outcome.err, "end\n");
}

TEST_F(ServerTest, ClientThatNeverReadsCostsBoundedMemoryAndNobodyElse) {
    TestClient deaf(*server_);
    TestClient other(*server_);
    deaf.send(1, shell("yes"));
    for (int i = 0; i < 5000; ++i)
        deaf.send(1000, wire::Ping{});
    for (int i = 0; i < 200; ++i)
        deaf.step(false);
    const auto before = server_->activity().activity_counters.exec_output_bytes;
    for (int i = 0; i < 200; ++i)
        deaf.step(false);
    EXPECT_EQ(server_->activity().activity_counters.exec_output_bytes, before);
    EXPECT_LT(before, 4'000'000U);
    EXPECT_EQ(other.run(shell("echo fine")).out, "fine\n");
}

TEST_F(ServerTest, LeavingClientTakesItsCommandsAlong) {
    pid_t sleeper = 0;
    {
        TestClient client(*server_);
        const std::uint32_t id = client.start(shell("sleep 1000 & echo $!; wait"));
        ASSERT_TRUE(client.until([&] { return client.outcome(id).out.ends_with('\n'); }));
        sleeper = std::stoi(client.outcome(id).out);
        client.send(999, shell("sleep 1000"));
    }
    TestClient other(*server_);
    EXPECT_TRUE(other.until([&] { return ::kill(sleeper, 0) == -1 && errno == ESRCH; }));
    EXPECT_EQ(server_->client_count(), 1U);
    EXPECT_EQ(server_->activity().active_exec_sessions, 0U);
}

TEST_F(ServerTest, DrainingFinishesWhatRunsAndRefusesMore) {
    TestClient client(*server_);
    const std::uint32_t id = client.start(shell("read line; echo $line; exit 3"));
    EXPECT_FALSE(server_->drained());
    server_->request_drain();
    EXPECT_FALSE(server_->drained());
    TestClient other(*server_);
    EXPECT_NE(other.run(shell("echo no")).failed.value().message.find("draining"),
              std::string::npos);
    client.send(id, wire::ExecStdin{as_bytes("bye\n")});
    EXPECT_TRUE(client.until([&] { return client.outcome(id).exited.has_value(); }));
    EXPECT_EQ(client.outcome(id).out, "bye\n");
    EXPECT_EQ(client.outcome(id).exited->code, 3);
    EXPECT_TRUE(server_->drained());
}

TEST_F(ServerTest, RequestBeforeHangUpIsHonoured) {
    bool asked = false;
    server_->on_shutdown = [&](const wire::Shutdown& request) {
        asked = true;
        EXPECT_EQ(request.grace_ms, 5U);
    };
    TestClient client(*server_);
    client.send(0, wire::Shutdown{5});
    client.step();
    client.disconnect();
    TestClient other(*server_);
    EXPECT_TRUE(other.until([&] { return asked; }));
    EXPECT_EQ(other.run(shell("echo no")).failed->message, "the sandbox is stopping");
}

// --- failures -----------------------------------------------------------------------------------

wire::ExecFailed failure_of(Server& server, const wire::ExecRequest& request) {
    TestClient client(server);
    const Outcome& outcome = client.run(request);
    EXPECT_TRUE(outcome.failed);
    EXPECT_FALSE(outcome.started);
    return outcome.failed.value_or(wire::ExecFailed{});
}

class ServerFailures : public ServerTest {
  protected:
    ServerFailures() {
        std::string name = "/tmp/msb-agent-failures-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~ServerFailures() override { (void)remove_tree(directory_); }
    wire::ExecRequest file(const char* name, std::string_view content, mode_t mode) {
        wire::ExecRequest request;
        request.cmd = directory_ + "/" + name;
        EXPECT_TRUE(write_file_atomic(request.cmd, content, mode, false));
        EXPECT_EQ(::chmod(request.cmd.c_str(), mode), 0);
        return request;
    }
    std::string directory_;
};

TEST_F(ServerFailures, ProgramsThatCannotRun) {
    using enum wire::ExecFailure;
    wire::ExecRequest request;
    request.cmd = "/no/such/program";
    const auto missing = failure_of(*server_, request);
    EXPECT_EQ(missing.kind, not_found);
    EXPECT_EQ(missing.errno_name, "ENOENT");
    EXPECT_EQ(missing.stage, "execvp");
    request.cmd = "no-such-program-anywhere";
    EXPECT_EQ(failure_of(*server_, request).kind, not_found);
    request.cmd = "";
    EXPECT_EQ(failure_of(*server_, request).kind, not_found);
    EXPECT_EQ(failure_of(*server_, file("plain", "#!/bin/sh\n", 0644)).kind, permission_denied);
    EXPECT_EQ(failure_of(*server_, file("text", "just text\n", 0755)).kind, not_executable);
    const auto script = failure_of(*server_, file("script", "#!/no/such/shell\n", 0755));
    EXPECT_EQ(script.kind, not_executable);
    EXPECT_NE(script.message.find("interpreter"), std::string::npos) << script.message;
    request.cmd = directory_;
    const auto directory = failure_of(*server_, request);
    EXPECT_EQ(directory.kind, not_executable);
    EXPECT_EQ(directory.errno_name, "EISDIR");
    request.cmd = std::string(5000, 'x');
    EXPECT_EQ(failure_of(*server_, request).kind, bad_args);
}

TEST_F(ServerFailures, WorkingDirectories) {
    wire::ExecRequest request = shell("pwd");
    request.cwd = directory_;
    TestClient client(*server_);
    EXPECT_EQ(client.run(request).out, directory_ + "\n");
    for (const std::string& bad : {directory_ + "/missing", std::string("/etc/passwd")}) {
        request.cwd = bad;
        request.tty = false;
        const auto failed = failure_of(*server_, request);
        EXPECT_EQ(failed.kind, wire::ExecFailure::bad_cwd) << bad;
        EXPECT_EQ(failed.stage, "cwd");
        request.tty = true;
        EXPECT_EQ(failure_of(*server_, request).kind, wire::ExecFailure::bad_cwd) << bad;
    }
}

TEST_F(ServerFailures, Users) {
    wire::ExecRequest request = shell("id -u");
    request.user = "no-such-user";
    auto failed = failure_of(*server_, request);
    EXPECT_EQ(failed.kind, wire::ExecFailure::user_setup_failed);
    EXPECT_EQ(failed.message, "guest user not found: no-such-user");
    request.user = "0:no-such-group";
    failed = failure_of(*server_, request);
    EXPECT_EQ(failed.kind, wire::ExecFailure::user_setup_failed);
    EXPECT_EQ(failed.message, "guest group not found: 0:no-such-group");
}

TEST_F(ServerFailures, Arguments) {
    using enum wire::ExecFailure;
    wire::ExecRequest request = shell("true");
    request.env = {"NOEQUALS"};
    EXPECT_EQ(failure_of(*server_, request).kind, bad_args);
    request = shell(std::string("a\0b", 3));
    EXPECT_EQ(failure_of(*server_, request).kind, bad_args);
    request = shell("true");
    request.rlimits = {{"nofile", 20, 10}};
    EXPECT_EQ(failure_of(*server_, request).kind, bad_args);
    request.rlimits = {{"colour", 1, 1}};
    EXPECT_EQ(failure_of(*server_, request).kind, bad_args);
    request = shell(std::string(3'000'000, ' '));
    EXPECT_EQ(failure_of(*server_, request).kind, bad_args) << "E2BIG";
}

TEST_F(ServerFailures, LimitsApply) {
    wire::ExecRequest request = shell("ulimit -n");
    request.rlimits = {{"nofile", 123, 456}};
    TestClient client(*server_);
    EXPECT_EQ(client.run(request).out, "123\n");
}

TEST_F(ServerFailures, OutOfDescriptors) {
    TestClient client(*server_);
    std::vector<OwnedFd> flood;
    for (;;) {
        OwnedFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!fd)
            break;
        flood.push_back(std::move(fd));
    }
    client.send(900, shell("true"));
    EXPECT_EQ(client.wait_for(900).failed->kind, wire::ExecFailure::resource_limit);
    flood.clear();
    EXPECT_EQ(client.run(shell("echo again")).out, "again\n");
}

TEST_F(ServerTest, RestrictedProfile) {
    Config config;
    config.switch_user = ::getuid() == 0;
    config.restricted = true;
    configure(std::move(config));
    TestClient client(*server_);
    const Outcome& outcome = client.run(shell("cat /proc/self/status"));
    ASSERT_TRUE(outcome.exited) << outcome.failed->message;
    EXPECT_NE(outcome.out.find("NoNewPrivs:\t1"), std::string::npos);
    for (const char* set : {"CapEff:\t", "CapPrm:\t", "CapInh:\t"}) {
        const std::size_t at = outcome.out.find(set) + 8;
        const std::uint64_t mask = std::stoull(outcome.out.substr(at, 16), nullptr, 16);
        EXPECT_EQ(mask & (std::uint64_t{1} << 21), 0U) << set;
    }
}

TEST_F(ServerTest, SwitchesUser) {
    if (::getuid() != 0)
        GTEST_SKIP() << "needs root";
    TestClient client(*server_);
    wire::ExecRequest request = shell("id -u; id -g; id -G; echo $HOME; echo x > /dev/stdout");
    request.user = "4321:8765";
    EXPECT_EQ(client.run(request).out, "4321\n8765\n8765\n/\nx\n");
}

// --- terminals ----------------------------------------------------------------------------------

wire::ExecRequest terminal(std::string script) {
    wire::ExecRequest request = shell(std::move(script));
    request.tty = true;
    request.rows = 33;
    request.cols = 99;
    return request;
}

TEST_F(ServerTest, TerminalHasASizeAndIsControlling) {
    TestClient client(*server_);
    const Outcome& outcome = client.run(terminal("stty size; tty; echo err >&2; : </dev/tty"));
    ASSERT_TRUE(outcome.exited);
    EXPECT_EQ(outcome.exited->code, 0);
    EXPECT_TRUE(outcome.out.starts_with("33 99\r\n/dev/pts/")) << outcome.out;
    EXPECT_TRUE(outcome.out.ends_with("err\r\n")) << "both streams are the terminal";
}

TEST_F(ServerTest, TerminalEndOfInput) {
    TestClient client(*server_);
    const std::uint32_t id = client.start(terminal("stty -echo; echo ready; cat; echo done"));
    ASSERT_TRUE(client.until([&] { return client.outcome(id).out == "ready\r\n"; }));
    client.send(id, wire::ExecStdin{as_bytes("line\npart")});
    client.send(id, wire::ExecStdin{});
    EXPECT_EQ(client.wait_for(id).out, "ready\r\nline\r\npartdone\r\n");
}

TEST_F(ServerTest, TerminalResizeAndInterrupt) {
    TestClient client(*server_);
    const std::uint32_t id =
        client.start(terminal("trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"));
    ASSERT_TRUE(client.until([&] { return client.outcome(id).out == "ready\r\n"; }));
    client.send(id, wire::ExecResize{40, 120});
    ASSERT_TRUE(
        client.until([&] { return client.outcome(id).out.find("40 120") != std::string::npos; }));
    client.send(id, wire::ExecStdin{as_bytes("\x03")});
    EXPECT_EQ(client.wait_for(id).exited->signal, SIGINT);
}

// --- protocol -----------------------------------------------------------------------------------

TEST_F(ServerTest, PingAndTouch) {
    TestClient client(*server_);
    client.send(5, wire::Ping{});
    const Received pong = client.next();
    EXPECT_EQ(pong.type, "core.pong");
    EXPECT_EQ(pong.id, 5U);
    EXPECT_EQ(server_->activity().activity_seq, 0U) << "a ping is no activity";
    client.send(6, wire::Touch{});
    EXPECT_EQ(client.next().as<wire::Touched>().activity_seq, 1U);
    EXPECT_EQ(server_->activity().activity_seq, 1U) << "a touch counts once";
}

TEST_F(ServerTest, MistakesAreAnsweredOnTheirId) {
    using enum wire::CoreErrorKind;
    TestClient client(*server_);
    const auto expect_error = [&](std::uint32_t id, wire::CoreErrorKind kind) {
        const Received frame = client.next();
        EXPECT_EQ(frame.id, id);
        EXPECT_EQ(frame.as<wire::CoreError>().kind, kind);
    };
    Bytes frame;
    wire::begin_frame(frame, 3, 0, "core.future", 0);
    client.send_raw(frame);
    expect_error(3, unsupported_message_type);
    frame.clear();
    wire::begin_frame(frame, 4, wire::flag_terminal, wire::Ping::type, 0);
    client.send_raw(frame);
    expect_error(4, invalid_flags);
    frame.clear();
    wire::begin_frame(frame, 5, wire::flag_session_start, wire::ExecRequest::type, 1);
    frame.push_back(0xff);
    client.send_raw(frame);
    expect_error(5, invalid_payload);
    client.send(6, wire::ClockSync{1});
    expect_error(6, unsupported_message_type);
    client.send(7, wire::InitAck{});
    expect_error(7, unsupported_message_type);
    client.send(0, shell("true"));
    expect_error(0, invalid_session);
    const std::uint32_t id = 8;
    client.send(id, shell("sleep 1000"));
    EXPECT_EQ(client.next().type, "core.exec.started");
    client.send(id, shell("true"));
    expect_error(id, invalid_session);
    client.send(99, wire::ExecSignal{9}); // a session that has ended: no answer
    client.send(10, wire::Ping{});
    EXPECT_EQ(client.next().type, "core.pong") << "the connection survived all of it";
}

TEST_F(ServerTest, MalformedFramesCloseTheirConnectionOnly) {
    TestClient other(*server_);
    const Bytes bad_frames[] = {
        {0, 0, 0, 4, 0, 0, 0, 1},                           // length below 5
        {0xff, 0xff, 0xff, 0xff},                           // length above 4 MiB
        {0, 0, 0, 6, 0, 0, 0, 1, 0, 0xff},                  // not CBOR
        {0, 0, 0, 6, 0, 0, 0, 1, 0, 0xa0},                  // no type
        {0, 0, 0, 9, 0, 0, 0, 1, 0, 0x9f, 0x9f, 0x9f, 0x9f} // not a map
    };
    for (const Bytes& bad : bad_frames) {
        TestClient client(*server_);
        client.send_raw(bad);
        EXPECT_TRUE(client.until([&] { return client.closed(); }));
        EXPECT_EQ(other.run(shell("echo fine")).out, "fine\n");
    }
}

TEST_F(ServerTest, ManyCommandsAtOnce) {
    TestClient client(*server_);
    for (std::uint32_t id = 1; id <= 50; ++id)
        client.send(id, shell("echo " + std::to_string(id)));
    for (std::uint32_t id = 1; id <= 50; ++id)
        EXPECT_EQ(client.wait_for(id).out, std::to_string(id) + "\n");
}

TEST_F(ServerTest, StopSignalReachesCommandsAndHangsTerminalsUp) {
    TestClient client(*server_);
    const std::uint32_t plain =
        client.start(shell("trap 'exit 7' TERM; while :; do sleep 0.05; done"));
    const std::uint32_t tty = client.start(terminal("trap '' TERM; sleep 1000"));
    for (int i = 0; i < 20; ++i)
        client.step();
    server_->sessions().stop_all(server_->services().config.stop_signal);
    EXPECT_EQ(client.wait_for(plain).exited->code, 7);
    EXPECT_EQ(client.wait_for(tty).exited->signal, SIGHUP);
}

} // namespace
} // namespace msb::agent
