// File operations against the host's own file system, over a socket pair.
#include "agent/serve/server_testing.hpp"
#include "base/file.hpp"
#include "base/system.hpp"
#include "wire/all_messages.hpp"
#include "wire/flow.hpp"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb::agent {
namespace {

using namespace std::chrono_literals;
using wire::FsOp;

/// What came for one id.
struct Answer {
    std::string data;
    std::size_t frames = 0;
    std::uint64_t granted = 0;
    std::optional<wire::FsResponse> response;
    std::optional<wire::CoreError> error;
    bool ended() const { return response || error; }
};

class FsClient : public ClientConnection {
  public:
    using ClientConnection::ClientConnection;

    std::uint32_t start(FsOp op, bool extended = false, bool flow = false) {
        send(++last_id_, wire::FsRequest{.op = std::move(op), .extended = extended, .flow = flow});
        return last_id_;
    }
    Answer& answer(std::uint32_t id) { return answers_[id]; }
    Answer wait_for(std::uint32_t id) {
        EXPECT_TRUE(until([&] { return answers_[id].ended(); })) << "no answer for " << id;
        return answers_[id];
    }
    wire::FsResponse call(FsOp op, bool extended = false) {
        return wait_for(start(std::move(op), extended)).response.value_or(wire::FsResponse{});
    }
    template <typename T> T get(FsOp op, bool extended = false) {
        auto response = call(std::move(op), extended);
        EXPECT_TRUE(response.ok) << response.error.value_or("");
        return response.data && std::holds_alternative<T>(*response.data)
                   ? std::get<T>(*response.data)
                   : T{};
    }

  private:
    void take(const wire::Frame& frame, const wire::Envelope& envelope) override {
        Answer& answer = answers_[frame.id];
        EXPECT_FALSE(answer.ended()) << "a frame behind the last one";
        ++answer.frames;
        if (envelope.type == wire::FsData::type)
            answer.data += as_text(wire::FsData::decode(envelope.payload)->data);
        else if (envelope.type == wire::FsResponse::type)
            answer.response = *wire::FsResponse::decode(envelope.payload);
        else if (envelope.type == wire::FlowWindow::type)
            answer.granted += wire::FlowWindow::decode(envelope.payload)->bytes;
        else if (envelope.type == wire::CoreError::type)
            answer.error = *wire::CoreError::decode(envelope.payload);
    }

    std::uint32_t last_id_ = 0;
    std::map<std::uint32_t, Answer> answers_;
};

class Files : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "msb-files-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        loop_ = *EventLoop::create();
        Config config;
        config.switch_user = false;
        server_ = *Server::create(*loop_, std::move(config));
    }
    void TearDown() override {
        server_.reset();
        (void)remove_tree(root_);
    }
    std::string at(const std::string& name) const { return root_ + "/" + name; }
    void put(const std::string& name, const std::string& text) {
        ASSERT_TRUE(write_file_atomic(at(name), text, 0644, false));
    }
    static void expect_error(const wire::FsResponse& response, int number, ErrorKind kind) {
        EXPECT_FALSE(response.ok);
        EXPECT_EQ(response.sys_errno, number) << response.error.value_or("");
        EXPECT_EQ(response.kind, to_string(kind)) << response.error.value_or("");
    }

    std::string root_;
    std::unique_ptr<EventLoop> loop_;
    std::unique_ptr<Server> server_;
};

