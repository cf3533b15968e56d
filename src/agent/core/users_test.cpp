#include "agent/core/users.hpp"
#include "base/file.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace msb::agent {
namespace {

class Users : public ::testing::Test {
  protected:
    Users() {
        std::string name = "/tmp/msb-agent-users-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~Users() override { (void)remove_tree(directory_); }

    void write(const char* name, std::string_view text) {
        ASSERT_TRUE(write_file_atomic(directory_ + "/" + name, text, 0644, false));
    }
    UserError resolve(std::string_view spec, std::size_t scratch_size = 4096) {
        std::vector<char> scratch(scratch_size);
        return resolve_identity(spec, (directory_ + "/passwd").c_str(),
                                (directory_ + "/group").c_str(), scratch, identity_);
    }
    std::string home() const { return {identity_.home.data(), identity_.home_size}; }
    std::vector<std::uint32_t> groups() const {
        return {identity_.groups.begin(),
                identity_.groups.begin() + static_cast<std::ptrdiff_t>(identity_.group_count)};
    }

    std::string directory_;
    Identity identity_;
};

constexpr std::string_view passwd = "root:x:0:0:root:/root:/bin/sh\n"
                                    "# comment:x:5:5::/:\n"
                                    "broken\n"
                                    "big:x:4294967295:1::/:\n"
                                    "app:x:1000:1001:App,,,:/home/app:/bin/sh\n"
                                    "2000:x:7:8::/seven:/bin/sh\n"
                                    "last:x:9:9::/nine";
constexpr std::string_view group = "root:x:0:\n"
                                   "audio:x:29:app,last\n"
                                   "apps:x:1001:\n"
                                   "video:x:44:last,app\n"
                                   "other:x:45:application,ap\n";

TEST_F(Users, NamesNumbersAndGroups) {
    write("passwd", passwd);
    write("group", group);
    EXPECT_EQ(resolve("app"), UserError::none);
    EXPECT_EQ(identity_.uid, 1000U);
    EXPECT_EQ(identity_.gid, 1001U);
    EXPECT_EQ(home(), "/home/app");
    EXPECT_EQ(groups(), (std::vector<std::uint32_t>{29, 44}));

    EXPECT_EQ(resolve("1000"), UserError::none) << "a number finds its entry too";
    EXPECT_EQ(identity_.gid, 1001U);
    EXPECT_EQ(groups().size(), 2U);

    EXPECT_EQ(resolve("app:audio"), UserError::none);
    EXPECT_EQ(identity_.gid, 29U);
    EXPECT_EQ(groups().size(), 0U) << "a group that was asked for is the only one";
    EXPECT_EQ(resolve("app:555"), UserError::none);
    EXPECT_EQ(identity_.gid, 555U);
    EXPECT_EQ(groups().size(), 0U);
    EXPECT_EQ(resolve(":apps"), UserError::none);
    EXPECT_EQ(identity_.uid, 0U);
    EXPECT_EQ(identity_.gid, 1001U);

    EXPECT_EQ(resolve(""), UserError::none);
    EXPECT_EQ(identity_.uid, 0U);
    EXPECT_EQ(home(), "/root");

    EXPECT_EQ(resolve("2000"), UserError::none) << "a name of digits wins over the number";
    EXPECT_EQ(identity_.uid, 7U);
    EXPECT_EQ(resolve("last"), UserError::none) << "the last line needs no newline";
    EXPECT_EQ(home(), "/nine");
}

TEST_F(Users, UnknownNumberIsAllowedUnknownNameIsNot) {
    write("passwd", passwd);
    write("group", group);
    EXPECT_EQ(resolve("4242"), UserError::none);
    EXPECT_EQ(identity_.uid, 4242U);
    EXPECT_EQ(identity_.gid, 0U);
    EXPECT_EQ(groups().size(), 0U);
    EXPECT_EQ(home(), "/");
    EXPECT_EQ(resolve("nobody-here"), UserError::unknown_user);
    EXPECT_EQ(resolve("app:nogroup-here"), UserError::unknown_group);
    EXPECT_EQ(resolve("4294967295"), UserError::unknown_user) << "-1 would mean no change";
}

TEST_F(Users, ImagesWithoutDatabases) {
    EXPECT_EQ(resolve(""), UserError::none);
    EXPECT_EQ(resolve("root"), UserError::none);
    EXPECT_EQ(identity_.uid, 0U);
    EXPECT_EQ(resolve("1000:1000"), UserError::none);
    EXPECT_EQ(identity_.gid, 1000U);
    EXPECT_EQ(resolve("app"), UserError::unknown_user);
}

TEST_F(Users, HostileFiles) {
    // A FIFO must not block, an endless file must end, long lines must not hide later ones.
    ASSERT_EQ(::mkfifo((directory_ + "/passwd").c_str(), 0644), 0);
    EXPECT_EQ(resolve("app"), UserError::unknown_user);
    ASSERT_EQ(::unlink((directory_ + "/passwd").c_str()), 0);
    ASSERT_EQ(::symlink("/dev/zero", (directory_ + "/passwd").c_str()), 0);
    EXPECT_EQ(resolve("app"), UserError::unknown_user);

    write("passwd", std::string(10'000, 'x') + ":x:1:1::/:\n" + std::string(passwd));
    write("group", "huge:x:3:" + std::string(5'000, 'a') + "\n" + std::string(group));
    EXPECT_EQ(resolve("app", 256), UserError::none);
    EXPECT_EQ(identity_.uid, 1000U);
    EXPECT_EQ(groups(), (std::vector<std::uint32_t>{29, 44}));
}

} // namespace
} // namespace msb::agent
