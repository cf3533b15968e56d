#include "archive/checksum.hpp"
#include "archive/disk_data.hpp"
#include "archive/reader.hpp"
#include "archive/writer.hpp"
#include "base/system.hpp"
#include "disk/ext4_options.hpp"

#include <gtest/gtest.h>

namespace msb::archive {
namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;
const std::string a_digest = "sha256:" + std::string(64, 'a');

class StringSink : public Sink {
  public:
    Status write(BytesView data) override { return text += as_text(data), Status(); }
    std::string text;
};

OwnedFd make_disk(std::uint64_t size, const std::map<std::uint64_t, std::string>& content) {
    OwnedFd disk = sys::memfd("disk").value();
    EXPECT_TRUE(sys::truncate(disk.get(), size));
    for (const auto& [offset, text] : content)
        EXPECT_TRUE(sys::pwrite_all(disk.get(), as_bytes(text), offset));
    return disk;
}

std::string text_at(const OwnedFd& disk, std::uint64_t offset, std::size_t size) {
    std::string text(size, '\0');
    EXPECT_TRUE(sys::pread_all(
        disk.get(), {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, offset));
    return text;
}

SnapshotItem item_of(const std::string& name, std::uint64_t size) {
    SnapshotItem item{.name = name};
    item.manifest.created_at = "2026-01-02T03:04:05Z";
    item.manifest.image = "docker.io/library/alpine:3.20";
    item.manifest.image_digest = a_digest;
    item.manifest.upper_size = size;
    return item;
}

Contents contents_of(OwnedFd disk, std::uint64_t size, int base = -1) {
    Contents contents;
    SnapshotItem item = item_of("one", size);
    Payload payload{std::move(disk), size, {}};
    payload.extents = differences(payload.file.get(), base, size).value();
    item.data_bytes = sum_of(payload.extents);
    if (base >= 0)
        item.changes = {a_digest, std::string(64, 'b')};
    contents.inventory.snapshots.push_back(std::move(item));
    contents.files.push_back(std::move(payload));
    return contents;
}

std::string archive_of(const Contents& contents, bool compressed = false) {
    StringSink sink;
    const Advance nobody = [](std::uint64_t) { return Status(); };
    if (!compressed) {
        EXPECT_TRUE(write_archive(contents, sink, nobody));
        return sink.text;
    }
    const auto zstd = ZstdSink::create(sink).value();
    EXPECT_TRUE(write_archive(contents, *zstd, nobody));
    EXPECT_TRUE(zstd->finish());
    return sink.text;
}

Status unpack_text(const std::string& text, const OwnedFd& disk) {
    image::MemorySource first(as_bytes(text));
    const Inventory inventory = MSB_TRY(read_inventory(first));
    image::MemorySource second(as_bytes(text));
    MSB_TRY(unpack(second, inventory,
                   {.files = {{disk.get(), inventory.head().changes.has_value()}}, .layers = {}},
                   nullptr));
    return {};
}

TEST(Differences, AreFoundByContent) {
    const OwnedFd disk =
        make_disk(10 * mib, {{0, "a"}, {2 * mib + 5, "b"}, {9 * mib, std::string(kib, '\0')}});
    const auto found = differences(disk.get(), -1, 10 * mib).value();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].offset, 0U);
    EXPECT_EQ(found[0].length, 64 * kib);
    EXPECT_EQ(found[1].offset, 2 * mib);
    EXPECT_EQ(sum_of(found), 128 * kib);
}

TEST(Differences, SeeWhatBecameZero) {
    const OwnedFd base = make_disk(4 * mib, {{mib, "gone"}, {3 * mib, "same"}});
    const OwnedFd disk = make_disk(8 * mib, {{3 * mib, "same"}, {7 * mib, "new"}});
    const auto found = differences(disk.get(), base.get(), 8 * mib).value();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].offset, mib);
    EXPECT_EQ(found[1].offset, 7 * mib);
    EXPECT_TRUE(differences(disk.get(), disk.get(), 8 * mib)->empty());
}

