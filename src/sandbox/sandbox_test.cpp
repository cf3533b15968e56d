#include "base/file.hpp"
#include "base/system.hpp"
#include "json/text.hpp"
#include "logs/exec_log.hpp"
#include "logs/reader.hpp"
#include "sandbox/catalogue.hpp"
#include "sandbox/launch/helper.hpp"
#include "sandbox/launch/netd.hpp"
#include "sandbox/launch/network_config.hpp"
#include "sandbox/network_check.hpp"
#include "spec/boot_error.hpp"
#include "spec/launch.hpp"
#include "spec/spec.hpp"
#include "spec/state.hpp"

#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace msb {
namespace {

class SandboxTest : public testing::Test {
  protected:
    SandboxTest() {
        std::string name = "/tmp/msb-sandbox-test-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~SandboxTest() override { (void)remove_tree(directory_); }

    SandboxSpec spec(const std::string& name) const {
        SandboxSpec result;
        result.name = name;
        result.image = "docker.io/library/alpine:latest";
        result.manifest_digest = "sha256:00";
        result.cmd = {"sh", "-c", "echo \"hi\""};
        result.env = {{"A", "1"}, {"PATH", "/bin"}};
        result.labels = {{"team", "x"}};
        result.rlimits = {{"nofile", 10, 20}};
        result.security = SecurityProfile::restricted;
        result.created_at_ns = 42;
        result.init = InitSpec{"/sbin/init", {"--arg"}, {{"K", "v"}}};
        result.network.enabled = false;
        result.network.profiles = {"public", "host"};
        result.network.published = {{"::1", 8080, 80, false}, {"127.0.0.1", 53, 5353, true}};
        return result;
    }

    std::string directory_;
};

TEST_F(SandboxTest, SpecSurvivesItsJson) {
    const SandboxSpec before = spec("a");
    const auto after = SandboxSpec::from_json(before.to_json());
    ASSERT_TRUE(after) << after.error().to_string();
    EXPECT_EQ(after->to_json(), before.to_json());
    EXPECT_EQ(after->env, before.env);
    EXPECT_EQ(after->init, before.init);
    EXPECT_EQ(after->network, before.network);
    EXPECT_EQ(after->security, SecurityProfile::restricted);
    EXPECT_EQ(SandboxSpec::from_json("{}").error().kind(), ErrorKind::corrupt);
    EXPECT_FALSE(SandboxSpec::from_json("not json"));
}

TEST_F(SandboxTest, NamesFollowTheirRule) {
    for (const char* good : {"a", "0", "web-1", "A.b_c"})
        EXPECT_TRUE(validate_name(good)) << good;
    for (const std::string& bad :
         {std::string(), std::string("-a"), std::string(".a"), std::string("a/b"),
          std::string("a b"), std::string("ä"), std::string("../x"), std::string(129, 'a')})
        EXPECT_FALSE(validate_name(bad)) << bad;
    EXPECT_TRUE(validate_name(std::string(128, 'a')));
    EXPECT_TRUE(validate_name(random_name()));
}

TEST_F(SandboxTest, SpecValidationNamesTheValue) {
    SandboxSpec bad = spec("a");
    bad.cpus = 0;
    EXPECT_EQ(validate_spec(bad).error().message(), "invalid config: cpus must be greater than 0");
    bad.cpus = 4;
    bad.max_cpus = 2;
    EXPECT_EQ(validate_spec(bad).error().message(),
              "invalid config: max_cpus 2 must be greater than or equal to cpus 4");
    bad = spec("a");
    bad.memory_mib = 1024;
    EXPECT_EQ(validate_spec(bad).error().message(), "invalid config: max_memory 512 MiB must be "
                                                    "greater than or equal to memory 1024 MiB");
    bad = spec("a");
    bad.hostname = std::string(70, 'h');
    EXPECT_EQ(validate_spec(bad).error().message(),
              "invalid config: hostname is too long: 70 bytes (max 64)");
    bad = spec("a");
    bad.cmd = {std::string("bad\xff", 4)};
    EXPECT_FALSE(validate_spec(bad));
    bad = spec("a");
    bad.workdir = "relative";
    EXPECT_FALSE(validate_spec(bad));
}

TEST_F(SandboxTest, SizesAndDurations) {
    EXPECT_EQ(parse_memory_mib("512").value(), 512U);
    EXPECT_EQ(parse_memory_mib("512M").value(), 512U);
    EXPECT_EQ(parse_memory_mib("1.5g").value(), 1536U);
    for (const char* bad : {"", "G", "-1", "1T", "1e3", "nan", "infG", "0", "0.0001G", "99999999G"})
        EXPECT_FALSE(parse_memory_mib(bad)) << bad;
    EXPECT_EQ(parse_duration_ms("30").value(), 30'000U);
    EXPECT_EQ(parse_duration_ms("5m").value(), 300'000U);
    EXPECT_EQ(parse_duration_ms("250ms", true).value(), 250U);
    EXPECT_EQ(parse_duration_ms("0", true).value(), 0U);
    for (const char* bad : {"", "s", "0", "1w", "1.5s", "250ms", "99999999999999999999"})
        EXPECT_FALSE(parse_duration_ms(bad)) << bad;
}

TEST_F(SandboxTest, VariablesLabelsAndLimits) {
    EXPECT_EQ(parse_env("A=b=c").value(), std::pair(std::string("A"), std::string("b=c")));
    ASSERT_EQ(::setenv("SANDBOX_TEST_VARIABLE", "here", 1), 0);
    EXPECT_EQ(parse_env("SANDBOX_TEST_VARIABLE").value().second, "here");
    for (const char* bad : {"", "=x", "MSB_X=1", "SANDBOX_TEST_UNSET"})
        EXPECT_FALSE(parse_env(bad)) << bad;
    EXPECT_EQ(parse_label("k").value().second, "");
    EXPECT_FALSE(parse_label("sandbox.x=1"));
    EXPECT_EQ(parse_rlimit("NOFILE=10:20").value(), (Rlimit{"nofile", 10, 20}));
    EXPECT_EQ(parse_rlimit("cpu=3").value(), (Rlimit{"cpu", 3, 3}));
    for (const char* bad : {"nofile", "bogus=1", "nofile=5:1", "nofile=x", "nofile=1:"})
        EXPECT_FALSE(parse_rlimit(bad)) << bad;
}

TEST_F(SandboxTest, NetworksAreSpelledOut) {
    EXPECT_EQ(parse_net_profiles({"host,public", "host"}).value(),
              (std::vector<std::string>{"public", "host"}));
    EXPECT_EQ(parse_net_profiles({"all"}).value(), std::vector<std::string>{"all"});
    EXPECT_TRUE(parse_net_profiles({"none"}).value() == std::vector<std::string>{"none"});
    for (const char* bad : {"internet", "all,none", "public,all", "Public"})
        EXPECT_FALSE(parse_net_profiles({bad})) << bad;
    EXPECT_EQ(parse_published_ports("8080:80").value().at(0),
              (PublishedPort{"127.0.0.1", 8080, 80, false}));
    EXPECT_EQ(parse_published_ports("[::]:53:5353/udp").value().at(0),
              (PublishedPort{"::", 53, 5353, true}));
    EXPECT_EQ(parse_published_ports("0.0.0.0:1:2/tcp")->at(0).to_string(), "0.0.0.0:1:2/tcp");
    for (const char* bad : {"", "80", ":80", "80:", "a:80", "80:0", "80:65536", "::1:80:80",
                            "1-2:1", "2-1:2-1", "0-1:1-2", "1-:1-2", "1-300:1-300", "[::1:80:80",
                            "[1.2.3.4]:80:80", "80:80/sctp", "1.2.3.4.5:80:80"})
        EXPECT_FALSE(parse_published_ports(bad)) << bad;
    EXPECT_EQ(parse_published_ports("0:80")->at(0).host, 0);
    const auto range = parse_published_ports("[::1]:8000-8002:80-82/udp").value();
    EXPECT_EQ(range.size(), 3U);
    EXPECT_EQ(range[2].to_arrow(), "[::1]:8002->82/udp");
    SandboxSpec twice = spec("a");
    twice.network.published = {{"127.0.0.1", 80, 1, false}, {"127.0.0.1", 80, 2, false}};
    EXPECT_FALSE(validate_spec(twice));
    twice.network.published[1].udp = true;
    EXPECT_TRUE(validate_spec(twice));
    EXPECT_FALSE(NetworkSpec{}.active());
    const auto plan = NetworkPlan::make("a", {}, true, false);
    EXPECT_EQ(describe(*plan.v4).rfind("addr=172.", 0), 0U);
    EXPECT_FALSE(plan.v6);
    EXPECT_EQ(NetworkPlan::make("a", {}, true, true).v4, plan.v4);
}

TEST_F(SandboxTest, NetworkRulesAndDefaultsArePolicy) {
    SandboxSpec given = spec("a");
    NetworkSpec& network = given.network;
    network.enabled = true;
    network.rules = *parse_net_rules({"deny@10.0.0.1,allow@*.a.org:tcp:443", "allow@dns:udp"});
    ASSERT_EQ(network.rules.size(), 3U);
    EXPECT_TRUE(network.active());
    EXPECT_FALSE(network.policy().egress);
    EXPECT_TRUE(network.policy().ingress);
    network.profiles = {"public"};
    EXPECT_EQ(network.policy().rules.size(), 5U);
    EXPECT_EQ(network.policy().rules.back().to_string(), "allow@public");
    EXPECT_EQ(SandboxSpec::from_json(given.to_json())->network, network);
    network.default_egress = true;
    network.default_ingress = false;
    EXPECT_EQ(SandboxSpec::from_json(given.to_json())->network, network);
    EXPECT_TRUE(network.policy().egress);
    EXPECT_FALSE(network.policy().ingress);
    network.profiles = {"all"};
    EXPECT_TRUE(validate_spec(given));
    EXPECT_EQ(network.policy().rules, network.rules);
    network.default_egress = false;
    EXPECT_FALSE(validate_spec(given)); // they contradict
    for (const auto& [key, value] : {std::pair{"\"allow@", "\"alow@"}, {"\"deny\"", "\"no\""}}) {
        std::string broken = given.to_json();
        const auto at = broken.find(key);
        ASSERT_NE(at, std::string::npos) << broken;
        EXPECT_FALSE(SandboxSpec::from_json(broken.replace(at, std::strlen(key), value)));
    }
    EXPECT_TRUE((NetworkSpec{.default_egress = false}.active()));
}

TEST_F(SandboxTest, DestinationsAreParsed) {
    const auto parsed = [](std::string_view text) {
        const auto to = NetworkDestination::parse(text);
        return to ? to->host + " " + std::to_string(to->port) + " " +
                        std::string(net::to_string(to->protocol))
                  : "";
    };
    EXPECT_EQ(parsed("1.1.1.1"), "1.1.1.1 443 tcp");
    EXPECT_EQ(parsed("1.1.1.1:53/udp"), "1.1.1.1 53 udp");
    EXPECT_EQ(parsed("2606:4700::1111"), "2606:4700::1111 443 tcp");
    EXPECT_EQ(parsed("[2606:4700::1111]:80"), "2606:4700::1111 80 tcp");
    EXPECT_EQ(parsed("PyPI.org.:80"), "pypi.org 80 tcp");
    EXPECT_EQ(parsed("db/udp"), "db 443 udp");
    for (const char* bad : {"", ":80", "a:0", "a:65536", "a:b", "a/icmp", "[a]:80", "a,b", "a@b",
                            "[::1", "1:2:3", "http://a", "]:80", "["})
        EXPECT_EQ(parsed(bad), "") << bad;
}

TEST_F(SandboxTest, NetworkConfigIsStrict) {
    const auto parse = [](std::string_view text) {
        return NetworkConfig::parse(*json::parse(text));
    };
    EXPECT_TRUE(NetworkConfig::parse({})->search_domains);
    EXPECT_TRUE(parse(R"({"registries": {}})")->metadata.empty());
    const auto config = parse(R"({"network": {"search_domains": false,
                                  "metadata_addresses": ["203.0.113.9", "fd00:77::/64"]}})");
    ASSERT_TRUE(config);
    EXPECT_FALSE(config->search_domains);
    ASSERT_EQ(config->metadata.size(), 2U);
    EXPECT_EQ(config->metadata[0].to_string(), "203.0.113.9/32");
    for (const char* bad : {R"({"network": 1})", R"({"network": {"metadata": []}})",
                            R"({"network": {"metadata_addresses": "203.0.113.9"}})",
                            R"({"network": {"metadata_addresses": ["203.0.113.9/24"]}})",
                            R"({"network": {"metadata_addresses": [7]}})",
                            R"({"network": {"search_domains": "no"}})"})
        EXPECT_FALSE(parse(bad)) << bad;
}

TEST_F(SandboxTest, StateOfAMissingOrBrokenFileIsCreated) {
    const std::string path = directory_ + "/state.json";
    EXPECT_EQ(SandboxState::load(path).status, SandboxStatus::created);
    SandboxState state;
    state.status = SandboxStatus::running;
    state.exit_code = 3;
    ASSERT_TRUE(state.store(path));
    EXPECT_EQ(SandboxState::load(path).status, SandboxStatus::running);
    EXPECT_EQ(SandboxState::load(path).exit_code, 3);
    ASSERT_TRUE(write_file_atomic(path, "{\"status\":"));
    EXPECT_EQ(SandboxState::load(path).status, SandboxStatus::created);
}

TEST_F(SandboxTest, AHomeThatOthersCanWriteToIsRefused) {
    const Home home(directory_);
    for (const mode_t mode : {0777, 01777, 0770, 0720}) {
        ASSERT_EQ(::chmod(directory_.c_str(), mode), 0);
        const Status prepared = home.prepare();
        ASSERT_FALSE(prepared) << mode;
        EXPECT_EQ(prepared.error().kind(), ErrorKind::permission_denied);
        EXPECT_NE(prepared.error().hint().find("chmod go-w"), std::string::npos);
    }
    for (const mode_t mode : {0755, 0700}) {
        ASSERT_EQ(::chmod(directory_.c_str(), mode), 0);
        EXPECT_TRUE(home.prepare()) << mode;
    }
}

TEST_F(SandboxTest, CatalogueListsNewestFirstAndByLabel) {
    const Home home(directory_);
    ASSERT_TRUE(home.prepare());
    auto catalogue = Catalogue::open(home).value();
    SandboxSpec other = spec("b");
    other.labels = {{"team", "y"}};
    ASSERT_TRUE(catalogue.put(spec("a")));
    ASSERT_TRUE(catalogue.put(other));
    EXPECT_EQ(catalogue.list().value()[0].name, "b");
    ASSERT_EQ(catalogue.list({{"team", "x"}}).value().size(), 1U);
    EXPECT_EQ(catalogue.list({{"team", "x"}}).value()[0].name, "a");
    EXPECT_TRUE(catalogue.list({{"team", "x"}, {"k", "v"}}).value().empty());
    ASSERT_TRUE(catalogue.erase("a"));
    ASSERT_TRUE(catalogue.erase("a"));
    EXPECT_EQ(catalogue.list().value().size(), 1U);
}

TEST_F(SandboxTest, ABrokenCatalogueIsRebuiltFromTheFiles) {
    const Home home(directory_);
    ASSERT_TRUE(home.prepare());
    const SandboxFiles files{home.sandbox("kept")};
    ASSERT_TRUE(make_directories(files.directory));
    ASSERT_TRUE(write_file_atomic(files.spec(), spec("kept").to_json()));
    ASSERT_TRUE(write_file_atomic(home.database(), std::string(8192, 'x')));
    auto catalogue = Catalogue::open(home);
    ASSERT_TRUE(catalogue) << catalogue.error().to_string();
    ASSERT_EQ(catalogue->list().value().size(), 1U);
    EXPECT_EQ(catalogue->list().value()[0].name, "kept");
}

TEST_F(SandboxTest, LaunchReportsSurviveTheirJson) {
    LaunchReport failed{.kind = LaunchReport::Kind::failed, .time_ns = 5};
    failed.error = BootError{1, "build_vm", 2, "it broke", "do this", "kernel"};
    const auto read = LaunchReport::from_json(failed.to_json_line()).value();
    EXPECT_EQ(read.kind, LaunchReport::Kind::failed);
    EXPECT_EQ(read.error->stage, "build_vm");
    EXPECT_EQ(read.error->step, "kernel");
    EXPECT_EQ(read.error->sys_errno, 2);
    EXPECT_EQ(read.error->hint, "do this");
    EXPECT_FALSE(LaunchReport::from_json("{\"stage\":1}"));
}

TEST_F(SandboxTest, BootErrorsHaveTheStageOfTheirStepAndItsHint) {
    const auto missing = Error::from_errno(ENOENT, "open", "/x");
    EXPECT_EQ(BootError::from("image", missing).stage, "image");
    EXPECT_NE(BootError::from("image", missing).hint.find("pull"), std::string::npos);
    EXPECT_EQ(BootError::from("mounts", missing).stage, "mount");
    EXPECT_NE(BootError::from("mounts", missing).hint.find("does not exist"), std::string::npos);
    EXPECT_NE(
        BootError::from("mounts", Error::from_errno(EACCES, "open")).hint.find("not readable"),
        std::string::npos);
    EXPECT_NE(BootError::from("network", Error::from_errno(EADDRINUSE, "bind")).hint.find("bound"),
              std::string::npos);
    EXPECT_EQ(BootError::from("kernel", missing).stage, "build_vm");
    EXPECT_EQ(BootError::from("user", missing).stage, "config");
    EXPECT_EQ(BootError::from("never heard of", missing).stage, "other");
    EXPECT_EQ(BootError::from("image", missing).sys_errno, ENOENT);
    EXPECT_FALSE(BootError::from("user", Error(ErrorKind::not_found, "no user")).sys_errno);
}

TEST_F(SandboxTest, AgentSocketPathsFitASocketAddressBelowAnyHome) {
    const Home near("/h");
    EXPECT_EQ(near.agent_socket_path("box"), near.agent_socket("box"));
    std::string deep = directory_;
    while (deep.size() < 300)
        deep += "/" + std::string(50, 'd');
    const Home far(deep);
    ASSERT_TRUE(far.prepare());
    const std::string path = far.agent_socket_path("box");
    EXPECT_LT(path.size(), 108U);
    EXPECT_EQ(path, Home(deep).agent_socket_path("box"));
    EXPECT_NE(path, far.agent_socket_path("other"));
    ASSERT_TRUE(make_directories(far.socket_directory("box"), 0700));
    ASSERT_TRUE(write_file_atomic(far.agent_socket("box"), "here"));
    EXPECT_EQ(read_file(path).value_or(""), "here");
    (void)sys::unlink(path.substr(0, path.size() - 24 - 12)); // the link
}

TEST_F(SandboxTest, LongNamesGetAHashedHostname) {
    EXPECT_EQ(derived_hostname("short"), "short");
    const std::string derived = derived_hostname(std::string(100, 'n'));
    EXPECT_EQ(derived.size(), 64U);
    EXPECT_EQ(derived.substr(0, 56), std::string(55, 'n') + "-");
}

/// A process of ours that does not run and so ends by nothing but SIGKILL.
Child stopped_process() {
    SpawnOptions options;
    options.argv = {"/bin/sleep", "1000"};
    Child child = spawn(options).value();
    EXPECT_TRUE(child.signal(SIGSTOP));
    return child;
}

TEST_F(SandboxTest, HelpersThatDoNotEndAreKilled) {
    const Home home(directory_);
    ASSERT_TRUE(make_directories(directory_ + "/run/locks", 0700));
    EXPECT_TRUE(end_helpers(home, "box")) << "it has none";
    std::vector<Child> helpers;
    helpers.push_back(stopped_process());
    helpers.push_back(stopped_process());
    ASSERT_TRUE(record_helpers(home, "box", helpers));
    EXPECT_TRUE(end_helpers(home, "box"));
    for (Child& helper : helpers) {
        const auto ended = helper.wait(std::chrono::milliseconds(0));
        ASSERT_TRUE(ended && *ended);
        EXPECT_TRUE(WIFSIGNALED(**ended));
    }
    EXPECT_FALSE(exists(home.helper_pids("box")));
}

TEST_F(SandboxTest, WhoHasTheProcessIdOfAHelperNowIsLeftAlone) {
    const Home home(directory_);
    ASSERT_TRUE(make_directories(directory_ + "/run/locks", 0700));
    Child stranger = stopped_process();
    const std::string pid = std::to_string(stranger.pid());
    for (const std::string& record :
         {pid + " 1\n", pid + " \n", pid + "\n", pid, std::string("1 1\n"), std::string("-5 1\n\n"),
          std::string("x"), std::string("\n")}) {
        ASSERT_TRUE(write_file_atomic(home.helper_pids("box"), record, 0600, false));
        EXPECT_TRUE(end_helpers(home, "box")) << record;
    }
    EXPECT_FALSE(stranger.wait(std::chrono::milliseconds(0)).value());
    EXPECT_TRUE(stranger.signal(SIGKILL));
}

} // namespace
} // namespace msb
