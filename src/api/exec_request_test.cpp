#include "api/exec_request.hpp"

#include <gtest/gtest.h>

using namespace msb;

namespace {

using Words = std::vector<std::string>;

SandboxSpec web() {
    SandboxSpec spec;
    spec.env = {{"PATH", "/bin"}, {"MODE", "prod"}};
    spec.entrypoint = {"/serve"};
    spec.cmd = {"--all"};
    spec.workdir = "/srv";
    spec.user = "www";
    return spec;
}

TEST(ExecRequest, IsTheSandboxsOwnCommandIfNothingIsSaid) {
    const auto request = exec_request(web(), {}, {});
    ASSERT_TRUE(request);
    EXPECT_EQ(request->cmd, "/serve");
    EXPECT_EQ(request->args, Words{"--all"});
    EXPECT_EQ(request->env, (Words{"PATH=/bin", "MODE=prod"}));
    EXPECT_EQ(request->cwd, "/srv");
    EXPECT_EQ(request->user, "www");
    EXPECT_FALSE(request->tty);
}

TEST(ExecRequest, TakesTheCallersWordOverTheSandboxs) {
    CommandOptions options;
    options.env = {{"MODE", "test"}, {"MORE", "1"}};
    options.cwd = "/tmp";
    options.user = "root";
    options.rlimits = {{"nofile", 10, 20}};
    const auto request = exec_request(web(), {"ls", "-l"}, options);
    ASSERT_TRUE(request);
    EXPECT_EQ(request->cmd, "ls");
    EXPECT_EQ(request->args, Words{"-l"});
    EXPECT_EQ(request->env, (Words{"PATH=/bin", "MODE=test", "MORE=1"}));
    EXPECT_EQ(request->cwd, "/tmp");
    EXPECT_EQ(request->user, "root");
    EXPECT_EQ(request->rlimits.size(), 1U);
}

TEST(ExecRequest, NamesTheTerminalUnlessSomebodyHas) {
    CommandOptions options;
    options.tty = true;
    options.term = "vt100";
    EXPECT_EQ(exec_request(web(), {}, options)->env.back(), "TERM=vt100");
    options.env = {{"TERM", "own"}};
    EXPECT_EQ(exec_request(web(), {}, options)->env.back(), "TERM=own");
    options.tty = false;
    options.env.clear();
    EXPECT_EQ(exec_request(web(), {}, options)->env.back(), "MODE=prod");
}

TEST(ExecRequest, RefusesWhatNoGuestCouldRun) {
    EXPECT_FALSE(exec_request(web(), {""}, {}));
    CommandOptions options;
    options.cwd = "relative";
    EXPECT_FALSE(exec_request(web(), {"ls"}, options));
}

TEST(ExecRequest, IsEmptyIfThereIsNothingToRun) {
    const auto request = exec_request(SandboxSpec(), {}, {});
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->cmd.empty());
}

} // namespace
