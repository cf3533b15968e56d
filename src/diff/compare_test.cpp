// Disks with what the overlay of a guest's kernel leaves on them, against each other and against an image.
#include "base/made_mark.hpp"
#include "base/sizes.hpp"
#include "diff/compare.hpp"
#include "disk/format.hpp"
#include "disk/tree_writer.hpp"
#include "image/testing/support.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace msb::diff {
namespace {

using disk::Attributes;
using disk::TreeWriter;
using image::testing::TarBuilder;
using image::testing::TemporaryDirectory;

/// A disk in the making.
class Disk {
  public:
    Disk() {
        EXPECT_TRUE(disk::format_disk(path(), {.size = 128 * mib, .journal = false}));
        file_ = sys::open(path(), O_RDWR).value();
        fs_.emplace(disk::FileSystem::open(file_.get(), true).value());
        writer_.emplace(*fs_);
        places_[""] = writer_->find(TreeWriter::root, "upper").value().value();
    }

    Disk& directory(const std::string& path, std::uint32_t mode = 0755) {
        places_[path] = writer_->make_directory(above(path), name(path), {.mode = mode}).value();
        return *this;
    }
    Disk& file(const std::string& path, const std::string& content, std::uint32_t mode = 0644) {
        places_[path] =
            writer_->make_file(above(path), name(path), {.mode = mode, .mtime = 7}).value();
        auto data = disk::FileWriter::open(*fs_, places_[path]).value();
        EXPECT_TRUE(data.write(0, as_bytes(content)));
        EXPECT_TRUE(data.finish(content.size()));
        return *this;
    }
    Disk& link(const std::string& path, const std::string& target) {
        places_[path] = writer_->make_link(above(path), name(path), target, {}).value();
        return *this;
    }
    Disk& whiteout(const std::string& path) {
        EXPECT_TRUE(writer_->make_whiteout(above(path), name(path)));
        return *this;
    }
    Disk& attribute(const std::string& path, const std::string& key, const std::string& value) {
        EXPECT_TRUE(writer_->set_xattr(places_.at(path), key, value));
        return *this;
    }
    /// As the agent does with what it makes.
    Disk& mark(const std::string& path) {
        const Attributes found = writer_->look(places_.at(path)).value();
        struct stat info{};
        info.st_mode = found.mode;
        info.st_size = static_cast<off_t>(found.size);
        info.st_mtim.tv_sec = found.mtime;
        info.st_mtim.tv_nsec = found.mtime_nsec;
        return attribute(path, made_mark, made_value(info));
    }

    Upper finish() {
        EXPECT_TRUE(fs_->close());
        return Upper::open(file_.get()).value();
    }

  private:
    std::string path() const { return directory_.path() + "/disk"; }
    TreeWriter::Inode above(const std::string& path) {
        return places_.at(path.substr(0, path.rfind('/')));
    }
    static std::string name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

