// make_initramfs AGENT SHARE: for every kernel bundle SHARE/kernels/NAME writes
// SHARE/initramfs/NAME.cpio, which holds what the kernel unpacks into its first root file system:
// the agent as /init, the modules it inserts before it can see a disk (with /modules/order, one
// name a line), and the device nodes it needs before devtmpfs is mounted.
//
// The format is "newc", described in the kernel's buffer-format.rst: each entry is a header of
// 13 eight-digit hexadecimal numbers after the magic, the name, the content, each padded to 4
// bytes. Uncompressed: the kernel would spend longer unpacking than the host spends copying.
#include "base/file.hpp"
#include "base/system.hpp"

#include <cstdio>
#include <dirent.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace {

using namespace msb;

class Cpio {
  public:
    void directory(const std::string& name) { entry(name, S_IFDIR | 0755, {}, 0); }
    void file(const std::string& name, mode_t mode, std::string_view content) {
        entry(name, S_IFREG | mode, content, 0);
    }
    void character_device(const std::string& name, mode_t mode, dev_t device) {
        entry(name, S_IFCHR | mode, {}, device);
    }
    std::string finish() {
        entry("TRAILER!!!", 0, {}, 0);
        return std::move(data_);
    }

  private:
    void entry(const std::string& name, mode_t mode, std::string_view content, dev_t device) {
        const unsigned links = S_ISDIR(mode) ? 2 : 1;
        data_ += fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}"
                             "{:08X}{:08X}{:08X}",
                             ++inode_, mode, 0, 0, links, 0, content.size(), 0, 0, major(device),
                             minor(device), name.size() + 1, 0);
        data_.append(name.c_str(), name.size() + 1);
        pad();
        data_ += content;
        pad();
    }
    void pad() { data_.resize((data_.size() + 3) & ~std::size_t{3}); }

    std::string data_;
    unsigned inode_ = 0;
};

constexpr std::size_t largest_part = std::size_t{64} << 20;

Result<std::vector<std::string>> boot_modules(const std::string& bundle) {
    const auto manifest = nlohmann::json::parse(MSB_TRY(read_file(bundle + "/manifest.json")),
                                                nullptr, /*allow_exceptions=*/false);
    if (!manifest.is_object() || !manifest.contains("modules") || !manifest["modules"].is_array())
        return fail(ErrorKind::corrupt, bundle + "/manifest.json has no list \"modules\"");
    std::vector<std::string> names;
    for (const auto& name : manifest["modules"]) {
        if (!name.is_string())
            return fail(ErrorKind::corrupt, bundle + "/manifest.json: a module is not a string");
        names.push_back(name.get<std::string>());
    }
    return names;
}

Result<std::string> build(const std::string& agent, const std::string& bundle) {
    Cpio cpio;
    cpio.directory("dev");
    cpio.character_device("dev/console", 0600, makedev(5, 1));
    cpio.character_device("dev/null", 0666, makedev(1, 3));
    cpio.directory("proc");
    cpio.directory("sys");
    cpio.file("init", 0755, agent);
    const auto modules = MSB_TRY(boot_modules(bundle));
    if (!modules.empty()) {
        cpio.directory("modules");
        std::string order;
        for (const auto& module : modules) {
            order += module + "\n";
            cpio.file("modules/" + module, 0644,
                      MSB_TRY(read_file(bundle + "/" + module, largest_part)));
        }
        cpio.file("modules/order", 0644, order);
    }
    return cpio.finish();
}

Result<std::set<std::string>> list_directory(const std::string& path) {
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr)
        return fail_errno("opendir", path);
    std::set<std::string> names;
    while (const dirent* entry = readdir(directory)) {
        if (entry->d_name[0] != '.')
            names.insert(entry->d_name);
    }
    closedir(directory);
    return names;
}

Status run(const std::string& agent_path, const std::string& share) {
    const auto agent = MSB_TRY(read_file(agent_path, largest_part));
    const std::string output = share + "/initramfs";
    MSB_TRY(make_directories(output));
    auto stale = MSB_TRY(list_directory(output));
    for (const auto& name : MSB_TRY(list_directory(share + "/kernels"))) {
        const auto cpio = MSB_TRY(build(agent, share + "/kernels/" + name));
        const std::string path = output + "/" + name + ".cpio";
        stale.erase(name + ".cpio");
        // Unchanged files keep their time stamp, which caches made from them look at.
        if (const auto old = read_file(path, largest_part); old && *old == cpio)
            continue;
        MSB_TRY(write_file_atomic(path, cpio, 0644, false));
    }
    for (const auto& name : stale)
        MSB_TRY(sys::unlink(output + "/" + name));
    return {};
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: make_initramfs AGENT SHARE_DIRECTORY\n");
        return 2;
    }
    if (const auto status = run(argv[1], argv[2]); !status) {
        std::fprintf(stderr, "make_initramfs: %s\n", status.error().to_string().c_str());
        return 1;
    }
    return 0;
}
