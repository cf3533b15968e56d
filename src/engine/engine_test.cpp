#include "base/file.hpp"
#include "engine/diagnosis.hpp"
#include "engine/engine.hpp"
#include "engine/kvm/end.hpp"
#include "engine/kvm/engine.hpp"
#include "engine/kvm/options.hpp"
#include "engine/probe.hpp"
#include "engine/sizes.hpp"
#include "engine/uml/uml.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <gtest/gtest.h>

namespace msb::engine {
namespace {

class Bundles : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
        directory_ += "/"; // names below are appended
    }
    void TearDown() override { (void)remove_tree(directory_); }

    std::string add(const std::string& name, const std::string& manifest,
                    const std::vector<std::string>& files = {"linux"}) {
        const std::string path = directory_ + name;
        std::filesystem::create_directory(path);
        std::ofstream(path + "/manifest.json") << manifest;
        for (const std::string& file : files)
            std::ofstream(path + "/" + file) << "x";
        return path;
    }
    std::string directory_ = "/tmp/msb-engine-test.XXXXXX";
};

constexpr const char* manifest = R"({{"schema":1,"name":"{}","engine":"uml","version":"{}",
    "kernel":"linux","modules":["a.ko"],"cmdline":"x=1","tuned":{},"hash":"h"}})";

TEST_F(Bundles, TunedFirstThenNewest) {
    add("a", fmt::format(manifest, "old", "7.2.9", false), {"linux", "a.ko"});
    add("b", fmt::format(manifest, "new", "7.2.13", false), {"linux", "a.ko"});
    add("c", fmt::format(manifest, "tuned", "7.1", true), {"linux", "a.ko"});
    const auto found = find_kernel_bundles(directory_);
    EXPECT_TRUE(found.broken.empty());
    ASSERT_EQ(found.bundles.size(), 3U);
    EXPECT_EQ(found.bundles[0].name, "tuned");
    EXPECT_EQ(found.bundles[1].name, "new");
    EXPECT_EQ(found.bundles[2].name, "old");
    EXPECT_EQ(found.bundles[1].modules, std::vector<std::string>{"a.ko"});
    EXPECT_EQ(found.bundles[1].cmdline, "x=1");
}

TEST_F(Bundles, BrokenOnesAreReportedNotUsed) {
    add("garbage", "{");
    add("types", R"({"schema":1,"name":7})");
    add("missing", fmt::format(manifest, "m", "1", true), {"linux"});
    add("outside", R"({"schema":1,"name":"o","engine":"uml","version":"1","kernel":"../linux"})");
    add("future", R"({"schema":2,"name":"f","engine":"uml","version":"1","kernel":"linux"})");
    const auto found = find_kernel_bundles(directory_);
    EXPECT_TRUE(found.bundles.empty());
    EXPECT_EQ(found.broken.size(), 5U);
    for (const Error& error : found.broken)
        EXPECT_NE(error.to_string().find(directory_), std::string::npos);
    EXPECT_TRUE(find_kernel_bundles(directory_ + "none").bundles.empty());
}

Machine plain_machine() {
    Machine machine;
    machine.memory_bytes = 512ULL << 20;
    machine.kernel.kernel = "linux";
    machine.kernel.cmdline = "a=1  b=2";
    return machine;
}

TEST(UmlCommandLine, HasWhatTheMachineSays) {
    Machine machine = plain_machine();
    machine.devices = {{2, "/run/x"}, {19, "/run/y"}};
    machine.extra_cmdline = "c=3";
    const auto arguments = uml::command_line(machine, 1234);
    ASSERT_TRUE(arguments);
    const auto has = [&](const char* word) {
        return std::ranges::find(*arguments, word) != arguments->end();
    };
    EXPECT_EQ(arguments->at(0), "/kernel/linux");
    for (const char* word : {"mem=536870912", "seccomp=on", "lpj=1234", "a=1", "b=2", "c=3",
                             "virtio_uml.device=/s/0:2", "virtio_uml.device=/s/1:19"})
        EXPECT_TRUE(has(word)) << word;
    machine.isolate_guest_users = true;
    EXPECT_EQ(std::ranges::count(*uml::command_line(machine, 1), "seccomp=off"), 1);
}

TEST(UmlCommandLine, RefusesWhatTheEngineCannotDo) {
    Machine machine = plain_machine();
    machine.vcpus = 2;
    EXPECT_EQ(uml::command_line(machine, 1).error().kind(), ErrorKind::unsupported);
    machine = plain_machine();
    machine.memory_bytes = 1 << 20;
    EXPECT_EQ(uml::command_line(machine, 1).error().kind(), ErrorKind::invalid_argument);
    machine.memory_bytes = maximum_memory + 1;
    EXPECT_EQ(uml::command_line(machine, 1).error().kind(), ErrorKind::limit_exceeded);
    machine = plain_machine();
    machine.extra_cmdline = std::string(5000, 'x');
    EXPECT_EQ(uml::command_line(machine, 1).error().kind(), ErrorKind::limit_exceeded);
}

