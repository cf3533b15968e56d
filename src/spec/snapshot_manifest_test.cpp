#include "base/sha256.hpp"
#include "spec/snapshot_manifest.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

const std::string a_digest = "sha256:" + std::string(64, 'a');

SnapshotManifest example() {
    SnapshotManifest manifest;
    manifest.created_at = "2026-01-02T03:04:05.6Z";
    manifest.image = "docker.io/library/alpine:3.20";
    manifest.image_digest = a_digest;
    manifest.source_sandbox = "web";
    manifest.upper_size = 4096;
    manifest.labels = {{"b", "2"}, {"a", "1"}};
    return manifest;
}

/// The example with one piece of its text replaced.
Result<SnapshotManifest> with(const std::string& piece, const std::string& by) {
    std::string text = example().to_json();
    const auto at = text.find(piece);
    EXPECT_NE(at, std::string::npos) << piece;
    return SnapshotManifest::from_json(text.replace(at, piece.size(), by));
}

TEST(SnapshotManifest, HasOneText) {
    EXPECT_EQ(
        example().to_json(),
        R"({"schema":1,"artifact":"snapshot","scope":"disk","created_at":"2026-01-02T03:04:05.6Z",)"
        R"("parent":null,"image":{"ref":"docker.io/library/alpine:3.20","manifest_digest":")" +
            a_digest +
            R"("},"source_sandbox":"web","state":{"kind":"file","format":"raw","fstype":"ext4",)"
            R"("upper":{"file":"upper.ext4","size_bytes":4096,"integrity":null}},)"
            R"("labels":{"a":"1","b":"2"},"extensions":{},"requires":[]})");
    EXPECT_EQ(example().digest(), "sha256:" + sha256_hex(example().to_json()));
}

TEST(SnapshotManifest, ReadsWhatItWrites) {
    SnapshotManifest manifest = example();
    EXPECT_EQ(SnapshotManifest::from_json(manifest.to_json()).value(), manifest);
    manifest.parent = a_digest;
    manifest.source_sandbox.reset();
    manifest.integrity = {"msb-file-merkle-sha256-v1", std::string(64, '0'), 4096, 65536};
    manifest.extensions = {{"x", {{"z", 1}, {"y", json::array({"ü", nullptr})}}}, {"w", false}};
    manifest.required = {"w", "x"};
    manifest.labels["quote"] = "\"\n";
    const auto read = SnapshotManifest::from_json(manifest.to_json());
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, manifest);
}

SnapshotStorage disk_at(const std::string& guest, const std::string& file) {
    SnapshotStorage disk;
    disk.mount.kind = MountKind::owned;
    disk.mount.guest = guest;
    disk.mount.volume = {.kind = VolumeKind::disk, .size_mib = 200};
    disk.payload = {file, std::uint64_t{200} << 20, {}};
    return disk;
}

SnapshotStorage directory_at(const std::string& guest, const std::string& file) {
    SnapshotStorage directory;
    directory.mount.kind = MountKind::owned;
    directory.mount.guest = guest;
    directory.mount.read_only = true;
    directory.mount.volume = {.kind = VolumeKind::directory};
    directory.payload = {
        file, 1024,
        SnapshotIntegrity{"msb-file-merkle-sha256-v1", std::string(64, '0'), 1024, 65536}};
    return directory;
}

TEST(SnapshotManifest, HasStorage) {
    SnapshotManifest manifest = example();
    manifest.set_flat();
    manifest.set_storage({disk_at("/k", "owned-1.ext4"), directory_at("/o", "owned-2.tar")});
    const auto read = SnapshotManifest::from_json(manifest.to_json());
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, manifest);
    EXPECT_TRUE(read->flat());
    EXPECT_FALSE(read->unknown_requirement());
    const auto storage = read->storage();
    ASSERT_EQ(storage.size(), 2U);
    EXPECT_EQ(storage[1].mount, directory_at("/o", "").mount);
    const auto payloads = read->payloads();
    ASSERT_EQ(payloads.size(), 3U);
    EXPECT_EQ(payloads[0].file, "upper.ext4");
    EXPECT_EQ(payloads[1].size, std::uint64_t{200} << 20);
    EXPECT_TRUE(payloads[2].integrity);
}

