#include "ssh/job.hpp"
#include "ssh/keys.hpp"

#include <gtest/gtest.h>

namespace msb::ssh {
namespace {

constexpr const char* blob = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0rm6dVSgrPmyDpwg5BbRZqfEyIq2sBrOiyRCVw9wB4";

TEST(PublicKey, IsALineOfTypeAndBytes) {
    const auto key =
        parse_public_key("  ssh-ed25519 " + std::string(blob) + "  me@here and more\r\n");
    ASSERT_TRUE(key);
    EXPECT_EQ(key->type, "ssh-ed25519");
    EXPECT_EQ(key->blob, blob);
    EXPECT_EQ(key->comment, "me@here and more");
    const auto bare = parse_public_key(blob);
    ASSERT_TRUE(bare);
    EXPECT_EQ(bare->to_string(), key->to_string());
}

TEST(PublicKey, OthersAreRefused) {
    for (const std::string& line :
         {std::string(), std::string("ssh-ed25519"), std::string("ssh-ed25519 AAAA"),
          "ssh-rsa " + std::string(blob), "command=\"x\" ssh-ed25519 " + std::string(blob),
          std::string("-----BEGIN OPENSSH PRIVATE KEY-----"),
          std::string(blob) + "\nssh-ed25519 " + blob})
        EXPECT_FALSE(parse_public_key(line)) << line;
}

TEST(PublicKey, FilesHaveCommentsAndLinesThatAreNoKeys) {
    std::size_t unreadable = 0;
    const auto keys = parse_authorized_keys(
        "# mine\n\nssh-ed25519 " + std::string(blob) + " a\nnonsense\n" + blob, unreadable);
    EXPECT_EQ(keys.size(), 2U);
    EXPECT_EQ(unreadable, 1U);
}

TEST(Job, SurvivesTheWay) {
    const Job job{.host_key = "key\n",
                  .authorized = {"ssh-ed25519 AAAA"},
                  .env = {"A=\xff", "B="},
                  .shell = "/bin/sh",
                  .workdir = "/srv",
                  .inactivity_ms = 7};
    const auto read = Job::from_json(job.to_json());
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(read->host_key, job.host_key);
    EXPECT_EQ(read->authorized, job.authorized);
    EXPECT_EQ(read->env, job.env);
    EXPECT_EQ(read->workdir, "/srv");
    EXPECT_EQ(read->inactivity_ms, 7U);
    EXPECT_FALSE(Job::from_json("{}"));
}

} // namespace
} // namespace msb::ssh
