// A share and its guest, without virtqueues, for the tests of this folder.
#pragma once

#include "base/file.hpp"
#include "base/system.hpp"
#include "device/fs/fs.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace msb::device {

namespace stdfs = std::filesystem;

/// A directory of the host, shared, beside one that is not.
struct FsTest : public ::testing::Test {
    stdfs::path base;
    stdfs::path shared;
    std::unique_ptr<Passthrough> files;
    FuseReply reply;
    fuse_in_header header{};
    bool xattrs = false;

    void SetUp() override {
        std::string pattern = stdfs::temp_directory_path() / "msb-fs-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        base = pattern;
        shared = base / "shared";
        stdfs::create_directory(shared);
        ASSERT_TRUE(write_file_atomic(base / "secret", "secret"));
        xattrs = ::setxattr(shared.c_str(), "user.probe", "1", 1, 0) == 0;
        share({});
    }
    void TearDown() override {
        files.reset();
        stdfs::remove_all(base);
    }
    void share(Passthrough::Options options) {
        const std::string source = options.file_name.empty() ? shared : shared / "data";
        auto made = Passthrough::create(*sys::open(source, O_PATH), std::move(options));
        ASSERT_TRUE(made) << made.error().to_string();
        files = std::move(*made);
    }

    int run(std::uint64_t node, const fuse::Operation& operation) {
        header.nodeid = node;
        reply.body.clear();
        reply.sent = 0;
        return files->handle(header, operation, reply);
    }
    template <typename T> T answer() {
        T value{};
        EXPECT_GE(reply.body.size(), sizeof(T));
        std::memcpy(&value, reply.body.data(), std::min(sizeof(T), reply.body.size()));
        return value;
    }
    fuse_entry_out look(std::string_view name, std::uint64_t parent = 1) {
        EXPECT_EQ(run(parent, fuse::Lookup{name}), 0) << name;
        return answer<fuse_entry_out>();
    }
    fuse_entry_out create(std::string_view name, std::uint32_t mode = 0644,
                          std::uint64_t* handle = nullptr) {
        EXPECT_EQ(run(1, fuse::Create{O_RDWR, mode, false, name}), 0) << name;
        fuse_open_out open{};
        std::memcpy(&open, reply.body.data() + sizeof(fuse_entry_out), sizeof(open));
        if (handle != nullptr)
            *handle = open.fh;
        return answer<fuse_entry_out>();
    }
    std::uint64_t open(std::uint64_t node, std::uint32_t flags, bool directory = false) {
        EXPECT_EQ(run(node, fuse::Open{flags, false, directory}), 0);
        return answer<fuse_open_out>().fh;
    }
    int write(std::uint64_t handle, std::string text, std::uint64_t offset, std::uint32_t flags = 0,
              std::uint64_t node = 1) {
        const iovec piece{text.data(), text.size()};
        reply.in = virtio::Cursor({&piece, 1});
        return run(node, fuse::Write{handle, offset, static_cast<std::uint32_t>(text.size()), flags,
                                     false});
    }
    std::string read(std::uint64_t handle, std::uint64_t offset = 0) {
        std::string text(4096, '\0');
        const iovec piece{text.data(), text.size()};
        reply.out = virtio::Cursor({&piece, 1});
        EXPECT_EQ(run(1, fuse::Read{handle, offset, 4096}), 0);
        text.resize(reply.sent);
        return text;
    }
    std::vector<std::string> list(std::uint64_t node, std::uint32_t size, bool plus) {
        const std::uint64_t handle = open(node, 0, true);
        std::vector<std::string> names;
        std::string room(1 << 20, '\0');
        for (std::uint64_t offset = 0;;) {
            const iovec piece{room.data(), room.size()};
            reply.out = virtio::Cursor({&piece, 1});
            EXPECT_EQ(run(node, fuse::ReadDirectory{handle, offset, size, plus}), 0);
            if (reply.body.empty())
                break;
            for (std::size_t at = 0; at < reply.body.size();) {
                const std::size_t start = at + (plus ? sizeof(fuse_entry_out) : 0);
                fuse_dirent entry{};
                std::memcpy(&entry, reply.body.data() + start, FUSE_NAME_OFFSET);
                names.emplace_back(reinterpret_cast<const char*>(reply.body.data()) + start +
                                       FUSE_NAME_OFFSET,
                                   entry.namelen);
                offset = entry.off;
                at = align_up<std::size_t>(start + FUSE_NAME_OFFSET + entry.namelen, 8);
            }
        }
        EXPECT_EQ(run(node, fuse::Release{handle, true}), 0);
        std::ranges::sort(names);
        return names;
    }
};

inline std::string on_host(const stdfs::path& path) {
    return read_file(path).value_or("?");
}

} // namespace msb::device
