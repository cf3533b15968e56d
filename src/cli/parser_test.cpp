#include "cli/parser.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>

using namespace msb::cli;

namespace {

using Words = std::vector<std::string>;

/// A command line with a bit of everything, and what became of it.
struct Line {
    std::string name;
    std::optional<std::string> user;
    Words labels;
    Words names;
    unsigned cpus = 1;
    std::optional<unsigned> most_cpus;
    std::string engine = "auto";
    bool force = false;
    bool quiet = false;
    std::int64_t verbose = 0;
    std::optional<Words> command;
    std::string ran;
};

void build_run(Command& command, Line& line) {
    command.take_command_line(&line.command);
    command.option("image", &line.name, "Image");
    command.option("-c,--cpus", &line.cpus, "Virtual CPUs").shows_default();
    command.option("--max-cpus", &line.most_cpus, "At most");
    command.option("-u,--user", &line.user, "User");
    command.option("--label", &line.labels, "KEY=VALUE");
    command.option("--engine", &line.engine, "Engine")
        .one_of({"auto", "kvm", "uml"})
        .environment("MSB_PARSER_TEST_ENGINE");
    command.footer("More about run.");
    command.action([&line] { line.ran = "run"; });
}

void build_remove(Command& command, Line& line) {
    const Option names = command.option("names", &line.names, "Sandboxes");
    const Option labels = command.option("--label", &line.labels, "KEY=VALUE");
    const Option quiet = command.flag("-q,--quiet", &line.quiet, "No ticks");
    command.flag("-f,--force", &line.force, "Running ones too").excludes(quiet);
    command.require_any({names, labels}, "NAMES or --label");
    command.action([&line] { line.ran = "remove"; });
}

class ParserTest : public testing::Test {
  protected:
    ParserTest() {
        parser.root()
            .at_most_one("Logging", "Level")
            .counted("-v", [this](std::int64_t count) { line.verbose = count; }, "More");
        parser.root().add("run", "Run it", "Sandboxes", [this](Command& c) { build_run(c, line); });
        parser.root()
            .add("remove", "Remove it", "Sandboxes", [this](Command& c) { build_remove(c, line); })
            .alias("rm");
        parser.root()
            .add_family("image", "Images", "Images")
            .add("list", "List them", "Images",
                 [this](Command& c) { c.action([this] { line.ran = "image list"; }); })
            .alias("ls");
        parser.root().add("hidden", "Not shown", "", [](Command&) {});
    }

    /// Empty if the line is accepted; else the error's message or the text that was asked for.
    std::string parse(std::initializer_list<const char*> words) {
        std::vector<const char*> argv = {"msb"};
        argv.insert(argv.end(), words);
        const auto parsed = parser.parse(static_cast<int>(argv.size()), argv.data());
        if (const auto* text = std::get_if<std::string>(&parsed))
            return *text;
        if (const auto* refused = std::get_if<UsageError>(&parsed)) {
            error = *refused;
            return refused->message;
        }
        parser.run();
        return {};
    }

