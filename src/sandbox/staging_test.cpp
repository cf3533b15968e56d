#include "base/file.hpp"
#include "sandbox/staging.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

namespace msb {
namespace {

class StagingTest : public ::testing::Test {
  public:
    StagingTest() {
        std::string name = "/tmp/msb-staging-test-XXXXXX";
        root_ = ::mkdtemp(name.data());
    }
    ~StagingTest() override { (void)remove_tree(root_); }
    StagingTest(const StagingTest&) = delete;
    StagingTest& operator=(const StagingTest&) = delete;

  protected:
    static void put(const Staging& staging, const char* text) {
        ASSERT_TRUE(write_file_atomic(staging.path() + "/file", text));
    }
    std::string content() const { return read_file(root_ + "/a/file").value_or("none"); }

    std::string root_;
};

TEST_F(StagingTest, AppearsWholeAndIsReplacedWhole) {
    {
        Staging first = Staging::begin(root_ + "/a").value();
        put(first, "first");
        EXPECT_EQ(content(), "none");
        EXPECT_EQ(Staging::begin(root_ + "/a").error().kind(), ErrorKind::busy);
        ASSERT_TRUE(first.publish(false));
    }
    EXPECT_EQ(content(), "first");
    Staging second = Staging::begin(root_ + "/a").value();
    put(second, "second");
    EXPECT_EQ(second.publish(false).error().kind(), ErrorKind::already_exists);
    EXPECT_EQ(content(), "first");
    ASSERT_TRUE(second.publish(true));
    EXPECT_EQ(content(), "second");
    EXPECT_FALSE(exists(second.path()));
    ASSERT_TRUE(Staging::remove(root_ + "/a"));
    EXPECT_FALSE(exists(root_ + "/a"));
}

TEST_F(StagingTest, WhatNobodyHoldsIsRubbish) {
    const std::string left = root_ + "/.a.staging";
    ASSERT_TRUE(make_directories(left + "/deep"));
    ASSERT_TRUE(make_directories(root_ + "/.b.staging/deep"));
    ASSERT_TRUE(make_directories(root_ + "/kept"));
    {
        const Staging again = Staging::begin(root_ + "/a").value();
        EXPECT_FALSE(exists(left + "/deep"));
        Staging::sweep(root_);
        EXPECT_TRUE(exists(left));
    }
    EXPECT_FALSE(exists(left));
    EXPECT_FALSE(exists(root_ + "/.b.staging"));
    EXPECT_TRUE(exists(root_ + "/kept"));
}

} // namespace
} // namespace msb