TEST_F(Files, MetadataOperations) {
    FsClient client(*server_);
    put("f", "hello");
    const auto entry = client.get<wire::FsEntry>(wire::FsStat{at("f")});
    EXPECT_EQ(entry.size, 5U);
    EXPECT_EQ(entry.kind, wire::FsEntryKind::file);
    EXPECT_FALSE(entry.inode) << "only for those who ask";
    EXPECT_TRUE(client.get<wire::FsEntry>(wire::FsStat{at("f")}, true).inode);
    EXPECT_TRUE(client.call(wire::FsMkdir{at("a/b/c"), 0700}).ok);
    EXPECT_TRUE(client.call(wire::FsSymlink{"f", at("l")}).ok);
    EXPECT_EQ(client.get<std::string>(wire::FsReadLink{at("l")}), "f");
    EXPECT_EQ(client.get<std::string>(wire::FsRealPath{at("a/../l")}), at("f"));
    EXPECT_TRUE(client.call(wire::FsCopy{at("f"), at("g")}).ok);
    EXPECT_TRUE(client.call(wire::FsRename{at("g"), at("h")}).ok);
    EXPECT_EQ(*read_file(at("h")), "hello");
    EXPECT_TRUE(client.call(wire::FsLink{at("h"), at("i")}).ok);
    EXPECT_TRUE(client.call(wire::FsTruncate{at("i"), 2}).ok);
    EXPECT_EQ(*read_file(at("h")), "he");
    wire::FsAttributes attrs{.mode = 0600, .mtime = 1000, .mtime_nsec = 5};
    EXPECT_TRUE(client.call(wire::FsSetStat{at("h"), true, attrs}).ok);
    EXPECT_EQ(sys::stat(at("h"))->st_mtim.tv_nsec, 5);
    EXPECT_EQ(sys::stat(at("h"))->st_mode & 07777U, 0600U);
    EXPECT_EQ(client.get<std::vector<wire::FsEntry>>(wire::FsList{root_}).size(), 5U);
    EXPECT_GT(client.get<wire::FsSpace>(wire::FsStatFs{root_}).total, 0U);
    EXPECT_TRUE(client.call(wire::FsRemove{at("i")}).ok);
    EXPECT_TRUE(client.call(wire::FsRemoveDir{at("a"), true}).ok);
    EXPECT_FALSE(exists(at("a")));
}

