#include "json/yaml.hpp"
#include "spec/patches.hpp"

#include <gtest/gtest.h>

namespace msb {
namespace {

std::vector<Patch> read(std::string_view text) {
    const auto document = json::parse_yaml(text);
    EXPECT_TRUE(document);
    auto patches = read_patches(*document, "/base");
    EXPECT_TRUE(patches) << (patches ? "" : patches.error().to_string());
    return patches ? *patches : std::vector<Patch>();
}

std::string refused(std::string_view text) {
    const auto patches = read_patches(json::parse_yaml(text).value(), "/base");
    return patches ? "" : patches.error().to_string() + "; " + patches.error().hint();
}

TEST(Patches, EachKindIsRead) {
    const auto patches = read("- text: {path: /etc/a, content: x, mode: '0600', replace: true}\n"
                              "- file: {path: /b, content_base64: AAE=}\n"
                              "- append: {path: /etc/profile, content: y}\n"
                              "- mkdir: {path: /data//x/, mode: '1777'}\n"
                              "- remove: {path: /usr/share/doc}\n"
                              "- symlink: {target: ../run, link: /var/run}\n"
                              "- copy_file: {src: a, dst: /opt/a, mode: 493}\n"
                              "- {kind: copy_dir, src: /srv, dst: /opt/srv}\n");
    using enum Patch::Kind;
    using Source = Patch::Source;
    const std::vector<Patch> expected = {
        {file, "/etc/a", "x", "", Source::any, 0600, true},
        {file, "/b", std::string("\0\1", 2), "", Source::any, {}, false},
        {append, "/etc/profile", "y", "", Source::any, {}, false},
        {mkdir, "/data/x", "", "", Source::any, 01777, false},
        {remove, "/usr/share/doc", "", "", Source::any, {}, false},
        {symlink, "/var/run", "../run", "", Source::any, {}, false},
        {copy, "/opt/a", "", "/base/a", Source::regular, 0755, false},
        {copy, "/opt/srv", "", "/srv", Source::directory, {}, false},
    };
    EXPECT_EQ(patches, expected);
    EXPECT_EQ(read_patches(to_document(patches), "/elsewhere").value(), expected);
}

TEST(Patches, MistakesAreNamed) {
    EXPECT_NE(refused("- mkdri: {path: /a}").find("did you mean 'mkdir'?"), std::string::npos);
    EXPECT_NE(refused("- mkdir: {pth: /a}").find("did you mean 'path'?"), std::string::npos);
    EXPECT_NE(refused("- mkdir: {path: a}").find("'a' must be absolute"), std::string::npos);
    EXPECT_NE(refused("- mkdir: {path: /a/../b}").find("'..'"), std::string::npos);
    EXPECT_NE(refused("- remove: {path: /./}").find("root"), std::string::npos);
    EXPECT_NE(refused("- mkdir: {path: /a, mode: '9'}").find("octal"), std::string::npos);
    EXPECT_NE(refused("- mkdir: {}").find("no 'path'"), std::string::npos);
    EXPECT_NE(refused("- copy_file: {dst: /a}").find("no 'src'"), std::string::npos);
    EXPECT_NE(refused("- file: {path: /a, content_base64: '*'}").find("base64"), std::string::npos);
    EXPECT_NE(refused("{mkdir: {path: /a}}").find("list"), std::string::npos);
}

TEST(Patches, CommandLine) {
    const auto copied = parse_patch("copy-file", "/a:b:/c");
    ASSERT_TRUE(copied);
    EXPECT_EQ(copied->source, "/a:b");
    EXPECT_EQ(copied->path, "/c");
    EXPECT_EQ(copied->expected, Patch::Source::regular);
    EXPECT_EQ(parse_patch("rm", "/a/")->path, "/a");
    for (const char* text : {"", "a", ":/b", "/a", "a:b"})
        EXPECT_FALSE(parse_patch("copy", text)) << text;
    EXPECT_FALSE(parse_patch("mkdir", "relative"));
}

} // namespace
} // namespace msb
