// The C++ header against a sandbox.
#include <cstdlib>
#include <iostream>
#include <microsandbox/microsandbox.hpp>
#include <thread>

using microsandbox::Error;
using microsandbox::Json;
using microsandbox::PrivateNetwork;
using microsandbox::Sandbox;
using microsandbox::Snapshot;
using microsandbox::Volume;

static void require(bool condition, const char* what) {
    if (!condition) {
        std::cerr << "failed: " << what << '\n';
        std::exit(1);
    }
}

template <typename Call> static std::string kind_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.kind();
    }
    return "success";
}

int main() {
    auto sandbox = Sandbox::create("cpp", {{"memory_mib", 256}, {"env", {{"A", "1"}}}});
    const auto output = sandbox.shell("cat; echo $A >&2; exit 3", Json::object(), "input");
    require(output.exit_code == 3 && output.out == "input" && output.err == "1\n", "shell");
    require(sandbox.shell("kill -9 $$").signal == 9, "signal");
    require(kind_of([&] { sandbox.exec("no-such"); }) == "exec_failed", "exec_failed");
    require(kind_of([&] { Sandbox::create("cpp"); }) == "already_exists", "already_exists");
    require(kind_of([&] { sandbox.exec("true", {{"arg", 1}}); }) == "invalid_argument", "strict");

    auto command = sandbox.exec_stream("cat", {{"stdin", true}});
    command.write("streamed");
    command.close_stdin();
    std::string text, last;
    while (const auto event = command.next()) {
        text += event->data;
        last = event->kind();
    }
    require(text == "streamed" && last == "exited", "stream");

    microsandbox::Cancel cancel;
    std::jthread soon([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        cancel.trigger();
    });
    require(kind_of([&] { sandbox.exec("sleep", {{"args", {"100"}}}, {}, cancel.number()); }) ==
                "cancelled",
            "cancelled");

    sandbox.write_file("/root/file", std::string("\0\xff", 2));
    require(sandbox.read_file("/root/file") == std::string("\0\xff", 2), "files");
    require(sandbox.logs().front().data == "input", "logs");

    int samples = 0;
    sandbox.watch_metrics(1, [&](const Json& sample) {
        require(sample.at("memory_bytes") > 0, "metrics");
        return ++samples < 2;
    });
    require(samples == 2, "watch_metrics");
    require(sandbox.metrics().at("name") == "cpp", "metrics");
    require(microsandbox::all_sandbox_metrics().contains("cpp"), "all_sandbox_metrics");
    require(sandbox.network_check("10.0.0.1").at("verdict") == "deny", "check");
    const Json private_too = {
        {"network", {{"rules", {{{"action", "allow"}, {"destination", "10.0.0.0/8"}}}}}}};
    require(sandbox.modify(private_too).at("in_force") == true, "modify");
    require(sandbox.network_check("10.0.0.1").at("verdict") == "allow", "check after a change");
    require(sandbox.network_log({{"tail", 1}}).at(0).at("type") == "policy", "network log");
    require(!sandbox.network_learn().empty(), "learn");
    require(microsandbox::network_policies().size() >= 6, "policies");
    require(microsandbox::network_policy("offline").find("none") != std::string::npos, "policy");
    require(Sandbox::list().at("sandboxes").size() == 1, "list");
    const Json motd = {{"kind", "text"}, {"path", "/etc/motd.d/cpp"}, {"content", "patched"}};
    require(Sandbox::create("patched", {{"patches", {motd}}, {"ephemeral", true}})
                    .exec("cat", {{"args", {"/etc/motd.d/cpp"}}})
                    .out == "patched",
            "patches");
    require(kind_of([&] { Sandbox::create("unpatched", {{"patches", {motd, motd}}}); }) ==
                "patch_failed",
            "patch_failed");
    sandbox.close();
    require(Sandbox::get("cpp").at("status") == "stopped", "status");
    {
        auto dropped = Sandbox::start("cpp");
    } // does not wait
    auto seen = Json();
    require(kind_of([&] {
                char* result = nullptr;
                microsandbox::detail::check(
                    msb_sandbox_wait_until_stopped(0, 0, "cpp", 20'000, &result));
                seen = microsandbox::detail::take(result);
            }) == "success",
            "wait");
    require(seen.at("status") == "stopped", "stopped by the destructor");

    const auto back = PrivateNetwork::create("back", {{"subnet", "10.82.0.0/24"}});
    require(back.at("subnet") == "10.82.0.0/24", "private network");
    require(kind_of([] { PrivateNetwork::create("back"); }) == "network_already_exists", "exists");
    require(PrivateNetwork::get("back") == back && PrivateNetwork::list().size() == 1, "networks");
    require(kind_of([] { PrivateNetwork::remove("none"); }) == "network_not_found", "no network");
    require(PrivateNetwork::prune() == Json::array({"back"}), "pruned networks");

    const auto data = Volume::create("data", {{"labels", {{"a", "b"}}}});
    require(data.at("kind") == "directory" && data.at("labels").at("a") == "b", "volume");
    require(kind_of([] { Volume::create("data"); }) == "volume_already_exists", "volume exists");
    require(Volume::get("data") == data && Volume::list().size() == 1, "volumes");
    require(Volume::clone("data", "copy").at("name") == "copy", "clone");
    require(kind_of([] { Sandbox::create("x", {{"volumes", {{"/d", {{"named", "none"}}}}}}); }) ==
                "volume_not_found",
            "named is existing");
    require(Sandbox::create("mounts", {{"volumes",
                                        {{"/d", {{"named", "data"}}},
                                         {"/e", {{"named", "more"}, {"named_mode", "create"}}},
                                         {"/t", {{"tmpfs", true}, {"size_mib", 8}}}}}})
                    .exec("sh", {{"args", {"-c", "touch /d/x /e/x /t/x"}}})
                    .exit_code == 0,
            "mounted");
    require(kind_of([] { Sandbox::create("x", {{"volumes", {{"/d", {{"readonly", true}}}}}}); }) ==
                "invalid_config",
            "a mount of nothing");
    Sandbox::remove("mounts", true);
    const microsandbox::VolumeFs files("data");
    files.write("/a/b", "text");
    files.copy("/a/b", "/a/c");
    files.rename("/a/c", "/a/d");
    files.mkdir("/m");
    require(files.read("/a/d") == "text" && files.list("/a").size() == 2 &&
                files.stat("/m").at("kind") == "dir",
            "files of a volume");
    files.remove("/a", {{"recursive", true}});
    require(kind_of([&] { (void)files.stat("/a"); }) == "path_not_found", "removed");
    using microsandbox::Storage;
    require(Storage::usage().at("volumes").at("count") == 3, "usage");
    require(Storage::prune({{"types", {"volumes"}}, {"dry_run", true}}).at("items").size() == 3,
            "planned");
    require(Volume::prune().size() == 3, "prune");
    require(kind_of([] { Volume::remove("data"); }) == "volume_not_found", "volume removed");

    const auto one =
        Snapshot::create("cpp", "one", {{"labels", {{"a", "b"}}}, {"integrity", true}});
    require(one.at("labels").at("a") == "b", "label");
    require(kind_of([] { Snapshot::create("cpp", "one"); }) == "snapshot_already_exists", "exists");
    require(Snapshot::open(one.at("digest")) == one, "open");
    require(Snapshot::list().size() == 1, "list");
    require(Snapshot::list_dir("/nowhere").empty(), "list_dir");
    require(Snapshot::verify("one").at("upper").at("kind") == "verified", "verify");
    require(Snapshot::reindex() == 1, "reindex");
    require(Snapshot::diff("one", "one").empty(), "diff");
    require(Sandbox::diff("cpp").at(0).at("change") == "added", "diff of a sandbox");
    auto forks = Sandbox::fork("cpp", {"fork-1", "fork-2"}, {{"detached", true}});
    require(forks.at(1).exec("cat", {{"args", {"/root/file"}}}).out == std::string("\0\xff", 2),
            "fork");
    require(kind_of([] { Sandbox::fork("cpp", {"fork-3", "fork-1"}); }) == "already_exists",
            "all or none");
    require(kind_of([] { Sandbox::get("fork-3"); }) == "sandbox_not_found", "none");
    for (const auto& fork : forks)
        Sandbox::remove(fork.name(), true);
    const auto archive = Snapshot::export_to("one", "one.tar.zst");
    require(Snapshot::import_from(archive, {{"name", "two"}}).at("digest") == one.at("digest"),
            "import");
    require(Sandbox::create("fork", {{"from_snapshot", "two"}}).exec("true").exit_code == 0,
            "from_snapshot");
    require(kind_of([] { Sandbox::create("x", {{"from_snapshot", "none"}}); }) ==
                "snapshot_not_found",
            "none");
    Snapshot::remove("two");
    Snapshot::remove("one", true);
    require(kind_of([] { Snapshot::open("one"); }) == "snapshot_not_found", "removed");
    Sandbox::remove("fork", true);
    Sandbox::remove("cpp");
    std::cout << "ok\n";
}
