#include "image/reference.hpp"

#include <gtest/gtest.h>

namespace msb::image {
namespace {

const std::string hex(64, 'a');

std::string normalised(std::string_view text) {
    const auto reference = Reference::parse(text);
    return reference ? reference->to_string() : "error: " + reference.error().to_string();
}

TEST(Reference, NormalisesAsDockerDoes) {
    EXPECT_EQ(normalised("alpine"), "docker.io/library/alpine:latest");
    EXPECT_EQ(normalised("alpine:3.19"), "docker.io/library/alpine:3.19");
    EXPECT_EQ(normalised("user/app"), "docker.io/user/app:latest");
    EXPECT_EQ(normalised("docker.io/alpine"), "docker.io/library/alpine:latest");
    EXPECT_EQ(normalised("index.docker.io/user/app"), "docker.io/user/app:latest");
    EXPECT_EQ(normalised("localhost/app"), "localhost/app:latest");
    EXPECT_EQ(normalised("localhost:5000/a/b/c:1"), "localhost:5000/a/b/c:1");
    EXPECT_EQ(normalised("Registry.example/app"), "Registry.example/app:latest");
    EXPECT_EQ(normalised("[::1]:5000/app:x"), "[::1]:5000/app:x");
    EXPECT_EQ(normalised("ghcr.io/o/a__b--c.d"), "ghcr.io/o/a__b--c.d:latest");
}

TEST(Reference, KeepsDigests) {
    EXPECT_EQ(normalised("alpine@sha256:" + hex), "docker.io/library/alpine@sha256:" + hex);
    EXPECT_EQ(normalised("alpine:3@sha256:" + hex), "docker.io/library/alpine:3@sha256:" + hex);
}

TEST(Reference, NormalisingTwiceChangesNothing) {
    for (const std::string& text :
         {std::string("alpine"), std::string("a.b:1/c:d"), "localhost/x@sha256:" + hex})
        EXPECT_EQ(normalised(normalised(text)), normalised(text));
}

TEST(Reference, RefusesEverythingElse) {
    for (const std::string& text : {std::string(),
                                    std::string("../etc/passwd"),
                                    std::string("a/../b"),
                                    std::string("a//b"),
                                    std::string("/a"),
                                    std::string("a/"),
                                    std::string("Alpine"),
                                    std::string("a:"),
                                    std::string("a:-x"),
                                    std::string("a:b/../c"),
                                    std::string("a b"),
                                    std::string("a\nb"),
                                    std::string("a@sha256:xyz"),
                                    std::string("a@sha512:") + std::string(128, 'a'),
                                    std::string("a@sha256:../../etc/passwd"),
                                    std::string("a___b"),
                                    std::string("a..b"),
                                    std::string("-a"),
                                    std::string("a.example:0/b"),
                                    std::string("a.example:99999/b"),
                                    std::string("a:") + std::string(129, 't'),
                                    std::string(300, 'a'),
                                    hex,
                                    std::string("a@sha256:") + std::string(64, 'A'),
                                    std::string("a\0b", 3)})
        EXPECT_FALSE(Reference::parse(text)) << text;
    // A dot alone does not make a domain.
    EXPECT_EQ(normalised("x.y"), "docker.io/library/x.y:latest");
}

TEST(Reference, SaysWhatIsWrong) {
    const auto upper = Reference::parse("docker.io/Library/x");
    ASSERT_FALSE(upper);
    EXPECT_EQ(upper.error().kind(), ErrorKind::invalid_argument);
    EXPECT_NE(upper.error().to_string().find("lower case"), std::string::npos);
}

TEST(Digest, KnowsOnlySha256) {
    EXPECT_EQ(Digest::parse("sha256:" + hex)->hex(), hex);
    EXPECT_EQ(Digest::parse("sha512:" + hex).error().kind(), ErrorKind::unsupported);
    for (const std::string text : {"", "sha256:", "sha256:../x", "md5:abc", ":x", "sha256"})
        EXPECT_FALSE(Digest::parse(text)) << text;
    EXPECT_EQ(Digest::of(as_bytes("abc")).hex(),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

} // namespace
} // namespace msb::image
