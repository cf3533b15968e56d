// Patterns, the two sides of a copy, and what is printed of foreign text.
#include "cli/copy_target.hpp"
#include "cli/output.hpp"
#include "cli/pattern.hpp"

#include <gtest/gtest.h>

using namespace msb;
using namespace msb::cli;

namespace {

bool matches(const char* pattern, std::string_view text) {
    return Pattern::compile(pattern).value().matches(text);
}

TEST(Pattern, IsPosixExtendedWithThePerlClasses) {
    EXPECT_TRUE(matches("a+b|c", "xaab"));
    EXPECT_TRUE(matches(R"(^\d{3}$)", "123"));
    EXPECT_FALSE(matches(R"(\D)", "123"));
    EXPECT_TRUE(matches(R"([\dx]+$)", "1x2"));
    EXPECT_TRUE(matches(R"(\w\s\w)", "a b"));
    EXPECT_TRUE(matches("(?i)error", "an ERROR"));
    EXPECT_FALSE(matches("error", "an ERROR"));
}

TEST(Pattern, LeavesBracketsAsTheyAre) {
    EXPECT_TRUE(matches("[]]", "]"));
    EXPECT_TRUE(matches("[^]]", "a"));
    EXPECT_TRUE(matches("[[:digit:]-]", "-"));
    EXPECT_TRUE(matches(R"(\[\d\])", "[1]"));
}

TEST(Pattern, TakesAnyBytes) {
    EXPECT_TRUE(matches("b", std::string_view("a\0b", 3)));
    EXPECT_FALSE(matches("b", std::string_view("a\xff", 2)));
}

TEST(Pattern, SaysWhatIsWrong) {
    const auto bad = Pattern::compile("a(");
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message().find("invalid regular expression 'a('"), std::string::npos);
}

TEST(CopyTarget, TellsSandboxesFromFiles) {
    const auto remote = parse_endpoint("web:/etc/hosts").value();
    EXPECT_EQ(remote.sandbox, "web");
    EXPECT_EQ(remote.path, "/etc/hosts");
    for (const char* local : {"file", "./web:/x", "../a:/b", "/a:/b", ".", "a/b:/c", "-n"})
        EXPECT_EQ(parse_endpoint(local).value().sandbox, "") << local;
    EXPECT_TRUE(parse_endpoint("-").value().archive);
    EXPECT_FALSE(parse_endpoint(""));
    EXPECT_FALSE(parse_endpoint("web:relative"));
}

TEST(CopyTarget, NamesWhatIsCopied) {
    EXPECT_EQ(base_name("/a/b/"), "b");
    EXPECT_EQ(base_name("b"), "b");
    EXPECT_EQ(base_name("/a/."), std::nullopt);
    EXPECT_EQ(base_name("/"), std::nullopt);
    EXPECT_TRUE(is_inside("/a/b", "/a"));
    EXPECT_FALSE(is_inside("/ab", "/a"));
}

/// A file system with the directories /dir and /dir/sub, and the file /dir/file.
CopyView small_tree(std::vector<std::string>& made) {
    CopyView view;
    view.is_directory = [](const std::string& path) -> Result<std::optional<bool>> {
        if (path == "/dir" || path == "/dir/sub" || path == "/dir/sub/" || path == "/")
            return true;
        if (path == "/dir/file")
            return false;
        return std::nullopt;
    };
    view.real_path = [](const std::string& path) -> Result<std::string> { return path; };
    view.make_directories = [&made](const std::string& path) -> Status {
        made.push_back(path);
        return {};
    };
    return view;
}

TEST(CopyTarget, IsInsideADirectoryOrTheNewName) {
    std::vector<std::string> made;
    const CopyView view = small_tree(made);
    const auto inside = resolve_target(view, "/dir", "x").value();
    EXPECT_EQ(inside.directory, "/dir");
    EXPECT_EQ(inside.name, "x");
    const auto renamed = resolve_target(view, "/dir/new", "x").value();
    EXPECT_EQ(renamed.directory, "/dir");
    EXPECT_EQ(renamed.name, "new");
    EXPECT_EQ(resolve_target(view, "/dir/file", "x").value().name, "file");
    EXPECT_FALSE(resolve_target(view, "/none/new", "x"));
    EXPECT_TRUE(made.empty());
    EXPECT_EQ(resolve_target(view, "/dir/more/", "x").value().name, "x");
    EXPECT_EQ(made, std::vector<std::string>{"/dir/more"});
}

TEST(Printable, ShowsWhatWouldControlATerminal) {
    EXPECT_EQ(printable("a\x1b[31m\a\r\x7f"), "a\\x1b[31m\\x07\\x0d\\x7f");
    EXPECT_EQ(printable("a\n\tb"), "a\n\tb");
    EXPECT_EQ(printable_line("a\n\tb"), "a\\x0a\\x09b");
    EXPECT_EQ(printable("\xc2\x9b"
                        "31m"),
              "\xef\xbf\xbd"
              "31m");
    EXPECT_EQ(printable("\x9b"
                        "31m \xff"),
              "\xef\xbf\xbd"
              "31m \xef\xbf\xbd");
    EXPECT_EQ(printable("grün → 字"), "grün → 字");
}

TEST(Printable, IsWhatTablesAndDetailsShow) {
    Table table({"NAME", "IMAGE"});
    table.add({"a\x1b]0;x\a", "b\nc"});
    EXPECT_EQ(table.render(), "NAME             IMAGE\na\\x1b]0;x\\x07    b\\x0ac\n");
    KeyValues details;
    details.add("Key", "v\x1b[0m");
    details.add_nested("k\x1b[0m", "v\n");
    EXPECT_EQ(details.text(), "Key:            v\\x1b[0m\n  k\\x1b[0m:     v\\x0a\n");
}

} // namespace
