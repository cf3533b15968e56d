#include "image/collect.hpp"
#include "image/layout.hpp"
#include "image/record.hpp"
#include "image/store.hpp"
#include "image/testing/support.hpp"

namespace msb::image {
namespace {

using testing::TemporaryDirectory;

/// Writes a complete image by hand: two pieces of disk, documents and a record.
class StoreTest : public ::testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(layout.create_directories()); }

    Record add(const std::string& reference, char id, char layer) {
        Record record{.image = {.reference = reference,
                                .manifest_digest = Digest::of(as_bytes(std::string(1, id))),
                                .config_digest = Digest::of(as_bytes(std::string(2, id))),
                                .os = "linux",
                                .architecture = "amd64",
                                .stored_ns = id,
                                .config = {.env = {"A=b"}, .labels = {{"k", "v"}}}},
                      .meta_key = std::string(64, id),
                      .meta_size = 4096};
        record.image.layers.push_back({.diff_id = Digest::of(as_bytes(std::string(3, layer))),
                                       .blob_digest = Digest::of(as_bytes(std::string(4, layer))),
                                       .data_size = 8192});
        const auto write = [](const std::string& path, std::size_t size) {
            EXPECT_TRUE(write_file_atomic(path, std::string(size, 'x')));
        };
        write(layout.meta(record.meta_key), 4096);
        write(layout.blob_data(record.image.layers[0].diff_id), 8192);
        write(layout.blob_index(record.image.layers[0].diff_id), 10);
        write(layout.document(record.image.manifest_digest), 3);
        write(layout.document(record.image.config_digest), 3);
        EXPECT_TRUE(write_record(layout.record(reference), record));
        return record;
    }
    std::size_t blob_files() const { return list_directory(layout.blobs()).size(); }

    TemporaryDirectory home;
    Store store{home.path()};
    Layout layout{home.path()};
    std::string one = "docker.io/library/one:latest", two = "docker.io/library/two:latest";
};

TEST_F(StoreTest, FindsWhatWasWritten) {
    const Record record = add(one, 'a', 'l');
    MSB_ASSERT_OK(image, store.get("one"));
    EXPECT_EQ(image.reference, one);
    EXPECT_EQ(image.config.env, record.image.config.env);
    EXPECT_EQ(image.config.labels, record.image.config.labels);
    ASSERT_EQ(image.disk.size(), 2u);
    EXPECT_EQ(image.disk[0].length, 4096u);
    EXPECT_EQ(image.disk[1].length, 8192u);
    EXPECT_EQ(store.get("unknown").error().kind(), ErrorKind::not_found);
    EXPECT_EQ(store.get("../x").error().kind(), ErrorKind::invalid_argument);
}

TEST_F(StoreTest, AMissingPieceIsDamage) {
    const Record record = add(one, 'a', 'l');
    ASSERT_TRUE(sys::unlink(layout.blob_data(record.image.layers[0].diff_id)));
    const auto image = store.get(one);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().kind(), ErrorKind::corrupt);
    EXPECT_NE(image.error().hint().find("--force"), std::string::npos);
    EXPECT_TRUE(store.list()->empty());
}

TEST_F(StoreTest, ListsNewestFirst) {
    add(one, 'a', 'l');
    add(two, 'b', 'm');
    const auto images = store.list();
    ASSERT_EQ(images->size(), 2u);
    EXPECT_EQ(images->front().reference, two);
}

TEST_F(StoreTest, RemovingKeepsSharedLayers) {
    add(one, 'a', 'l');
    add(two, 'b', 'l');
    ASSERT_TRUE(store.remove("one", nullptr, false));
    EXPECT_EQ(store.get(one).error().kind(), ErrorKind::not_found);
    EXPECT_TRUE(store.get(two));
    EXPECT_EQ(blob_files(), 2u);
    EXPECT_EQ(list_directory(layout.metas()).size(), 1u);
    ASSERT_TRUE(store.remove("two", nullptr, false));
    EXPECT_EQ(blob_files(), 0u);
    EXPECT_TRUE(list_directory(layout.documents()).empty());
    EXPECT_EQ(store.remove("two", nullptr, false).error().kind(), ErrorKind::not_found);
}

TEST_F(StoreTest, WhatASandboxUsesStays) {
    const Record record = add(one, 'a', 'l');
    bool used = true;
    const InUse in_use = [&](const Digest& manifest) {
        return used && manifest == record.image.manifest_digest;
    };
    EXPECT_EQ(store.remove(one, in_use, false).error().kind(), ErrorKind::busy);
    EXPECT_TRUE(store.get(one));
    ASSERT_TRUE(store.remove(one, in_use, true));
    EXPECT_EQ(store.get(one).error().kind(), ErrorKind::not_found);
    EXPECT_TRUE(store.list()->empty());
    EXPECT_EQ(blob_files(), 2u);
    EXPECT_TRUE(store.get_version(one, record.image.manifest_digest));
    EXPECT_FALSE(store.get_version(one, record.image.config_digest));
    used = false;
    EXPECT_GT(*store.collect(in_use), 0u);
    EXPECT_EQ(blob_files(), 0u);
}

TEST_F(StoreTest, CollectionLeavesARunningPullAlone) {
    ASSERT_TRUE(write_file_atomic(layout.temporary() + "/half", "x"));
    {
        const auto lock = layout.lock_store_shared();
        ASSERT_TRUE(lock);
        ASSERT_TRUE(store.collect(nullptr));
        EXPECT_TRUE(exists(layout.temporary() + "/half"));
    }
    ASSERT_TRUE(store.collect(nullptr));
    EXPECT_FALSE(exists(layout.temporary() + "/half"));
}

TEST_F(StoreTest, RecordsOfAnotherVersionAreNotTouched) {
    const Record record = add(one, 'a', 'l');
    std::string text = *read_file(layout.record(one));
    text.replace(text.find("\"schema\": 1"), 11, "\"schema\": 9");
    ASSERT_TRUE(write_file_atomic(layout.record(one), text));
    EXPECT_EQ(store.get(one).error().kind(), ErrorKind::not_found);
    ASSERT_TRUE(store.collect(nullptr));
    EXPECT_EQ(blob_files(), 2u);
}

TEST_F(StoreTest, ABrokenRecordCanBeRemoved) {
    add(one, 'a', 'l');
    ASSERT_TRUE(write_file_atomic(layout.record(one), "{\"schema\": 1"));
    EXPECT_EQ(store.get(one).error().kind(), ErrorKind::corrupt);
    ASSERT_TRUE(store.remove(one, nullptr, false));
    EXPECT_EQ(blob_files(), 0u);
}

TEST_F(StoreTest, NeverPullingNeedsNoHelper) {
    Progress progress;
    Store offline(home.path(), "/nonexistent");
    const auto missing = offline.pull("one", {.policy = PullPolicy::never}, progress);
    EXPECT_EQ(missing.error().kind(), ErrorKind::not_found);
    add(one, 'a', 'l');
    const auto cached = offline.pull("one", {}, progress);
    ASSERT_TRUE(cached);
    EXPECT_TRUE(cached->cached);
}

} // namespace
} // namespace msb::image