TEST(SnapshotManifest, RefusesStorageThatCannotBe) {
    const auto refused = [](const std::vector<SnapshotStorage>& storage) {
        SnapshotManifest manifest = example();
        manifest.set_storage(storage);
        const auto read = SnapshotManifest::from_json(manifest.to_json());
        return !read && read.error().kind() == ErrorKind::corrupt;
    };
    for (const char* file : {"", "../x", "upper.ext4", "snapshot.json", "a/b"})
        EXPECT_TRUE(refused({disk_at("/k", file)})) << file;
    EXPECT_TRUE(refused({disk_at("/k", "a"), disk_at("/o", "a")}));
    EXPECT_TRUE(refused({disk_at("/k", "a"), disk_at("/k", "b")}));
    EXPECT_TRUE(refused({disk_at("k/../..", "a")}));
    SnapshotStorage odd = disk_at("/k", "a");
    odd.payload.size += 1;
    EXPECT_TRUE(refused({odd}));
    odd = disk_at("/k", "a");
    odd.mount.kind = MountKind::bind;
    odd.mount.source = "/etc";
    EXPECT_TRUE(refused({odd}));
    odd = directory_at("/o", "a");
    odd.payload.size = 0;
    EXPECT_TRUE(refused({odd}));
    std::vector<SnapshotStorage> many;
    for (std::size_t i = 0; i <= max_mounts; ++i)
        many.push_back(disk_at("/k" + std::to_string(i), "f" + std::to_string(i)));
    EXPECT_TRUE(refused(many));
}

TEST(SnapshotManifest, RefusesEveryOtherText) {
    for (const auto& [piece, by] : std::initializer_list<std::pair<const char*, const char*>>{
             {"{\"schema\"", "{ \"schema\""},
             {"\"scope\":\"disk\"", "\"scope\":\"disk\",\"scope\":\"disk\""},
             {"\"requires\":[]", "\"requires\":[],\"more\":1"},
             {"\"kind\":\"file\"", "\"kind\":\"file\",\"more\":1"},
             {"\"schema\":1", "\"schema\":\"1\""},
             {"\"schema\":1", "\"schema\":1.0"},
             {"\"size_bytes\":4096", "\"size_bytes\":0"},
             {"\"size_bytes\":4096", "\"size_bytes\":9007199254740992"},
             {"\"size_bytes\":4096", "\"size_bytes\":-1"},
             {"05.6Z", "05.60Z"},
             {"05.6Z", "05.6+00:00"},
             {"sha256:aa", "sha256:AA"},
             {"\"parent\":null,", ""},
             {"\"parent\":null", "\"parent\":\"x\""},
             {"\"a\":\"1\",\"b\":\"2\"", "\"b\":\"2\",\"a\":\"1\""},
             {"\"a\":\"1\"", "\"a\":1"},
             {"\"requires\":[]", "\"requires\":[\"x\"]"},
             {"\"extensions\":{}", "\"extensions\":[]"},
             {"\"upper.ext4\"", "\"../upper.ext4\""},
             {"\"upper.ext4\"", "\"snapshot.json\""},
             {"\"upper.ext4\"", "\"\""},
             {"\"integrity\":null", "\"integrity\":{}"},
             {"\"snapshot\"", "\"image\""},
         })
        EXPECT_EQ(with(piece, by).error().kind(), ErrorKind::corrupt) << by;
    EXPECT_FALSE(SnapshotManifest::from_json(""));
    EXPECT_FALSE(SnapshotManifest::from_json("[]"));
    EXPECT_FALSE(SnapshotManifest::from_json(example().to_json() + "\n"));
}

TEST(SnapshotManifest, SaysWhatIsOfAnotherKind) {
    for (const auto& [piece, by] : std::initializer_list<std::pair<const char*, const char*>>{
             {"\"schema\":1", "\"schema\":2"},
             {"\"disk\"", "\"resumable\""},
             {"\"kind\":\"file\"", "\"kind\":\"checkpoint\""},
             {"\"raw\"", "\"qcow2\""},
             {"\"fstype\":\"ext4\"", "\"fstype\":\"xfs\""},
         })
        EXPECT_EQ(with(piece, by).error().kind(), ErrorKind::unsupported) << by;
}

TEST(SnapshotManifest, TimesAndNames) {
    EXPECT_EQ(snapshot_time(0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(snapshot_time(1'500'000'000), "1970-01-01T00:00:01.5Z");
    EXPECT_TRUE(validate_snapshot_name("a b-c_ü.1"));
    for (const char* name : {"", ".x", "~x", "a/b", "a\\b", "a:b", "a\nb", "\xff"})
        EXPECT_FALSE(validate_snapshot_name(name)) << name;
    EXPECT_FALSE(validate_snapshot_name(std::string(129, 'a')));
}

} // namespace
} // namespace msb