    TemporaryDirectory directory_;
    OwnedFd file_;
    std::optional<disk::FileSystem> fs_;
    std::optional<TreeWriter> writer_;
    std::map<std::string, TreeWriter::Inode> places_;
};

/// A line a change: "C /path f 3 4".
std::string text_of(const Result<std::vector<Change>>& changes) {
    if (!changes)
        return changes.error().to_string();
    std::string text;
    const auto size = [](std::optional<std::uint64_t> bytes) {
        return " " + (bytes ? std::to_string(*bytes) : "-");
    };
    for (const Change& change : *changes)
        text += std::string(change.kind == Change::Kind::added     ? "A "
                            : change.kind == Change::Kind::removed ? "D "
                                                                   : "C ") +
                change.path + " " + change.type + size(change.size_before) +
                size(change.size_after) + "\n";
    return text;
}

std::string against(const TarBuilder& image, Disk& disk) {
    const auto device = image::testing::build_device({image.finish()});
    EXPECT_TRUE(device);
    const image::ErofsReader reader(
        [&](std::uint64_t offset, MutableBytesView buffer) -> Status {
            std::ranges::copy(BytesView(device->bytes).subspan(offset, buffer.size()),
                              buffer.begin());
            return {};
        },
        device->bytes.size());
    return text_of(compare(reader, disk.finish()));
}

TEST(DiffWithImage, CopiesThatAreTheSameAreNotListed) {
    TarBuilder image;
    image.directory("etc")
        .file("etc/same", "same")
        .file("etc/data", "data")
        .file("etc/mode", "mode");
    image.file("etc/size", "1").symlink("etc/link", "a").symlink("etc/other", "a").file("unseen");
    Disk disk;
    disk.directory("/etc").file("/etc/same", "same").file("/etc/data", "atad");
    disk.file("/etc/mode", "mode", 0600).file("/etc/size", "123").link("/etc/link", "a");
    disk.link("/etc/other", "b").file("/new", "12345").directory("/dir").file("/dir/x", "");
    EXPECT_EQ(against(image, disk), "A /dir d - -\n"
                                    "A /dir/x f - 0\n"
                                    "C /etc/data f 4 4\n"
                                    "C /etc/mode f 4 4\n"
                                    "C /etc/other l - -\n"
                                    "C /etc/size f 1 3\n"
                                    "A /new f - 5\n");
}

TEST(DiffWithImage, WhatIsGone) {
    TarBuilder image;
    image.file("file", "123")
        .directory("dir")
        .file("dir/below", "x")
        .file("again/a")
        .file("again/b", "b");
    image.file("becomes", "x");
    Disk disk;
    disk.whiteout("/file").whiteout("/dir").whiteout("/never").directory("/again");
    disk.attribute("/again", "trusted.overlay.opaque", "y").file("/again/b", "b");
    disk.directory("/becomes").file("/becomes/c", "c");
    EXPECT_EQ(against(image, disk), "D /again/a f 0 -\n"
                                    "C /becomes d 1 -\n"
                                    "A /becomes/c f - 1\n"
                                    "D /dir d - -\n"
                                    "D /file f 3 -\n");
}

TEST(DiffWithImage, WhatWasRenamed) {
    TarBuilder image;
    image.directory("old").file("old/kept", "k").file("old/changed", "1").file("chmod", "data");
    image.file("data", "1234");
    Disk disk;
    disk.whiteout("/old").directory("/new").attribute("/new", "trusted.overlay.redirect", "/old");
    disk.file("/new/changed", "2").file("/chmod", "zzzz", 0600);
    disk.attribute("/chmod", "trusted.overlay.metacopy", "");
    disk.file("/moved", "1234").attribute("/moved", "trusted.overlay.metacopy", "");
    disk.attribute("/moved", "trusted.overlay.redirect", "/data").whiteout("/data");
    EXPECT_EQ(against(image, disk), "C /chmod f 4 4\n"
                                    "D /data f 4 -\n"
                                    "A /moved f - 4\n"
                                    "A /new d - -\n"
                                    "C /new/changed f 1 1\n"
                                    "D /old d - -\n");
}

TEST(DiffWithImage, WhatTheAgentMadeIsNotListed) {
    TarBuilder image;
    image.directory("etc")
        .file("etc/hostname", "image")
        .directory("tmp", 0700)
        .file("bin/tool", "x");
    Disk disk;
    disk.directory("/etc").file("/etc/hostname", "box\n").mark("/etc/hostname");
    disk.file("/etc/hosts", "127.0.0.1 localhost\n").mark("/etc/hosts");
    disk.directory("/.msb").mark("/.msb").directory("/tmp", 01777).mark("/tmp").file("/tmp/x", "1");
    disk.file("/mounted", "").mark("/mounted");
    EXPECT_EQ(against(image, disk), "A /tmp/x f - 1\n");
}

TEST(DiffWithImage, AMarkHidesNothingElse) {
    TarBuilder image;
    image.directory("etc").file("bin/tool", "x");
    Disk disk;
    disk.directory("/etc").file("/etc/hosts", "127.0.0.1").mark("/etc/hosts");
    disk.attribute("/etc/hosts", made_mark, "33188 0 0 9 8.0"); // changed since
    disk.directory("/bin").file("/bin/tool", "y").mark("/bin/tool");
    EXPECT_EQ(against(image, disk), "C /bin/tool f 1 1\nA /etc/hosts f - 9\n");
}

TEST(DiffWithDisk, EachKindOfChange) {
    Disk before;
    before.file("/same", "1")
        .file("/data", "1")
        .file("/grown", "1")
        .file("/gone", "1")
        .whiteout("/back");
    before.link("/link", "a").directory("/dir").file("/hidden", "1").file("/etc", "");
    Disk after;
    after.file("/same", "1")
        .file("/data", "2")
        .file("/grown", "12")
        .whiteout("/away")
        .file("/back", "1");
    after.link("/link", "b").directory("/dir", 0700).whiteout("/hidden").file("/new", "1");
    after.file("/etc", "").file("/copied", "1");
    after.attribute("/copied", "trusted.overlay.origin", "x").directory("/merged");
    after.attribute("/merged", "trusted.overlay.origin", "x").directory("/.msb").mark("/.msb");
    EXPECT_EQ(text_of(compare(before.finish(), after.finish())), "D /away o - -\n"
                                                                 "A /back f - 1\n"
                                                                 "C /copied f - 1\n"
                                                                 "C /data f 1 1\n"
                                                                 "C /dir d - -\n"
                                                                 "D /gone f 1 -\n"
                                                                 "C /grown f 1 2\n"
                                                                 "D /hidden f 1 -\n"
                                                                 "C /link l - -\n"
                                                                 "A /new f - 1\n");
}

TEST(DiffWithDisk, WhatIsNoDiskIsRefused) {
    const OwnedFd file = sys::memfd("disk").value();
    ASSERT_TRUE(sys::truncate(file.get(), 1 * mib));
    const auto opened = Upper::open(file.get());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind(), ErrorKind::corrupt);
}

} // namespace
} // namespace msb::diff
