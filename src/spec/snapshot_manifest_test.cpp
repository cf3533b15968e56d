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
