#include "device/guest/guest_runner.hpp"

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/process.hpp"
#include "base/system.hpp"

#include <cstdlib>
#include <dirent.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>

namespace msb::guest {

namespace {

constexpr std::size_t file_limit = std::size_t{64} << 20;

/// One entry of a cpio archive in "newc" format.
void append_entry(std::string& archive, const std::string& name, unsigned mode,
                  std::string_view data) {
    static unsigned inode = 1;
    archive += fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                           "{:08x}{:08x}{:08x}",
                           inode++, mode, 0, 0, 1, 0, data.size(), 0, 0, 0, 0, name.size() + 1, 0);
    archive += name;
    archive.append(1 + (4 - (archive.size() + 1) % 4) % 4, '\0');
    archive += data;
    archive.append((4 - archive.size() % 4) % 4, '\0');
}

Result<std::string> build_initramfs(const Boot& boot) {
    const std::string self = MSB_TRY(executable_directory());
    std::string archive;
    append_entry(archive, "dev", 0040755, {});
    append_entry(archive, "init", 0100755, MSB_TRY(read_file(self + "/guest_init", file_limit)));
    append_entry(archive, "modules", 0040755, {});
    std::string order;
    for (const auto& [name, path] : boot.modules) {
        append_entry(archive, "modules/" + name, 0100644, MSB_TRY(read_file(path, file_limit)));
        order += name + "\n";
    }
    append_entry(archive, "modules/order", 0100644, order);
    append_entry(archive, "TRAILER!!!", 0, {});
    return archive;
}

Result<Boot> read_bundle(const std::string& directory) {
    const std::string text = MSB_TRY(read_file(directory + "/manifest.json"));
    try {
        const auto manifest = nlohmann::json::parse(text);
        Boot boot;
        boot.kernel = directory + "/" + manifest.at("kernel").get<std::string>();
        boot.extra_command_line = manifest.value("cmdline", "");
        for (const auto& module : manifest.value("modules", std::vector<std::string>()))
            boot.modules.emplace_back(module, directory + "/" + module);
        return boot;
    } catch (const nlohmann::json::exception& error) {
        return fail(ErrorKind::corrupt, directory + "/manifest.json: " + error.what());
    }
}

Result<std::string> read_until_end(int fd, std::chrono::seconds limit) {
    using clock = std::chrono::steady_clock;
    const auto deadline = clock::now() + limit;
    std::string output;
    std::array<std::uint8_t, 4096> buffer;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
        if (!MSB_TRY(sys::wait_for(fd, POLLIN, std::max(left, std::chrono::milliseconds(0)))))
            return fail(ErrorKind::timed_out, "the guest did not end in time; it said:\n" + output);
        const std::size_t count = MSB_TRY(sys::read(fd, buffer));
        if (count == 0)
            return output;
        output += as_text(BytesView(buffer).first(count));
        std::erase(output, '\r'); // the guest's console is a terminal
    }
}

} // namespace

Result<Boot> find_kernel() {
    if (const char* path = std::getenv("MSB_TEST_KERNEL"); path != nullptr && *path != '\0')
        return Boot{.kernel = path};
    const std::string root = MSB_TRY(executable_directory()) + "/../share/microsandbox/kernels";
    DIR* const dir = ::opendir(root.c_str());
    Result<Boot> found = fail(Error(ErrorKind::not_found, "no kernel bundle in " + root)
                                  .with_hint("run 'make kernel' or set MSB_TEST_KERNEL"));
    while (const dirent* entry = dir == nullptr ? nullptr : ::readdir(dir))
        if (entry->d_name[0] != '.' && !found)
            if (auto bundle = read_bundle(root + "/" + entry->d_name))
                found = std::move(bundle);
    if (dir != nullptr)
        ::closedir(dir);
    return found;
}

Result<std::string> run_guest(const Boot& boot, const std::string& work_directory) {
    const std::string initramfs = work_directory + "/initramfs.cpio";
    MSB_TRY(write_file_atomic(initramfs, MSB_TRY(build_initramfs(boot)), 0644, false));
    auto output = MSB_TRY(sys::pipe());
    SpawnOptions options;
    options.argv = {boot.kernel,
                    fmt::format("mem={}M", boot.memory_mib),
                    "initrd=" + initramfs,
                    "uml_dir=" + work_directory,
                    "con0=fd:0,fd:1",
                    "quiet",
                    "panic=-1",
                    "seccomp=auto"};
    for (const auto& [path, id] : boot.devices)
        options.argv.push_back(fmt::format("virtio_uml.device={}:{}", path, id));
    for (const std::string& text : {boot.extra_command_line, boot.words})
        for (std::size_t begin = 0; begin < text.size();) {
            const std::size_t end = std::min(text.find(' ', begin), text.size());
            if (end > begin)
                options.argv.push_back(text.substr(begin, end - begin));
            begin = end + 1;
        }
    options.fds = {{1, output[1].get()}, {2, output[1].get()}};
    options.new_session = true; // so that its helper processes can be killed with it
    Child child = MSB_TRY(spawn(options));
    output[1].reset();
    auto text = read_until_end(output[0].get(), boot.deadline);
    ::kill(-child.pid(), SIGKILL);
    (void)child.wait(std::chrono::seconds(5));
    return text;
}

} // namespace msb::guest
