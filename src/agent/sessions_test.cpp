// Windows and kept sessions, as a client sees them.
#include "agent/server_testing.hpp"
#include "wire/flow.hpp"

#include <csignal>

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

} // namespace
} // namespace msb::agent
