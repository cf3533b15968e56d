#include "cli/complete.hpp"
#include "cli/man_page.hpp"

#include <gtest/gtest.h>

using namespace msb::cli;

namespace {

using Words = std::vector<std::string>;

struct CompleteTest : testing::Test {
    CompleteTest() {
        Command& root = parser.root();
        root.at_most_one("Logging", "Level").counted("--debug", [](std::int64_t) {}, "More");
        root.add("exec", "Run a command\nin a sandbox", "Sandboxes", [this](Command& command) {
            command.take_command_line(&rest);
            command.option("name", &name, "Sandbox").names(ValueOf::sandbox).required();
            command.option("--engine", &engine, "Engine").one_of({"auto", "kvm", "uml"});
            command.option("--source", &list, "What").separated_by(',').one_of({"out", "other"});
            command.option("-k,--kernel", &engine, "Kernel").names(ValueOf::file);
            command.flag("-q,--quiet", &quiet, ".no -ticks\\");
            command.footer("More about it.");
        });
        root.add("remove", "Remove", "Sandboxes",
                 [this](Command& command) {
                     command.option("names", &list, "Sandboxes").names(ValueOf::sandbox);
                 })
            .alias("rm");
        root.add_family("image", "Images", "Images").add("list", "List", "Images", {}).alias("ls");
        root.add("secret", "Not shown", "", {});
    }

    Words words(const Words& line) {
        Words found;
        for (const Candidate& candidate : complete(parser.root(), line).candidates)
            found.push_back(candidate.word);
        return found;
    }

    Parser parser{"msb", "msb 1\nA program", "msb 1"};
    std::string name, engine;
    Words list;
    bool quiet = false;
    std::optional<Words> rest;
};

TEST_F(CompleteTest, Commands) {
    EXPECT_EQ(words({""}), (Words{"exec", "remove", "image"}));
    EXPECT_EQ(words({"re"}), Words{"remove"});
    EXPECT_EQ(words({"rm"}), Words{"rm"}) << "an alias, where the name does not fit";
    EXPECT_EQ(words({"image", ""}), Words{"list"});
    EXPECT_EQ(words({"sec"}), Words{});
    EXPECT_EQ(words({}), (Words{"exec", "remove", "image"}));
    EXPECT_EQ(complete(parser.root(), {"ex"}).candidates.at(0).help, "Run a command");
}

TEST_F(CompleteTest, Flags) {
    EXPECT_EQ(words({"exec", "--"}), (Words{"--help", "--engine", "--source", "--kernel", "--quiet",
                                            "--version", "--debug"}));
    EXPECT_EQ(words({"exec", "box", "--q"}), Words{"--quiet"});
    EXPECT_EQ(words({"--de"}), Words{"--debug"});
}

TEST_F(CompleteTest, Values) {
    EXPECT_EQ(words({"exec", "--engine", ""}), (Words{"auto", "kvm", "uml"}));
    EXPECT_EQ(words({"exec", "--engine=k"}), Words{"--engine=kvm"});
    EXPECT_EQ(words({"exec", "--source", "out,ot"}), Words{"out,other"});
    EXPECT_EQ(words({"exec", "--source=out,ou"}), Words{"--source=out,out"});
    EXPECT_EQ(words({"exec", "--quiet=k"}), Words{});
    EXPECT_EQ(words({"exec", "--none-such=k"}), Words{});
    const Completion kernel = complete(parser.root(), {"exec", "-k", "/bo"});
    EXPECT_EQ(kernel.of, ValueOf::file);
}

TEST_F(CompleteTest, Operands) {
    const auto of = [this](const Words& line) { return complete(parser.root(), line).of; };
    EXPECT_EQ(of({"exec", "b"}), ValueOf::sandbox);
    EXPECT_EQ(of({"exec", "-q", "b"}), ValueOf::sandbox);
    EXPECT_EQ(of({"exec", "--engine", "kvm", "b"}), ValueOf::sandbox);
    EXPECT_EQ(of({"exec", "box", "b"}), ValueOf::anything) << "there is one only";
    EXPECT_EQ(of({"rm", "box", "b"}), ValueOf::sandbox) << "there may be several";
    EXPECT_EQ(of({"exec", "box", "--", "b"}), ValueOf::anything) << "the guest's";
    EXPECT_EQ(complete(parser.root(), {"exec", "b"}).typed, "b");
}

TEST_F(CompleteTest, ManPages) {
    const std::vector<ManPage> pages = man_pages(parser.root(), "msb 1");
    ASSERT_EQ(pages.size(), 5u);
    EXPECT_EQ(pages[0].file, "msb.1");
    EXPECT_NE(pages[0].text.find("msb \\- A program\n"), std::string::npos);
    EXPECT_EQ(pages[1].file, "msb-exec.1");
    EXPECT_NE(pages[1].text.find("\\fB\\-\\-engine\\fR"), std::string::npos);
    EXPECT_NE(pages[1].text.find("One of: auto, kvm, uml"), std::string::npos);
    EXPECT_NE(pages[1].text.find("\n\\&.no \\-ticks\\e\n"), std::string::npos)
        << "help is text, not a request to man";
    EXPECT_NE(pages[2].text.find("Also called \\fBrm\\fR"), std::string::npos);
    EXPECT_EQ(pages[4].file, "msb-image-list.1");
}

} // namespace