    Line line;
    UsageError error;
    Parser parser{"msb", "Test", "msb 1"};
};

TEST_F(ParserTest, StoresValuesOfEachKind) {
    EXPECT_EQ(parse({"run", "-c", "2", "--max-cpus=4", "--label", "a=b", "--label", "c", "alpine",
                     "-uroot"}),
              "");
    EXPECT_EQ(line.ran, "run");
    EXPECT_EQ(line.name, "alpine");
    EXPECT_EQ(line.cpus, 2U);
    EXPECT_EQ(line.most_cpus, 4U);
    EXPECT_EQ(line.labels, (Words{"a=b", "c"}));
    EXPECT_EQ(line.user, "root");
    EXPECT_EQ(line.command, std::nullopt);
}

TEST_F(ParserTest, DashesGiveTheRestToACommandThatTakesOne) {
    EXPECT_EQ(parse({"run", "alpine", "--", "ls", "-l", "--", "-c"}), "");
    EXPECT_EQ(line.command, (Words{"ls", "-l", "--", "-c"}));
    EXPECT_EQ(line.cpus, 1U);
}

TEST_F(ParserTest, DashesEndTheOptionsOfAnyOther) {
    EXPECT_EQ(parse({"rm", "-f", "a", "--", "-q", "--", "--label"}), "");
    EXPECT_EQ(line.names, (Words{"a", "-q", "--", "--label"}));
    EXPECT_TRUE(line.force);
    EXPECT_FALSE(line.quiet);
    EXPECT_TRUE(line.labels.empty());
}

TEST_F(ParserTest, DashesAreNoValue) {
    EXPECT_EQ(parse({"rm", "--label", "--", "x"}), "--label: 1 required TEXT missing");
}

TEST_F(ParserTest, DashesDoNotHideWordsTooMany) {
    EXPECT_EQ(parse({"image", "ls", "--", "-x"}), "The following argument was not expected: -x");
    EXPECT_TRUE(error.extra);
}

TEST_F(ParserTest, FindsCommandsByTheirOtherNamesAndInFamilies) {
    EXPECT_EQ(parse({"image", "ls"}), "");
    EXPECT_EQ(line.ran, "image list");
    EXPECT_EQ(parser.used_name(), "msb image list");
}

TEST_F(ParserTest, TakesGlobalFlagsBehindTheCommand) {
    EXPECT_EQ(parse({"image", "ls", "-vv"}), "");
    EXPECT_EQ(line.verbose, 2);
}

TEST_F(ParserTest, RefusesWhatDoesNotGoTogether) {
    EXPECT_EQ(parse({"rm", "-q", "-f", "a"}), "--quiet excludes --force");
    EXPECT_FALSE(error.extra);
}

TEST_F(ParserTest, WantsOneOfSeveral) {
    EXPECT_EQ(parse({"rm", "-f"}), "NAMES or --label is required");
    EXPECT_EQ(line.ran, "");
}

TEST_F(ParserTest, RefusesNumbersThatAreNone) {
    EXPECT_EQ(parse({"run", "-c", "two"}), "Could not convert: --cpus = two");
}

TEST_F(ParserTest, KnowsWhatWasMeant) {
    EXPECT_NE(parse({"rn"}), "");
    EXPECT_EQ(error.meant, "run");
}

TEST_F(ParserTest, KnowsWhichFlagWasMeant) {
    EXPECT_EQ(parse({"run", "--cpu=2"}), "The following argument was not expected: --cpu=2");
    EXPECT_EQ(error.meant, "--cpus");
}

TEST_F(ParserTest, KnowsWhichValueWasMeant) {
    EXPECT_EQ(parse({"run", "--engine", "kmv"}), "--engine: kmv not in {auto,kvm,uml}");
    EXPECT_EQ(error.meant, "kvm");
}

TEST_F(ParserTest, KnowsWhichCommandOfAFamilyWasMeant) {
    EXPECT_EQ(parse({"image", "lst"}), "A subcommand is required");
    EXPECT_EQ(error.meant, "list");
}

TEST_F(ParserTest, DoesNotGuessWildly) {
    EXPECT_NE(parse({"frobnicate"}), "");
    EXPECT_EQ(error.meant, std::nullopt);
}

TEST_F(ParserTest, ReadsVariablesOfTheEnvironment) {
    ::setenv("MSB_PARSER_TEST_ENGINE", "uml", 1);
    EXPECT_EQ(parse({"run"}), "");
    ::unsetenv("MSB_PARSER_TEST_ENGINE");
    EXPECT_EQ(line.engine, "uml");
}

TEST_F(ParserTest, HelpShowsCommandsByGroup) {
    EXPECT_EQ(parse({"--help"}), parser.help());
    EXPECT_NE(parser.help().find("\nSandboxes:\n  run  "), std::string::npos);
    EXPECT_EQ(parser.help().find("hidden"), std::string::npos);
    EXPECT_EQ(parser.help().find("--cpus"), std::string::npos);
}

TEST_F(ParserTest, HelpOfACommandShowsItsOptions) {
    const std::string help = parse({"run", "--help"});
    EXPECT_NE(help.find("-c,--cpus UINT=1              Virtual CPUs"), std::string::npos) << help;
    EXPECT_NE(help.find("More about run.\n"), std::string::npos);
}

TEST_F(ParserTest, SaysItsVersion) {
    EXPECT_EQ(parse({"--version"}), "msb 1\n");
}

} // namespace
