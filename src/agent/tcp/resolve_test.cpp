#include "agent/tcp/resolve.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/testing/hex.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace msb::agent {
namespace {

using namespace std::chrono_literals;
using msb::testing::from_hex;

IpAddress address(const char* text) {
    const auto parsed = IpAddress::parse_scoped(text);
    EXPECT_TRUE(parsed) << text;
    return parsed.value_or(IpAddress{});
}

/// Answers questions for "db.example" with `record` (type A), over UDP or, once `truncate`, TCP.
class NameServer {
  public:
    explicit NameServer(bool truncate) : truncate_(truncate) {
        udp_ = OwnedFd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        tcp_ = OwnedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(udp_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        socklen_t size = sizeof(address);
        ::getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
        EXPECT_EQ(::listen(tcp_.get(), 4), 0);
        port = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~NameServer() {
        stop_ = true;
        thread_.join();
    }
    std::uint16_t port = 0;

  private:
    Bytes answer_to(BytesView question, bool truncate) {
        Bytes answer(question.begin(), question.end());
        answer[2] = truncate ? 0x83 : 0x81;
        answer[3] = 0x80;
        const bool wants_a = question[question.size() - 3] == 1;
        if (wants_a && !truncate) {
            answer[7] = 1;
            const Bytes record = from_hex("c00c0001000100000e1000040a000005");
            answer.insert(answer.end(), record.begin(), record.end());
        }
        return answer;
    }
    void serve() {
        while (!stop_) {
            Bytes buffer(512);
            if (*sys::wait_for(udp_.get(), POLLIN, 10ms)) {
                sockaddr_in from{};
                socklen_t size = sizeof(from);
                const ssize_t count = ::recvfrom(udp_.get(), buffer.data(), buffer.size(), 0,
                                                 reinterpret_cast<sockaddr*>(&from), &size);
                const Bytes answer =
                    answer_to(BytesView(buffer).first(static_cast<std::size_t>(count)), truncate_);
                ::sendto(udp_.get(), answer.data(), answer.size(), 0,
                         reinterpret_cast<sockaddr*>(&from), size);
            }
            if (*sys::wait_for(tcp_.get(), POLLIN, 0ms)) {
                const OwnedFd peer(::accept(tcp_.get(), nullptr, nullptr));
                const auto count = *sys::read(peer.get(), buffer);
                Bytes answer = answer_to(BytesView(buffer).subspan(2, count - 2), false);
                Bytes framed(2);
                store_be(MutableBytesView(framed), static_cast<std::uint16_t>(answer.size()));
                framed.insert(framed.end(), answer.begin(), answer.end());
                EXPECT_TRUE(sys::write_all(peer.get(), framed));
            }
        }
    }

    bool truncate_;
    OwnedFd udp_;
    OwnedFd tcp_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

class Resolve : public ::testing::Test {
  protected:
    Resolve() : directory_(::testing::TempDir() + "resolve_test." + std::to_string(::getpid())) {
        ::mkdir(directory_.c_str(), 0700);
        sources_.hosts = directory_ + "/hosts";
        sources_.resolver_config = directory_ + "/resolv.conf";
    }
    ~Resolve() override {
        ::unlink(sources_.hosts.c_str());
        ::unlink(sources_.resolver_config.c_str());
        ::rmdir(directory_.c_str());
    }
    Result<std::vector<IpAddress>> look_up(const std::string& name) {
        return resolve(name, sources_, std::chrono::steady_clock::now() + time_, cancelled_);
    }

    std::string directory_;
    LookupSources sources_;
    std::chrono::milliseconds time_{5000};
    std::atomic<bool> cancelled_ = false;
};

TEST_F(Resolve, HostsBeforeServers) {
    ASSERT_TRUE(
        write_file_atomic(sources_.hosts, "::7 db.example\n10.0.0.7 db.example\n", 0600, false));
    const auto found = look_up("db.example");
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, (std::vector{address("10.0.0.7"), address("::7")}));
    EXPECT_EQ(look_up("other").error().kind(), ErrorKind::unreachable);
    // A file that would block is no file.
    ::unlink(sources_.hosts.c_str());
    ASSERT_EQ(::mkfifo(sources_.hosts.c_str(), 0600), 0);
    EXPECT_FALSE(look_up("db.example"));
}

TEST_F(Resolve, AsksTheServer) {
    for (const bool truncate : {false, true}) {
        NameServer server(truncate);
        sources_.port = server.port;
        ASSERT_TRUE(write_file_atomic(sources_.resolver_config,
                                      "nameserver 127.0.0.1\nsearch example\n", 0600, false));
        const auto found = look_up("db");
        ASSERT_TRUE(found) << found.error().to_string();
        EXPECT_EQ(*found, std::vector{address("10.0.0.5")});
        EXPECT_EQ(look_up("a..b").error().kind(), ErrorKind::not_found);
    }
}

TEST_F(Resolve, SilentAndAbsentServersAndCancelling) {
    const OwnedFd silent(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in bound{};
    bound.sin_family = AF_INET;
    bound.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(silent.get(), reinterpret_cast<sockaddr*>(&bound), sizeof(bound)), 0);
    socklen_t size = sizeof(bound);
    ::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    sources_.port = ntohs(bound.sin_port);
    ASSERT_TRUE(write_file_atomic(sources_.resolver_config, "nameserver 127.0.0.1\n", 0600, false));
    time_ = 50ms;
    EXPECT_EQ(look_up("db").error().kind(), ErrorKind::unreachable);
    time_ = 60s;
    std::thread canceller([this] {
        std::this_thread::sleep_for(50ms);
        cancelled_ = true;
    });
    EXPECT_EQ(look_up("db").error().kind(), ErrorKind::cancelled);
    canceller.join();
    cancelled_ = false;
    sources_.port = 1; // nobody there: said at once
    EXPECT_EQ(look_up("db").error().kind(), ErrorKind::unreachable);
}

TEST(ResolveAtOnce, TheGuestItself) {
    EXPECT_EQ(resolve_at_once("localhost").size(), 2U);
    EXPECT_EQ(resolve_at_once("x.localhost").size(), 2U);
    EXPECT_EQ(resolve_at_once("").size(), 2U);
    EXPECT_EQ(resolve_at_once("10.0.0.1"), std::vector{address("10.0.0.1")});
    EXPECT_EQ(resolve_at_once("[::1]"), std::vector{address("::1")});
    EXPECT_EQ(resolve_at_once("fe80::1%7"), std::vector{address("fe80::1%7")});
    EXPECT_TRUE(resolve_at_once("[]").empty());
    EXPECT_TRUE(resolve_at_once("db").empty());
}

} // namespace
} // namespace msb::agent