TEST(Archive, CarriesADisk) {
    constexpr std::uint64_t size = disk::min_size;
    const auto make = [] {
        return make_disk(size, {{0, "begin"}, {5 * mib, std::string(mib, 'x')}, {size - 3, "end"}});
    };
    for (const bool compressed : {false, true}) {
        const std::string text = archive_of(contents_of(make(), size), compressed);
        EXPECT_EQ(text, archive_of(contents_of(make(), size), compressed));
        const OwnedFd out = make_disk(0, {});
        const Status done = unpack_text(text, out);
        ASSERT_TRUE(done) << done.error().to_string();
        EXPECT_TRUE(differences(out.get(), make().get(), size)->empty());
        EXPECT_EQ(text_at(out, size - 3, 3), "end");
    }
}

TEST(Archive, CarriesChanges) {
    constexpr std::uint64_t size = disk::min_size;
    const OwnedFd base = make_disk(size / 2, {{0, "begin"}, {5 * mib, "old"}});
    const auto text = archive_of(
        contents_of(make_disk(size, {{0, "begin"}, {size - 3, "end"}}), size, base.get()));
    const OwnedFd out = make_disk(size / 2, {{0, "begin"}, {5 * mib, "old"}});
    ASSERT_TRUE(unpack_text(text, out));
    EXPECT_TRUE(
        differences(out.get(), make_disk(size, {{0, "begin"}, {size - 3, "end"}}).get(), size)
            ->empty());
}

TEST(Archive, EveryDamageIsFound) {
    constexpr std::uint64_t size = disk::min_size;
    for (const bool compressed : {false, true}) {
        const std::string good = archive_of(
            contents_of(make_disk(size, {{0, "begin"}, {mib, "more"}}), size), compressed);
        const OwnedFd out = make_disk(0, {});
        for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 97) {
            EXPECT_FALSE(unpack_text(good.substr(0, at), out)) << "cut at " << at;
        }
        // Not every byte of a header, nor padding, has a meaning; a disk's content has.
        const std::size_t content = good.find("begin");
        if (content != std::string::npos) {
            std::string bad = good;
            bad[content] ^= 1;
            EXPECT_FALSE(unpack_text(bad, out));
        }
        // Nothing is looked for behind the end of a tar.
        EXPECT_EQ(unpack_text(good + std::string(512, 'x') + good, out).has_value(), !compressed);
    }
}

TEST(Inventory, RefusesWhatNoArchiveHas) {
    Inventory inventory;
    EXPECT_FALSE(Inventory::from_json(inventory.to_json())); // nothing in it
    inventory.snapshots.push_back(item_of("one", disk::min_size));
    ASSERT_TRUE(Inventory::from_json(inventory.to_json()));
    EXPECT_EQ(Inventory::from_json(inventory.to_json()), inventory);
    for (const char* name : {"", "../up", "a/b", ".hidden", "new\nline"}) {
        Inventory other = inventory;
        other.snapshots[0].name = name;
        EXPECT_FALSE(Inventory::from_json(other.to_json())) << name;
    }
    std::string not_utf8 = inventory.to_json();
    not_utf8.replace(not_utf8.find("\"one\""), 5, "\"on\xff\"");
    EXPECT_FALSE(Inventory::from_json(not_utf8));
    Inventory loop = inventory;
    loop.snapshots.push_back(item_of("two", disk::min_size));
    EXPECT_FALSE(Inventory::from_json(loop.to_json())); // does not come from the first
    loop.snapshots[1].manifest.parent = loop.snapshots[0].manifest.digest();
    EXPECT_TRUE(Inventory::from_json(loop.to_json()));
    Inventory huge = inventory;
    huge.snapshots[0].manifest.upper_size = disk::max_size + 1;
    EXPECT_FALSE(Inventory::from_json(huge.to_json()));
    huge.snapshots[0] = item_of("one", disk::min_size);
    huge.snapshots[0].data_bytes = disk::min_size + 1;
    EXPECT_FALSE(Inventory::from_json(huge.to_json()));
}

} // namespace
} // namespace msb::archive
