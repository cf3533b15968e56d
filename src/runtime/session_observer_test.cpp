#include "device/vsock/testing/fake_stream.hpp"
#include "runtime/session_observer.hpp"
#include "runtime/testing/temporary_log.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

using device::testing::FakeGuest;

struct SessionObserverTest : ::testing::Test {
    testing::TemporaryLog log;
    FakeGuest guest;
    std::vector<std::string> ends;

    std::function<void(const SessionObserver::End&)> note(const std::string& name) {
        return [this, name](const SessionObserver::End& end) {
            ends.push_back(name + " " + std::to_string(end.exited.code) + " " + end.failure);
        };
    }
    template <typename M> void say(const M& message, std::uint32_t id = 0) {
        guest.streams.at(0)->send(wire::encode_message(id, message));
    }
};

TEST_F(SessionObserverTest, RecordsOutputAndTellsTheEndOnce) {
    SessionObserver observer(guest.dial(), *log.log);
    observer.watch(3, note("early"));
    say(wire::SessionOutput{.session = 3, .data = {'h', 'i', '\n'}});
    say(wire::SessionEnded{.session = 3, .code = 4});
    say(wire::SessionEnded{.session = 3, .code = 5});
    EXPECT_EQ(ends, std::vector<std::string>{"early 4 "});
    EXPECT_NE(log.text().find("hi"), std::string::npos);
    say(wire::SessionEnded{.session = 9, .code = 1});
    observer.watch(9, note("late"));
    EXPECT_EQ(ends.back(), "late 1 ");
}

TEST_F(SessionObserverTest, ACommandThatCannotStartHasAnEnd) {
    SessionObserver observer(guest.dial(), *log.log);
    observer.start(1, wire::ExecRequest{.cmd = "gone"});
    observer.watch(1, note("command"));
    say(wire::ExecFailed{.kind = wire::ExecFailure::not_found, .message = "no"}, 77);
    EXPECT_TRUE(ends.empty()) << "an id that it never used";
    say(wire::ExecFailed{.kind = wire::ExecFailure::not_found, .message = "no"}, 1);
    EXPECT_EQ(ends, std::vector<std::string>{"command 127 not_found: no"});
}

TEST_F(SessionObserverTest, HoweverTheGuestGoesThoseWhoWaitAreTold) {
    {
        SessionObserver observer(guest.dial(), *log.log);
        observer.watch(1, note("reset"));
        guest.streams.back()->finish(device::StreamEnd::reset);
    }
    {
        SessionObserver observer(guest.dial(), *log.log);
        observer.watch(1, note("nonsense"));
        guest.streams.back()->send(Bytes(64, 0));
        EXPECT_TRUE(guest.streams.back()->was_reset);
    }
    guest.most = 0;
    SessionObserver observer(guest.dial(), *log.log);
    observer.start(1, {});
    observer.watch(1, note("unreachable"));
    ASSERT_EQ(ends.size(), 3U);
    EXPECT_TRUE(ends[0].starts_with("reset 1 the agent is gone"));
    EXPECT_TRUE(ends[1].starts_with("nonsense 1 "));
    EXPECT_TRUE(ends[2].starts_with("unreachable 1 "));
}

TEST_F(SessionObserverTest, SessionsThatAGuestInventsAreBounded) {
    SessionObserver observer(guest.dial(), *log.log);
    for (std::uint64_t i = 0; i < 10'000; ++i) {
        say(wire::SessionOutput{.session = i, .data = {0xc3}}); // half a character is kept
        say(wire::SessionEnded{.session = i + 50'000, .code = 0});
    }
    observer.watch(50'000, note("forgotten"));
    EXPECT_TRUE(ends.empty());
}

} // namespace
} // namespace msb