TEST(Sizes, WhatCannotBeSaysTheValueAndWhatToDo) {
    KernelBundle kernel;
    kernel.name = "uml-tuned";
    const HostSizes host{.cpus = 4, .memory_mib = 8192};
    const Sizes good{.vcpus = 1, .max_vcpus = 1, .memory_mib = 512, .max_memory_mib = 512};
    EXPECT_TRUE(check_sizes(kernel, good, host));
    const auto refused = [&](const Sizes& sizes, ErrorKind kind, const char* value) {
        const Status status = check_sizes(kernel, sizes, host);
        ASSERT_FALSE(status) << value;
        EXPECT_EQ(status.error().kind(), kind) << value;
        EXPECT_NE(status.error().message().find(value), std::string::npos)
            << status.error().message();
        EXPECT_FALSE(status.error().hint().empty()) << value;
    };
    Sizes sizes = good;
    sizes.vcpus = sizes.max_vcpus = 5;
    refused(sizes, ErrorKind::limit_exceeded, "5 CPUs: this machine has 4");
    sizes.vcpus = sizes.max_vcpus = 2;
    refused(sizes, ErrorKind::unsupported, "2 CPUs: the kernel uml-tuned");
    kernel.smp = true;
    EXPECT_TRUE(check_sizes(kernel, sizes, host));
    sizes.max_vcpus = 3;
    refused(sizes, ErrorKind::unsupported, "3 CPUs");
    sizes = good;
    sizes.memory_mib = sizes.max_memory_mib = 8;
    refused(sizes, ErrorKind::invalid_argument, "8 MiB");
    sizes.memory_mib = sizes.max_memory_mib = 8193;
    refused(sizes, ErrorKind::limit_exceeded, "8193 MiB of memory: this machine has 8192 MiB");
    sizes = good;
    sizes.max_memory_mib = 1024;
    refused(sizes, ErrorKind::unsupported, "1024 MiB");
    sizes = good;
    sizes.thp = "always";
    refused(sizes, ErrorKind::unsupported, "'always'");
}

TEST(UmlExit, TellsEndsApart) {
    const auto reason = [](int code) { return uml::explain_exit(code << 8).reason; };
    EXPECT_EQ(reason(0), Exit::Reason::powered_off);
    EXPECT_EQ(reason(128 + SIGABRT), Exit::Reason::panic);
    EXPECT_EQ(reason(128 + SIGKILL), Exit::Reason::killed);
    EXPECT_EQ(reason(128 + SIGSEGV), Exit::Reason::crashed);
    EXPECT_EQ(reason(1), Exit::Reason::crashed);
    EXPECT_EQ(uml::explain_exit(SIGKILL).reason, Exit::Reason::killed);
}