TEST_F(Files, CopiesKeepHoles) {
    FsClient client(*server_);
    const OwnedFd file = *sys::open(at("f"), O_RDWR | O_CREAT, 0640);
    // At both ends and in the middle; data that no buffer ends with; much larger than memory may
    // be.
    const std::string data(300'001, 'd');
    constexpr std::uint64_t first = std::uint64_t{64} << 20;
    constexpr std::uint64_t second = std::uint64_t{2} << 30;
    constexpr std::uint64_t size = std::uint64_t{3} << 30;
    ASSERT_TRUE(sys::pwrite_all(file.get(), as_bytes(data), first));
    ASSERT_TRUE(sys::pwrite_all(file.get(), as_bytes(data), second));
    ASSERT_TRUE(sys::truncate(file.get(), size));
    const auto source = *sys::stat(at("f"));
    if (static_cast<std::uint64_t>(source.st_blocks) * 512 >= first)
        GTEST_SKIP() << "the file system here has no holes";
    put("g", std::string(1000, 'g')); // replaced
    ASSERT_TRUE(client.call(wire::FsCopy{at("f"), at("g")}).ok);
    const auto copy = *sys::stat(at("g"));
    EXPECT_EQ(copy.st_size, source.st_size);
    EXPECT_LE(copy.st_blocks, source.st_blocks);
    const OwnedFd copied = *sys::open(at("g"), O_RDONLY);
    std::string read(data.size() + 2, 'x');
    for (const std::uint64_t at : {first, second}) {
        ASSERT_EQ(::pread(copied.get(), read.data(), read.size(), static_cast<off_t>(at - 1)),
                  static_cast<ssize_t>(read.size()));
        EXPECT_TRUE(read == '\0' + data + '\0');
    }
    // Nothing but a hole; nothing at all; and a file whose size says nothing.
    ASSERT_TRUE(sys::truncate(file.get(), 0));
    ASSERT_TRUE(client.call(wire::FsCopy{at("f"), at("g")}).ok);
    EXPECT_EQ(sys::stat(at("g"))->st_size, 0);
    ASSERT_TRUE(sys::truncate(file.get(), size));
    ASSERT_TRUE(client.call(wire::FsCopy{at("f"), at("g")}).ok);
    EXPECT_EQ(sys::stat(at("g"))->st_size, static_cast<off_t>(size));
    EXPECT_EQ(sys::stat(at("g"))->st_blocks, 0);
    ASSERT_TRUE(client.call(wire::FsCopy{"/proc/self/status", at("g")}).ok);
    EXPECT_TRUE(read_file(at("g"))->starts_with("Name:"));
    if (const std::string online = "/sys/devices/system/cpu/online"; exists(online)) {
        ASSERT_TRUE(client.call(wire::FsCopy{online, at("g")}).ok);
        EXPECT_EQ(*read_file(at("g")), *read_file(online));
    }
}

TEST_F(Files, ErrorsHaveErrnoAndKind) {
    FsClient client(*server_);
    put("f", "x");
    ASSERT_EQ(::symlink("f", at("l").c_str()), 0);
    expect_error(client.call(wire::FsStat{at("none")}), ENOENT, ErrorKind::not_found);
    EXPECT_TRUE(client.call(wire::FsStat{at("none")}).error->starts_with("Stat: "));
    expect_error(client.call(wire::FsList{at("f")}), ENOTDIR, ErrorKind::system);
    expect_error(client.call(wire::FsRemove{root_}), EISDIR, ErrorKind::system);
    expect_error(client.call(wire::FsSymlink{"x", at("f")}), EEXIST, ErrorKind::already_exists);
    expect_error(client.call(wire::FsSetStat{at("l"), false, {.mode = 0600}}), EOPNOTSUPP,
                 ErrorKind::unsupported);
    expect_error(client.call(wire::FsStat{std::string("/\0x", 3)}), EINVAL,
                 ErrorKind::invalid_argument);
    expect_error(client.call(wire::FsOpenFile{root_, {.read = true}}), EISDIR, ErrorKind::system);
    expect_error(client.call(wire::FsOpenFile{at("f"), {}}), EINVAL, ErrorKind::invalid_argument);
    expect_error(client.call(wire::FsRead{99, 0, {}}), EBADF, ErrorKind::system);
    expect_error(client.call(wire::FsCopy{at("f"), at("f")}), EINVAL, ErrorKind::system);
    EXPECT_EQ(*read_file(at("f")), "x");
    expect_error(client.call(wire::FsRemoveDir{at("l"), true}), ENOTDIR, ErrorKind::system);
}

TEST_F(Files, Attributes) {
    FsClient client(*server_);
    put("f", "x");
    if (!client.call(wire::FsSetXattr{at("f"), "user.a", Bytes{1, 0, 2}}).ok)
        GTEST_SKIP() << "no user attributes here";
    EXPECT_EQ(client.get<Bytes>(wire::FsGetXattr{at("f"), "user.a"}), (Bytes{1, 0, 2}));
    EXPECT_EQ(client.get<std::vector<std::string>>(wire::FsListXattr{at("f")}),
              std::vector<std::string>{"user.a"});
    expect_error(client.call(wire::FsSetXattr{at("f"), "user.a", {}, true, true}), EEXIST,
                 ErrorKind::already_exists);
    EXPECT_TRUE(client.call(wire::FsRemoveXattr{at("f"), "user.a"}).ok);
    expect_error(client.call(wire::FsGetXattr{at("f"), "user.a"}), ENODATA, ErrorKind::system);
}

TEST_F(Files, ReadsAndWritesOfAnySize) {
    FsClient client(*server_);
    const std::string text(5'000'001, 'z');
    const auto handle = client.get<std::uint64_t>(
        wire::FsOpenFile{at("big"), {.read = true, .write = true, .create = true}});
    const auto id = client.start(wire::FsWrite{handle, 3, {}});
    for (std::size_t i = 0; i < text.size(); i += 3'000'000) // as the largest published chunk
        client.send(id, wire::FsData{as_bytes(std::string_view(text).substr(i, 3'000'000))});
    client.send(id, wire::FsData{});
    EXPECT_TRUE(client.wait_for(id).response->ok);
    EXPECT_EQ(sys::stat(at("big"))->st_size, 5'000'004);
    EXPECT_EQ(client.wait_for(client.start(wire::FsRead{handle, 3, {}})).data, text);
    EXPECT_EQ(client.wait_for(client.start(wire::FsRead{handle, 0, 7})).data,
              std::string("\0\0\0zzzz", 7));
    EXPECT_EQ(client.wait_for(client.start(wire::FsRead{handle, 1U << 30, {}})).data, "");
    expect_error(client.call(wire::FsRead{handle, UINT64_MAX, {}}), EINVAL,
                 ErrorKind::invalid_argument);
    EXPECT_TRUE(client.call(wire::FsFSync{handle}).ok);
    EXPECT_TRUE(client.call(wire::FsFSetStat{handle, {.size = 1}}).ok);
    EXPECT_EQ(client.get<wire::FsEntry>(wire::FsFStat{handle}).size, 1U);
    EXPECT_TRUE(client.call(wire::FsCloseHandle{handle}).ok);
    expect_error(client.call(wire::FsFStat{handle}), EBADF, ErrorKind::system);
    EXPECT_EQ(server_->activity().activity_counters.fs_bytes, 10'000'009U);
}

TEST_F(Files, AnAnnouncedLengthIsKept) {
    FsClient client(*server_);
    const auto handle =
        client.get<std::uint64_t>(wire::FsOpenFile{at("f"), {.write = true, .create = true}});
    const auto too_much = client.start(wire::FsWrite{handle, 0, 4});
    client.send(too_much, wire::FsData{as_bytes("12345")});
    EXPECT_FALSE(client.wait_for(too_much).response->ok) << "at once, not at the end";
    client.send(too_much, wire::FsData{as_bytes("more")});
    client.send(too_much, wire::FsData{});
    const auto too_little = client.start(wire::FsWrite{handle, 0, 4});
    client.send(too_little, wire::FsData{as_bytes("1")});
    client.send(too_little, wire::FsData{});
    EXPECT_FALSE(client.wait_for(too_little).response->ok);
    client.send(4000, wire::FsData{as_bytes("x")});
    EXPECT_NE(client.wait_for(4000).response->error->find("unknown write session"),
              std::string::npos);
}

TEST_F(Files, DirectoriesInPages) {
    FsClient client(*server_);
    for (int i = 0; i < 300; ++i)
        put("d" + std::to_string(i), "");
    const auto handle = client.get<std::uint64_t>(wire::FsOpenDir{root_});
    std::set<std::string> names;
    std::size_t pages = 0;
    for (;; ++pages) {
        const auto page = client.get<std::vector<wire::FsEntry>>(wire::FsReadDir{handle, {}});
        EXPECT_LE(page.size(), 128U);
        if (page.empty())
            break;
        for (const auto& entry : page)
            names.insert(entry.path);
    }
    EXPECT_EQ(pages, 3U);
    EXPECT_EQ(names.size(), 300U);
    EXPECT_TRUE(names.contains(at("d7")));
}

TEST_F(Files, AListTooLargeForAFrameSaysSo) {
    FsClient client(*server_);
    const std::string long_name(240, 'n');
    for (int i = 0; i < 6300; ++i) {
        const std::string name = at(long_name + std::to_string(i));
        ASSERT_EQ(::symlink("x", name.c_str()), 0);
    }
    const auto response = client.call(wire::FsList{root_});
    expect_error(response, EMSGSIZE, ErrorKind::limit_exceeded);
    EXPECT_NE(response.error->find("ReadDir"), std::string::npos);
}

TEST_F(Files, AFifoKeepsNobody) {
    FsClient client(*server_);
    FsClient other(*server_);
    ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
    put("f", "x");
    expect_error(client.call(wire::FsOpenFile{at("fifo"), {.write = true}}), ENXIO,
                 ErrorKind::system);
    expect_error(client.call(wire::FsCopy{at("fifo"), at("g")}), EINVAL, ErrorKind::system);
    const auto handle =
        client.get<std::uint64_t>(wire::FsOpenFile{at("fifo"), {.read = true, .write = true}});
    const auto id = client.start(wire::FsRead{handle, 0, {}}); // never ends by itself
    EXPECT_TRUE(other.call(wire::FsStat{at("f")}).ok);
    EXPECT_TRUE(client.call(wire::FsStat{at("f")}).ok) << "streams do not hold up their client";
    EXPECT_EQ(server_->activity().active_fs_streams, 1U);
    client.send(id, wire::FsCancel{});
    expect_error(*client.wait_for(id).response, ECANCELED, ErrorKind::cancelled);
    EXPECT_EQ(server_->activity().active_fs_streams, 0U);
    client.send(id, wire::FsCancel{}); // of no effect
    EXPECT_TRUE(client.call(wire::FsStat{at("f")}).ok);
}

TEST_F(Files, AnUploadThatIsStuckHoldsNothingElseUp) {
    FsClient client(*server_);
    ASSERT_EQ(::mkfifo(at("fifo").c_str(), 0600), 0);
    put("f", "x");
    const auto handle =
        client.get<std::uint64_t>(wire::FsOpenFile{at("fifo"), {.read = true, .write = true}});
    const auto id = client.start(wire::FsWrite{handle, 0, {}}, false, true);
    std::uint64_t sent = 0;
    const auto fill_window = [&] {
        for (std::uint64_t window = 0;
             window = wire::initial_window + client.answer(id).granted, sent < window;) {
            const Bytes data(std::min<std::uint64_t>(window - sent, 100'000), 0x55);
            client.send(id, wire::FsData{data});
            sent += data.size();
        }
    };
    ASSERT_TRUE(client.until([&] { return client.answer(id).granted > 0; }));
    fill_window();
    EXPECT_TRUE(client.call(wire::FsStat{at("f")}).ok);
    EXPECT_LT(sent, 2 * wire::ReceiveWindow::size) << "the window is bounded";
    // It goes on as soon as the pipe is read.
    const auto fifo = *sys::open(at("fifo"), O_RDONLY | O_NONBLOCK);
    const std::uint64_t before = sent;
    Bytes buffer(std::size_t{64} << 10);
    EXPECT_TRUE(client.until([&] {
        (void)!::read(fifo.get(), buffer.data(), buffer.size());
        fill_window();
        return sent > before + (4U << 20);
    }));
    client.send(id, wire::FsCancel{});
    expect_error(*client.wait_for(id).response, ECANCELED, ErrorKind::cancelled);
    EXPECT_TRUE(client.call(wire::FsStat{at("f")}).ok);
}

TEST_F(Files, AClientThatDoesNotReadHoldsOnlyItself) {
    FsClient lazy(*server_);
    FsClient busy(*server_);
    put("f", "x");
    const auto handle = lazy.get<std::uint64_t>(wire::FsOpenFile{"/dev/zero", {.read = true}});
    lazy.start(wire::FsRead{handle, 0, {}});
    for (int i = 0; i < 50; ++i)
        lazy.step(false);
    const auto before = server_->activity().activity_counters.fs_bytes;
    for (int i = 0; i < 100; ++i)
        ASSERT_TRUE(busy.call(wire::FsStat{at("f")}).ok);
    EXPECT_LT(server_->activity().activity_counters.fs_bytes, before + (4U << 20));
    lazy.disconnect();
    EXPECT_TRUE(busy.until([&] { return server_->client_count() == 1; }));
    EXPECT_TRUE(busy.until([&] { return !server_->has_file_operations(); }))
        << "the stream of a client that left has ended";
}

TEST_F(Files, HandlesAreBoundedAndEndWithTheirClient) {
    FsClient client(*server_);
    FsClient other(*server_);
    put("f", "x");
    std::vector<std::uint32_t> ids;
    ids.reserve(1025);
    for (int i = 0; i < 1025; ++i)
        ids.push_back(client.start(wire::FsOpenFile{at("f"), {.read = true}}));
    for (int i = 0; i < 1024; ++i)
        ASSERT_TRUE(client.wait_for(ids[static_cast<std::size_t>(i)]).response->ok) << i;
    expect_error(*client.wait_for(ids.back()).response, EMFILE, ErrorKind::limit_exceeded);
    expect_error(other.call(wire::FsFStat{1}), EBADF, ErrorKind::system);
    const auto open_files = [&] {
        int count = 0;
        std::array<char, 4096> target{};
        for (int fd = 0; fd < 2048; ++fd) {
            const std::string link = "/proc/self/fd/" + std::to_string(fd);
            const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
            count += size > 0 &&
                     std::string_view(target.data(), static_cast<std::size_t>(size)) == at("f");
        }
        return count;
    };
    EXPECT_EQ(open_files(), 1024);
    client.disconnect();
    EXPECT_TRUE(other.until([&] { return open_files() == 0; }));
}

TEST_F(Files, OperationsKeepTheirOrder) {
    FsClient client(*server_);
    const auto a = client.start(wire::FsMkdir{at("x/y"), {}});
    const auto b = client.start(wire::FsSymlink{"t", at("x/y/l")});
    const auto c = client.start(wire::FsRename{at("x"), at("z")});
    const auto d = client.start(wire::FsStat{at("z/y/l"), false});
    const auto e = client.start(wire::FsRemoveDir{at("z"), true});
    for (const auto id : {a, b, c, d, e})
        EXPECT_TRUE(client.wait_for(id).response->ok) << id;
}

TEST_F(Files, TreesTravel) {
    FsClient client(*server_);
    ASSERT_TRUE(make_directories(at("src/sub")));
    ASSERT_TRUE(make_directories(at("dst")));
    put("src/a", std::string(700'000, 'a'));
    put("src/sub/b", "b");
    const Answer archive = client.wait_for(client.start(wire::FsReadTree{at("src"), "copy"}));
    ASSERT_TRUE(archive.response->ok) << *archive.response->error;
    const auto id = client.start(wire::FsWriteTree{at("dst"), "copy"});
    client.send(id, wire::FsData{as_bytes(archive.data)});
    client.send(id, wire::FsData{});
    ASSERT_TRUE(client.wait_for(id).response->ok);
    EXPECT_EQ(*read_file(at("dst/copy/sub/b")), "b");
    EXPECT_EQ(read_file(at("dst/copy/a"))->size(), 700'000U);

    // Cut short: nothing is left of it.
    const auto half = client.start(wire::FsWriteTree{at("dst"), {}});
    client.send(half, wire::FsData{BytesView(as_bytes(archive.data)).first(400'000)});
    client.until([&] { return client.unsent() == 0; });
    client.send(half, wire::FsCancel{});
    expect_error(*client.wait_for(half).response, ECANCELED, ErrorKind::cancelled);
    EXPECT_EQ(client.get<std::vector<wire::FsEntry>>(wire::FsList{at("dst")}).size(), 1U);
    const auto refused = client.start(wire::FsWriteTree{at("dst"), "other"});
    client.send(refused, wire::FsData{as_bytes(archive.data)});
    client.send(refused, wire::FsData{});
    EXPECT_FALSE(client.wait_for(refused).response->ok);
}

TEST_F(Files, IdsBelongToOneSession) {
    FsClient client(*server_);
    const auto handle = client.get<std::uint64_t>(wire::FsOpenFile{"/dev/zero", {.read = true}});
    const auto id = client.start(wire::FsWrite{handle, 0, {}});
    client.send(id, wire::FsRequest{wire::FsStat{"/"}});
    client.send(0, wire::FsRequest{wire::FsStat{"/"}});
    EXPECT_TRUE(client.until([&] { return client.answer(0).error.has_value(); }));
    EXPECT_EQ(client.answer(id).error->kind, wire::CoreErrorKind::invalid_session);
}

TEST_F(Files, DeepTreesAreRemovedWithoutFollowingLinks) {
    FsClient client(*server_);
    put("victim", "safe");
    OwnedFd at_level = *sys::open(root_, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 600; ++i) {
        ASSERT_EQ(::mkdirat(at_level.get(), "d", 0700), 0);
        ASSERT_EQ(::symlinkat("/", at_level.get(), ("l" + std::to_string(i)).c_str()), 0);
        at_level = *sys::open_at(at_level.get(), "d", O_RDONLY | O_DIRECTORY);
    }
    const auto response = client.call(wire::FsRemoveDir{at("d"), true});
    EXPECT_TRUE(response.ok) << response.error.value_or("");
    EXPECT_FALSE(exists(at("d")));
    EXPECT_EQ(*read_file(at("victim")), "safe");
}

} // namespace
} // namespace msb::agent
