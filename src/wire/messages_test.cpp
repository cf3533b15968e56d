#include "wire/all_messages.hpp"

#include <gtest/gtest.h>
#include <set>

namespace msb::wire {
namespace {

template <typename M> Bytes payload_of(const M& message) {
    Bytes payload;
    cbor::Writer writer(payload);
    message.encode(writer);
    return payload;
}

template <typename M> M round_trip(const M& message) {
    const Bytes frame = encode_message(9, message);
    EXPECT_EQ(load_be<std::uint32_t>(BytesView(frame).first(4)), frame.size() - 4);
    EXPECT_EQ(frame[8], M::flags);
    auto decoded = decode_body<M>(BytesView(frame).subspan(frame_header_size));
    EXPECT_TRUE(decoded) << M::type << ": " << decoded.error().to_string();
    return decoded ? std::move(*decoded) : M{};
}

/// Encodes a CBOR map that a test spells out item by item.
Bytes cbor_of(auto write) {
    Bytes out;
    cbor::Writer writer(out);
    write(writer);
    return out;
}

template <typename... M> void each_default_survives(std::tuple<M...>*) {
    (..., [] {
        const M message{};
        // Two encodings are equal exactly if all members are.
        const Bytes payload = payload_of(message);
        const auto decoded = M::decode(payload);
        ASSERT_TRUE(decoded) << M::type << ": " << decoded.error().to_string();
        EXPECT_EQ(payload_of(*decoded), payload) << M::type;
    }());
}

TEST(Messages, EveryTypeRoundTrips) {
    each_default_survives(static_cast<AllMessages*>(nullptr));
    each_default_survives(static_cast<HostMessages*>(nullptr));
}

TEST(Messages, InventoryIsConsistent) {
    const auto check = []<typename... M>(std::tuple<M...>*) {
        std::set<std::string_view> names = {M::type...};
        EXPECT_EQ(names.size(), sizeof...(M));
        (..., [] { EXPECT_EQ(find_message_type(M::type)->flags, M::flags); }());
    };
    check(static_cast<AllMessages*>(nullptr));
    EXPECT_EQ(find_message_type("core.ping")->min_generation, 6);
    EXPECT_EQ(find_message_type("core.exec.request")->flags, flag_session_start);
    EXPECT_EQ(find_message_type("core.shutdown")->flags, flag_shutdown);
    EXPECT_EQ(find_message_type("core.nothing"), nullptr);
    EXPECT_EQ(find_message_type("host.shutdown"), nullptr) << "not of the agent's protocol";
}

TEST(Messages, ForwardedConnectionsAreAsPublishedUnlessAskedOtherwise) {
    EXPECT_EQ(payload_of(TcpConnect{"db", 80, false, {}}), cbor_of([](cbor::Writer& writer) {
                  writer.map(2);
                  writer.text("host");
                  writer.text("db");
                  writer.text("port");
                  writer.uint(80);
              }));
    EXPECT_EQ(to_hex(payload_of(TcpClose{})), "a0");
    EXPECT_EQ(to_hex(payload_of(TcpFailed{"x", {}, {}})), "a1656572726f726178");
    const TcpConnect asked = round_trip(TcpConnect{"unix:/x", 0, true, 5});
    EXPECT_TRUE(asked.flow);
    EXPECT_EQ(asked.window, 5U);
    EXPECT_TRUE(round_trip(TcpClose{true}).reset);
    const TcpFailed failed = round_trip(TcpFailed{"x", 111, "connect"});
    EXPECT_EQ(failed.sys_errno, 111);
    EXPECT_EQ(failed.stage, "connect");
}

TEST(Messages, ExecRequestRoundTrips) {
    ExecRequest request;
    request.cmd = "/bin/sh";
    request.args = {"-c", "exit 3"};
    request.env = {"A=1", "B="};
    request.user = "nobody:1000";
    request.tty = true;
    request.rows = 50;
    request.rlimits = {{"nofile", 10, UINT64_MAX}};
    const ExecRequest decoded = round_trip(request);
    EXPECT_EQ(decoded.args, request.args);
    EXPECT_EQ(decoded.env, request.env);
    EXPECT_EQ(decoded.user, request.user);
    EXPECT_FALSE(decoded.cwd);
    EXPECT_TRUE(decoded.tty);
    EXPECT_EQ(decoded.rows, 50);
    ASSERT_EQ(decoded.rlimits.size(), 1U);
    EXPECT_EQ(decoded.rlimits[0].hard, UINT64_MAX);
}

TEST(Messages, ExecRequestNeedsOnlyItsCommand) {
    const Bytes payload = cbor_of([](cbor::Writer& w) {
        w.map(3);
        w.text("cwd");
        w.null();
        w.text("from_the_future");
        w.array(2), w.uint(1), w.map(0);
        w.text("cmd");
        w.text("ls");
    });
    const auto request = ExecRequest::decode(payload);
    ASSERT_TRUE(request) << request.error().to_string();
    EXPECT_EQ(request->cmd, "ls");
    EXPECT_EQ(request->rows, 24);
    EXPECT_EQ(request->cols, 80);
    EXPECT_FALSE(ExecRequest::decode(payload_of(Ping{}))) << "cmd is missing";
}

TEST(Messages, NumbersOutOfRangeAreRefused) {
    const Bytes payload = cbor_of([](cbor::Writer& w) {
        w.map(2);
        w.text("rows"), w.uint(65536);
        w.text("cols"), w.uint(80);
    });
    EXPECT_FALSE(ExecResize::decode(payload));
}

TEST(Messages, NormalExitLooksAsItAlwaysDid) {
    EXPECT_EQ(payload_of(ExecExited{3, {}}),
              cbor_of([](cbor::Writer& w) { w.map(1), w.text("code"), w.integer(3); }));
    const ExecExited killed = round_trip(ExecExited{-1, 9});
    EXPECT_EQ(killed.code, -1);
    EXPECT_EQ(killed.signal, 9);
}

TEST(Messages, DataIsAViewUnlessItCameInPieces) {
    const Bytes data(100'000, 7);
    const Bytes frame = encode_message(1, ExecStdout{data});
    const auto decoded = decode_body<ExecStdout>(BytesView(frame).subspan(frame_header_size));
    ASSERT_TRUE(decoded);
    EXPECT_FALSE(decoded->owner);
    EXPECT_TRUE(std::ranges::equal(decoded->data, data));

    Bytes pieces = cbor_of([](cbor::Writer& w) { w.map(1), w.text("data"); });
    const Bytes in_pieces = {0x5f, 0x42, 1, 2, 0x41, 3, 0xff};
    pieces.insert(pieces.end(), in_pieces.begin(), in_pieces.end());
    auto joined = ExecStdin::decode(pieces);
    ASSERT_TRUE(joined);
    pieces.clear();
    EXPECT_EQ(to_hex(joined->data), "010203");
    EXPECT_FALSE(ExecStdin::decode(payload_of(Ping{})));
}

TEST(Messages, ShutdownIsNullForOldPeers) {
    EXPECT_EQ(to_hex(payload_of(Shutdown{})), "f6");
    EXPECT_EQ(round_trip(Shutdown{2500}).grace_ms, 2500U);
    EXPECT_TRUE(Shutdown::decode({}));
}

TEST(Messages, UnknownFailureKindIsOther) {
    const Bytes payload =
        cbor_of([](cbor::Writer& w) { w.map(1), w.text("kind"), w.text("from_the_future"); });
    EXPECT_EQ(ExecFailed::decode(payload)->kind, ExecFailure::other);
    EXPECT_EQ(round_trip(ExecFailed{ExecFailure::bad_cwd, 2, "ENOENT", "m", "cwd"}).kind,
              ExecFailure::bad_cwd);
}

TEST(Messages, FileOperationShapes) {
    FsRequest request{FsStat{"/x", true}};
    EXPECT_EQ(payload_of(request), cbor_of([](cbor::Writer& w) {
                  w.map(1), w.text("op");
                  w.map(1), w.text("Stat");
                  w.map(2), w.text("path"), w.text("/x");
                  w.text("follow_symlink"), w.boolean(true);
              }));
    EXPECT_TRUE(std::holds_alternative<FsStat>(round_trip(request).op));

    FsResponse response{true, std::nullopt, std::uint64_t{7}};
    EXPECT_EQ(payload_of(response), cbor_of([](cbor::Writer& w) {
                  w.map(3), w.text("ok"), w.boolean(true);
                  w.text("error"), w.null();
                  w.text("data"), w.map(1), w.text("Handle"), w.uint(7);
              }));
    EXPECT_EQ(std::get<std::uint64_t>(*round_trip(response).data), 7U);
    const FsResponse list = round_trip(
        FsResponse{true, std::nullopt, std::vector<FsEntry>{{"/a", FsEntryKind::symlink}}});
    EXPECT_EQ(std::get<std::vector<FsEntry>>(*list.data)[0].kind, FsEntryKind::symlink);
}

TEST(Messages, BootstrapRoundTripsAndOmitsWhatIsAbsent) {
    EXPECT_EQ(payload_of(Bootstrap{}), cbor_of([](cbor::Writer& w) {
                  w.map(2);
                  w.text("security_profile"), w.text("default");
                  w.text("ephemeral"), w.boolean(false);
              }));
    Bootstrap bootstrap;
    bootstrap.block_root = BlockRoot{
        .kind = RootKind::oci_erofs,
        .lower = "/dev/vda",
        .upper = RootUpper{.kind = UpperKind::device, .device = "/dev/vdb", .fstype = "ext4"}};
    bootstrap.tmpfs_mounts = {{"/tmp", 128, 01777, {.nosuid = true}}};
    bootstrap.network = Network{
        "eth0", {2, 0, 0, 0, 0, 1}, 1400, Ipv4Network{{10, 0, 0, 2}, 24, {10, 0, 0, 1}, {}}, {}};
    bootstrap.security_profile = SecurityProfile::restricted;
    bootstrap.handoff_init = HandoffInit{"auto", {"--x"}, "/", {{"K", "V"}}};
    bootstrap.entropy = Bytes(64, 1);
    const Bootstrap decoded = round_trip(bootstrap);
    EXPECT_EQ(payload_of(decoded), payload_of(bootstrap));
    EXPECT_EQ(decoded.block_root->upper->device, "/dev/vdb");
    EXPECT_EQ(decoded.network->ipv4->gateway[0], 10);
}

TEST(Messages, UnknownRootKindIsAnError) {
    const Bytes payload = cbor_of([](cbor::Writer& w) {
        w.map(1), w.text("block_root"), w.map(1), w.text("kind"), w.text("nfs");
    });
    const auto decoded = Bootstrap::decode(payload);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().to_string(), "'block_root': 'kind': unknown value 'nfs'");
}

TEST(Messages, ListsAreBounded) {
    Bytes payload = cbor_of([](cbor::Writer& w) {
        w.map(2), w.text("cmd"), w.text("x"), w.text("args"), w.array(1'000'000);
    });
    payload.insert(payload.end(), 1'000'000, 0x60);
    const auto decoded = ExecRequest::decode(payload);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().kind(), ErrorKind::limit_exceeded);
}

} // namespace
} // namespace msb::wire