TEST(UmlLoops, ArePlausible) {
    const auto loops = uml::measure_loops_per_jiffy();
    EXPECT_GT(loops, 100'000U);       // 10 MHz
    EXPECT_LT(loops, 1'000'000'000U); // 100 GHz
}

TEST(Probe, EndsAndRemembers) {
    std::string directory = "/tmp/msb-probe-test.XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const auto first = probe_kvm_cached(directory + "/cache");
    EXPECT_FALSE(first.reason.empty());
    const auto second = probe_kvm_cached(directory + "/cache");
    EXPECT_EQ(first.usable, second.usable);
    EXPECT_EQ(first.reason, second.reason);
    // What was written down is believed. (Nothing is, where there is no device that may be opened.)
    const std::string record = directory + "/cache/kvm-probe.json";
    if (auto text = read_file(record, 4096)) {
        const auto at = text->find("\"reason\":");
        ASSERT_NE(at, std::string::npos);
        text->replace(text->find('"', at + 9) + 1, 0, "remembered: ");
        ASSERT_TRUE(write_file_atomic(record, *text, 0644, false));
        EXPECT_EQ(probe_kvm_cached(directory + "/cache").reason, "remembered: " + first.reason);
    }
    (void)remove_tree(directory);
}

TEST(Probe, SeccompModeIsRememberedWhenItWorks) {
    std::string directory = "/tmp/msb-probe-test.XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const auto first = probe_seccomp_mode_cached(directory);
    EXPECT_FALSE(first.reason.empty());
    const auto second = probe_seccomp_mode_cached(directory);
    EXPECT_EQ(first.usable, second.usable);
    EXPECT_EQ(first.reason, second.reason);
    EXPECT_EQ(exists(directory + "/seccomp-mode-probe.json"), first.usable);
    (void)remove_tree(directory);
}

TEST(Choice, NeverWeakerThanRequired) {
    EXPECT_EQ(choose(EngineKind::uml, Isolation::hardware, "", "").error().kind(),
              ErrorKind::invalid_argument);
    const auto uml = choose(EngineKind::uml, Isolation::user_mode, "", "");
    ASSERT_TRUE(uml);
    EXPECT_FALSE(uml->fell_back);
    const auto automatic = choose(std::nullopt, Isolation::user_mode, "", "");
    ASSERT_TRUE(automatic);
    EXPECT_EQ(automatic->isolation, isolation_of(automatic->kind));
    const auto strong = choose(std::nullopt, Isolation::hardware, "", "");
    if (strong)
        EXPECT_EQ(strong->isolation, Isolation::hardware);
    else
        EXPECT_FALSE(strong.error().hint().empty());
}

TEST(Choice, KvmNeedsAKernelToo) {
    const KvmProbe works{true, "a 64-bit guest runs", ""};
    const auto chosen = choose(std::nullopt, Isolation::user_mode, works);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->kind, EngineKind::kvm);
    const KvmProbe alone = require_kvm_kernel(works, "/nowhere");
    EXPECT_FALSE(alone.usable);
    EXPECT_NE(alone.hint.find("make kernel"), std::string::npos);
    EXPECT_EQ(choose(EngineKind::kvm, Isolation::user_mode, alone).error().kind(),
              ErrorKind::unsupported);
}

TEST(KvmExit, TellsEndsApart) {
    const auto exit = [](kvm::End end) { return kvm::explain_exit(static_cast<int>(end) << 8); };
    EXPECT_EQ(exit(kvm::End::powered_off).reason, Exit::Reason::powered_off);
    EXPECT_EQ(exit(kvm::End::reset).reason, Exit::Reason::powered_off);
    EXPECT_EQ(exit(kvm::End::panicked).reason, Exit::Reason::panic);
    EXPECT_EQ(exit(kvm::End::triple_fault).reason, Exit::Reason::crashed);
    EXPECT_NE(exit(kvm::End::device_lost).detail.find("device"), std::string::npos);
    EXPECT_EQ(kvm::explain_exit(99 << 8).reason, Exit::Reason::crashed);
    EXPECT_EQ(kvm::explain_exit(SIGKILL).reason, Exit::Reason::killed);
    EXPECT_EQ(kvm::explain_exit((128 + SIGSYS) << 8).reason, Exit::Reason::crashed);
}

TEST(KvmOptions, SurviveTheWay) {
    const kvm::Options options{.cpus = 3,
                               .memory_bytes = 5ULL << 30,
                               .kernel = "/kernel/linux",
                               .initramfs = "/initramfs",
                               .command_line = "console=ttyS0 a=b",
                               .devices = {{2, "/s/0"}, {19, "/s/1"}}};
    std::vector<std::string> words = kvm::to_arguments(options);
    std::vector<char*> pointers;
    pointers.reserve(words.size());
    for (std::string& word : words)
        pointers.push_back(word.data());
    const auto read = kvm::parse_arguments(pointers);
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(read->cpus, 3u);
    EXPECT_EQ(read->memory_bytes, 5ULL << 30);
    EXPECT_EQ(read->command_line, "console=ttyS0 a=b");
    ASSERT_EQ(read->devices.size(), 2u);
    EXPECT_EQ(read->devices[1].virtio_id, 19u);
    EXPECT_EQ(read->devices[1].path, "/s/1");
    for (const char* wrong : {"--cpus", "--cpus=x", "--device=2", "--colour=red"}) {
        std::string word = wrong;
        char* const argument = word.data();
        EXPECT_FALSE(kvm::parse_arguments({&argument, 1})) << wrong;
    }
}

TEST(Choice, SaysWhyNot) {
    const KvmProbe none{false, "there is no such device", "buy one"};
    const auto kvm = choose(EngineKind::kvm, Isolation::user_mode, none);
    ASSERT_FALSE(kvm);
    EXPECT_EQ(kvm.error().kind(), ErrorKind::unsupported);
    EXPECT_NE(kvm.error().message().find("no such device"), std::string::npos);
    EXPECT_EQ(kvm.error().hint(), "buy one");
    const auto automatic = choose(std::nullopt, Isolation::user_mode, none);
    ASSERT_TRUE(automatic);
    EXPECT_EQ(automatic->kind, EngineKind::uml);
    EXPECT_TRUE(automatic->fell_back);
    EXPECT_NE(automatic->reason.find("no such device"), std::string::npos);
}

TEST(Diagnosis, ProblemsAreUnhealthyAndHaveHints) {
    const auto diagnosis =
        diagnose({.home = "/proc/nowhere", .share = "/nowhere", .programs = {"/nowhere/runtime"}});
    EXPECT_FALSE(diagnosis.healthy());
    std::vector<std::string> problems;
    for (const Check& check : diagnosis.checks) {
        EXPECT_LE(check.label.size(), 12U);
        EXPECT_FALSE(check.value.empty()) << check.id;
        if (check.level != Check::Level::ok) {
            EXPECT_FALSE(check.detail.empty()) << check.id;
            EXPECT_FALSE(check.hint.empty()) << check.id;
        }
        if (check.level == Check::Level::problem)
            problems.push_back(check.id);
    }
    for (const char* id : {"programs", "kernel", "home"})
        EXPECT_NE(std::find(problems.begin(), problems.end(), id), problems.end()) << id;
}

TEST(Choice, EngineNames) {
    EXPECT_FALSE(parse_engine("auto").value().has_value());
    EXPECT_EQ(parse_engine("kvm").value(), EngineKind::kvm);
    EXPECT_EQ(parse_engine("uml").value(), EngineKind::uml);
    EXPECT_FALSE(parse_engine("qemu"));
}

} // namespace
} // namespace msb::engine
