// Windows and kept sessions, as a client sees them.
#include "agent/serve/server_testing.hpp"
#include "wire/flow.hpp"

#include <csignal>
#include <set>

namespace msb::agent {
namespace {

TEST_F(ServerTest, WindowKeepsSignalsAheadOfUnreadInput) {
    TestClient client(*server_);
    wire::ExecRequest request = shell("sleep 60");
    request.flow = true;
    client.send(1, request);
    Received frame = client.next();
    ASSERT_EQ(frame.type, wire::FlowWindow::type);
    wire::SendWindow window(true);
    window.grant(frame.as<wire::FlowWindow>().bytes);
    EXPECT_EQ(window.available(), wire::ReceiveWindow::size);
    ASSERT_EQ(client.next().type, wire::ExecStarted::type);
    // All that may be sent, none of which is read, and then a signal.
    const Bytes data(window.available());
    client.send(1, wire::ExecStdin{data});
    client.send(1, wire::ExecSignal{SIGKILL});
    const auto& outcome = client.wait_for(1);
    EXPECT_EQ(outcome.exited->signal, SIGKILL);
}

TEST_F(ServerTest, WindowGrowsAsInputIsRead) {
    TestClient client(*server_);
    wire::ExecRequest request = shell("wc -c; exec sleep 60");
    request.flow = true;
    client.send(1, request);
    wire::SendWindow window(true);
    constexpr std::uint64_t total = std::uint64_t{3} << 20;
    std::uint64_t left = total;
    const Bytes chunk(wire::initial_window);
    bool answered = false;
    while (left > 0) {
        const auto size = std::min<std::uint64_t>({left, chunk.size(), window.available()});
        if (size > 0) {
            client.send(1, wire::ExecStdin{BytesView(chunk).first(size)});
            window.sent(size);
            left -= size;
            continue;
        }
        const Received frame = client.next();
        ASSERT_FALSE(frame.type.empty());
        if (frame.type == wire::FlowWindow::type)
            window.grant(frame.as<wire::FlowWindow>().bytes);
        answered = answered || frame.type == wire::ExecStarted::type;
    }
    client.send(1, wire::ExecStdin{});
    EXPECT_TRUE(answered);
    ASSERT_TRUE(client.until([&] { return !client.outcome(1).out.empty(); }));
    EXPECT_EQ(std::stoull(client.outcome(1).out), total);
    client.send(1, wire::ExecSignal{SIGKILL});
    client.wait_for(1);
}

class KeptSessionsTest : public ServerTest {
  protected:
    /// Starts a command that belongs to nobody; its number.
    std::uint64_t start_detached(TestClient& client, std::uint32_t id, wire::ExecRequest request) {
        request.detach = true;
        client.send(id, request);
        const Received started = client.next();
        EXPECT_EQ(started.type, wire::ExecStarted::type);
        EXPECT_EQ(client.next().type, wire::SessionDetached::type);
        return started.as<wire::ExecStarted>().session.value_or(0);
    }
    wire::SessionInfo info(TestClient& client, std::uint64_t number) {
        client.send(1000, wire::SessionList{});
        for (const auto& one : client.next().as<wire::SessionListed>().sessions)
            if (one.session == number)
                return one;
        return {};
    }
    void wait_for_end(TestClient& client, std::uint64_t number) {
        for (int i = 0; i < 1000 && !info(client, number).ended_at_ns; ++i)
            client.step();
        EXPECT_TRUE(info(client, number).ended_at_ns);
    }
    /// Output of a session until its end or `bytes` have come.
    std::string read(TestClient& client, std::size_t bytes, Received* last = nullptr) {
        std::string text;
        while (text.size() < bytes) {
            Received frame = client.next();
            if (frame.type == wire::ExecStdout::type)
                text += as_text(frame.as<wire::ExecStdout>().data);
            else if (frame.type == wire::ExecStderr::type)
                text += as_text(frame.as<wire::ExecStderr>().data);
            else {
                if (last != nullptr)
                    *last = std::move(frame);
                break;
            }
        }
        return text;
    }
    static constexpr std::size_t everything = std::size_t{1} << 40;
};

TEST_F(KeptSessionsTest, GoesOnWithoutItsClientAndIsAttachedAgain) {
    TestClient first(*server_);
    const auto number = start_detached(first, 1,
                                       shell("echo one; read x <fifo-that-is-not; "
                                             "sleep 0.2; echo two; exit 7"));
    EXPECT_EQ(number, 1U);
    first.disconnect();
    TestClient second(*server_);
    wait_for_end(second, number);
    const wire::SessionInfo ended = info(second, number);
    EXPECT_TRUE(ended.kept);
    EXPECT_FALSE(ended.attached);
    EXPECT_EQ(ended.code, 7);
    EXPECT_EQ(ended.command[0], "/bin/sh");
    // What was missed comes once, all of it any number of times.
    for (const auto replay : {wire::Replay::missed, wire::Replay::all, wire::Replay::none}) {
        second.send(5, wire::SessionAttach{.session = number, .replay = replay});
        EXPECT_EQ(second.next().type, wire::SessionAttached::type);
        Received end;
        const std::string text = read(second, everything, &end);
        if (replay == wire::Replay::none)
            EXPECT_EQ(text, "");
        else
            EXPECT_NE(text.find("one\n"), std::string::npos);
        ASSERT_EQ(end.type, wire::ExecExited::type);
        EXPECT_EQ(end.as<wire::ExecExited>().code, 7);
    }
}

TEST_F(KeptSessionsTest, RunningSessionIsDetachedAndKeepsItsInput) {
    TestClient first(*server_);
    wire::ExecRequest request = shell("while read line; do echo got $line; done; exit 5");
    first.send(1, request);
    EXPECT_EQ(first.next().type, wire::ExecStarted::type);
    first.send(1, wire::ExecStdin{as_bytes("a\n")});
    EXPECT_EQ(read(first, 6), "got a\n");
    first.send(1, wire::SessionDetach{});
    const Received detached = first.next();
    ASSERT_EQ(detached.type, wire::SessionDetached::type);
    EXPECT_EQ(detached.flags, wire::flag_terminal);
    const auto number = detached.as<wire::SessionDetached>().session;
    first.disconnect();

    TestClient second(*server_);
    second.send(9, wire::SessionAttach{.session = number, .flow = true});
    EXPECT_EQ(second.next().type, wire::FlowWindow::type);
    EXPECT_EQ(second.next().type, wire::SessionAttached::type);
    second.send(9, wire::ExecStdin{as_bytes("b\n")});
    EXPECT_EQ(read(second, 6), "got b\n");

    // Somebody else has to ask for it.
    TestClient third(*server_);
    third.send(1, wire::SessionAttach{.session = number});
    const Received busy = third.next();
    ASSERT_EQ(busy.type, wire::SessionFailed::type);
    EXPECT_EQ(busy.as<wire::SessionFailed>().kind, wire::SessionFailure::busy);
    third.send(2, wire::SessionAttach{.session = number, .steal = true});
    EXPECT_EQ(third.next().type, wire::SessionAttached::type);
    const Received stolen = second.next();
    ASSERT_EQ(stolen.type, wire::SessionDetached::type);
    EXPECT_TRUE(stolen.as<wire::SessionDetached>().stolen);
    third.send(2, wire::ExecStdin{});
    Received end;
    read(third, everything, &end);
    EXPECT_EQ(end.as<wire::ExecExited>().code, 5);
}

TEST_F(KeptSessionsTest, FloodKeepsBoundedReplayAndGoesOn) {
    TestClient observer(*server_);
    observer.send(0, wire::SessionObserve{});
    TestClient client(*server_);
    // More than fits; nobody is attached, the observer reads.
    const auto number =
        start_detached(client, 1, shell("head -c 3000000 /dev/zero; exec sleep 60"));
    std::uint64_t observed = 0;
    while (observed < 3'000'000) {
        const Received frame = observer.next();
        ASSERT_EQ(frame.type, wire::SessionOutput::type);
        EXPECT_EQ(frame.as<wire::SessionOutput>().session, number);
        observed += frame.as<wire::SessionOutput>().data.size();
    }
    EXPECT_EQ(observed, 3'000'000U);
    const wire::SessionInfo now = info(client, number);
    EXPECT_LE(now.kept_bytes, KeptSessions::replay_bytes);
    EXPECT_GE(now.kept_bytes, KeptSessions::replay_bytes / 2);
    EXPECT_EQ(now.kept_bytes + now.lost_bytes, 3'000'000U);
    client.send(2, wire::SessionAttach{.session = number});
    const Received attached = client.next();
    EXPECT_EQ(attached.as<wire::SessionAttached>().lost_bytes, now.lost_bytes);
    EXPECT_EQ(read(client, now.kept_bytes).size(), now.kept_bytes);

    client.send(3, wire::SessionSignal{number, SIGKILL});
    std::set<std::string> types = {client.next().type, client.next().type};
    EXPECT_TRUE(types.contains(std::string(wire::SessionSignalled::type)));
    EXPECT_TRUE(types.contains(std::string(wire::ExecExited::type)));
    const Received ended = observer.next();
    ASSERT_EQ(ended.type, wire::SessionEnded::type);
    EXPECT_EQ(ended.as<wire::SessionEnded>().signal, SIGKILL);
}

TEST_F(KeptSessionsTest, NothingIsMissingForAnObserverThatComesLate) {
    TestClient client(*server_);
    const auto number = start_detached(client, 1, shell("head -c 2000000 /dev/zero; exit 3"));
    for (int i = 0; i < 100; ++i)
        client.step();
    EXPECT_LE(info(client, number).kept_bytes, 2 * KeptSessions::replay_bytes) << "it has to wait";
    TestClient observer(*server_);
    observer.send(0, wire::SessionObserve{});
    std::uint64_t observed = 0;
    for (;;) {
        const Received frame = observer.next();
        if (frame.type != wire::SessionOutput::type) {
            EXPECT_EQ(frame.as<wire::SessionEnded>().code, 3);
            break;
        }
        observed += frame.as<wire::SessionOutput>().data.size();
    }
    EXPECT_EQ(observed, 2'000'000U);
}

TEST_F(KeptSessionsTest, RefusalsSayWhy) {
    TestClient client(*server_);
    const auto kind = [&](const auto& message) {
        client.send(9, message);
        return client.next().as<wire::SessionFailed>().kind;
    };
    EXPECT_EQ(kind(wire::SessionAttach{.session = 4}), wire::SessionFailure::not_found);
    EXPECT_EQ(kind(wire::SessionSignal{4, SIGTERM}), wire::SessionFailure::not_found);
    TestClient owner(*server_);
    owner.start(shell("sleep 60"));
    EXPECT_EQ(kind(wire::SessionAttach{.session = 1}), wire::SessionFailure::not_kept);
    const auto number = start_detached(client, 1, shell("exit 0"));
    wait_for_end(client, number);
    EXPECT_EQ(kind(wire::SessionSignal{number, SIGTERM}), wire::SessionFailure::ended);
    wire::ExecRequest missing;
    missing.cmd = "/no/such/program";
    missing.detach = true;
    client.send(2, missing);
    EXPECT_EQ(client.next().as<wire::ExecFailed>().kind, wire::ExecFailure::not_found);
}

TEST_F(KeptSessionsTest, EndsAreRememberedUpToABound) {
    TestClient client(*server_);
    std::uint64_t last = 0;
    for (std::uint32_t i = 0; i < KeptSessions::max_ended + 8; ++i)
        last = start_detached(client, i + 1, shell("exit 0"));
    wait_for_end(client, last);
    ASSERT_TRUE(client.until([&] { return server_->sessions().kept().live_count() == 0; }));
    client.send(1, wire::SessionList{});
    EXPECT_EQ(client.next().as<wire::SessionListed>().sessions.size(), KeptSessions::max_ended);
    EXPECT_EQ(server_->activity().active_exec_sessions, 0U);
}

TEST_F(KeptSessionsTest, NumbersAreTheHostsWhereItAnnouncedOne) {
    TestClient client(*server_);
    client.send(1, wire::SessionNumber{41});
    EXPECT_EQ(start_detached(client, 1, shell("exit 0")), 41U);
    EXPECT_EQ(start_detached(client, 2, shell("exit 0")), 42U);
    client.send(3, wire::SessionNumber{41}); // taken
    EXPECT_EQ(start_detached(client, 3, shell("exit 0")), 43U);
}

} // namespace
} // namespace msb::agent
