// A guest's arbitrary requests on a small tree with links that lead out of it. What lies outside
// must never change nor be read, every request is answered within its room, and the tables stay
// within their limits.
#include "base/file.hpp"
#include "base/system.hpp"
#include "base/testing/check.hpp"
#include "device/fs/fs.hpp"
#include "virtio/testing/driver.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace msb;
using namespace msb::device;

namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view secret = "what no guest may see";

using msb::testing::check;

struct Tree {
    stdfs::path base;
    stdfs::path shared;

    Tree() {
        std::string pattern = "/dev/shm/msb-fs-fuzz-XXXXXX";
        check(::mkdtemp(pattern.data()) != nullptr);
        base = pattern;
        shared = base / "shared";
        std::atexit([] { stdfs::remove_all(instance().base); });
    }
    static Tree& instance() {
        static Tree tree;
        return tree;
    }
    void make() {
        stdfs::remove_all(shared);
        stdfs::create_directories(shared / "d");
        check(write_file_atomic(base / "secret", secret, 0644, false).has_value());
        check(write_file_atomic(shared / "f", "content", 0644, false).has_value());
        stdfs::create_symlink("../secret", shared / "l");
        stdfs::create_symlink("..", shared / "u");
        check(::mkfifo((shared / "p").c_str(), 0600) == 0);
    }
    void check_outside() {
        check(*read_file(base / "secret") == secret);
        std::size_t entries = 0;
        for (const auto& entry : stdfs::directory_iterator(base)) {
            (void)entry;
            ++entries;
        }
        check(entries == 2);
        struct stat info{};
        check(::stat((base / "secret").c_str(), &info) == 0 && info.st_nlink == 1 &&
              (info.st_mode & 07777) == 0644);
    }
};

std::uint64_t small(FuzzedDataProvider& input) {
    return input.ConsumeProbability<float>() < 0.9f ? input.ConsumeIntegralInRange(0, 12)
                                                    : input.ConsumeIntegral<std::uint64_t>();
}

Bytes make_body(FuzzedDataProvider& input, std::uint32_t opcode) {
    static constexpr const char* names[] = {"f", "d", "l", "u", "p", "a", "b", "..", "../secret"};
    Bytes body;
    const auto fixed = [&](std::size_t words) {
        for (std::size_t i = 0; i < words; ++i) {
            Bytes word(8);
            store_le(word, small(input));
            body.insert(body.end(), word.begin(), word.end());
        }
    };
    const auto name = [&] {
        const std::string_view text = input.PickValueInArray(names);
        body.insert(body.end(), text.begin(), text.end());
        body.push_back(0);
    };
    switch (opcode) {
    case FUSE_LOOKUP:
    case FUSE_UNLINK:
    case FUSE_RMDIR: name(); break;
    case FUSE_RENAME: fixed(1), name(), name(); break;
    case FUSE_RENAME2: fixed(2), name(), name(); break;
    case FUSE_SYMLINK: name(), name(); break;
    case FUSE_LINK:
    case FUSE_MKDIR: fixed(1), name(); break;
    case FUSE_MKNOD:
    case FUSE_CREATE: fixed(2), name(); break;
    case FUSE_SETATTR: fixed(11); break;
    case FUSE_WRITE:
    case FUSE_READ:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS: fixed(5); break;
    default: fixed(input.ConsumeIntegralInRange<std::size_t>(0, 7)); break;
    }
    const auto extra = input.ConsumeRandomLengthString(16);
    body.insert(body.end(), extra.begin(), extra.end());
    return body;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static virtio::testing::Ram ram(8 << 20);
    Tree& tree = Tree::instance();
    tree.make();
    FuzzedDataProvider input(data, size);
    auto files =
        Passthrough::create(*sys::open(tree.shared, O_PATH),
                            {.keep_metadata = input.ConsumeBool(),
                             .mirror_modes = input.ConsumeBool(),
                             .inodes = 8,
                             .descriptors = input.ConsumeIntegralInRange<std::size_t>(0, 3),
                             .handles = 4});
    check(files.has_value());
    Passthrough& served = **files;
    std::vector<Shares::Share> alone;
    alone.push_back({"", std::move(*files)});
    auto device = *Fs::create("fuzz", Shares(std::move(alone)));
    ram.clear();
    virtio::testing::DriverRing ring(ram, 256);
    virtio::Queue queue;
    check(queue.start(ram.memory(), ring.config(), nullptr).has_value());
    device->queue_started(1, queue);
    for (int i = 0; i < 64 && input.remaining_bytes() > 0; ++i) {
        fuse_in_header header{};
        header.opcode = input.ConsumeIntegralInRange<std::uint32_t>(0, 52);
        header.nodeid = small(input);
        header.uid = input.ConsumeIntegralInRange<std::uint32_t>(0, 1000);
        const Bytes body = make_body(input, header.opcode);
        header.len = static_cast<std::uint32_t>(sizeof(header) + body.size());
        Bytes request(sizeof(header));
        std::memcpy(request.data(), &header, sizeof(header));
        request.insert(request.end(), body.begin(), body.end());
        const auto room = input.ConsumeIntegralInRange<std::uint32_t>(0, 8192);
        const std::uint64_t answer = room > 0 ? ram.allocate(room) : 0;
        std::vector<virtio::testing::Buffer> buffers = {
            {ram.store(request), static_cast<std::uint32_t>(request.size())}};
        if (room > 0)
            buffers.push_back({answer, room, true});
        ring.add(buffers, true);
        check(!device->queue_kicked(1));
        const auto used = ring.used();
        check(used && used->length <= room);
        if (used->length > 0) {
            const Bytes seen = ram.load(answer, used->length);
            check(as_text(seen).find(secret) == std::string_view::npos);
        }
        check(served.inodes() <= 8 && served.open_handles() <= 4);
    }
    device.reset();
    tree.check_outside();
    return 0;
}
