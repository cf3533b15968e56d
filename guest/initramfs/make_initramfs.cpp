// make_initramfs AGENT SHARE: for every kernel bundle SHARE/kernels/NAME writes
// SHARE/initramfs/NAME.cpio, which holds what the kernel unpacks into its first root file system:
// the agent as /init, the kernel's modules with the lists by which they are found, and the device
// nodes it needs before devtmpfs is mounted. /modules/order has those that the agent inserts before it
// can see a disk, one name a line. A kernel that has the drivers of a feature as modules gets one more
// file for each combination (engine::initramfs_name), so that a guest without the feature spends no
// time on them.
//
// The format is "newc", described in the kernel's buffer-format.rst: each entry is a header of
// 13 eight-digit hexadecimal numbers after the magic, the name, the content, each padded to 4
// bytes. Uncompressed: the kernel would spend longer unpacking than the host spends copying.
#include "base/file.hpp"
#include "base/system.hpp"
#include "engine/engine.hpp"

#include <cstdio>
#include <dirent.h>
#include <fmt/core.h>
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

/// What the agent inserts, a line each.
std::string module_order(const engine::KernelBundle& bundle, engine::Features features) {
    std::string order;
    const auto add = [&order](const std::vector<std::string>& modules) {
        for (const std::string& module : modules)
            order += module + "\n";
    };
    add(bundle.modules);
    if (features.net)
        add(bundle.net_modules);
    if (features.mounts)
        add(bundle.mounts_modules);
    return order;
}

Result<std::string> build(const std::string& agent, const engine::KernelBundle& bundle,
                          engine::Features features) {
    Cpio cpio;
    cpio.directory("dev");
    cpio.character_device("dev/console", 0600, makedev(5, 1));
    cpio.character_device("dev/null", 0666, makedev(1, 3));
    cpio.directory("proc");
    cpio.directory("sys");
    cpio.file("init", 0755, agent);
    cpio.directory("modules");
    for (const auto* list : {&bundle.modules, &bundle.net_modules, &bundle.mounts_modules,
                             &bundle.optional_modules, &bundle.module_lists})
        for (const std::string& name : *list)
            cpio.file("modules/" + name, 0644,
                      MSB_TRY(read_file(bundle.directory + "/" + name, largest_part)));
    if (const std::string order = module_order(bundle, features); !order.empty())
        cpio.file("modules/order", 0644, order);
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

/// Unchanged files keep their time stamp, which caches made from them look at.
Status write_if_changed(const std::string& path, const std::string& content) {
    if (const auto old = read_file(path, largest_part); old && *old == content)
        return {};
    return write_file_atomic(path, content, 0644, false);
}

Status run(const std::string& agent_path, const std::string& share) {
    const auto agent = MSB_TRY(read_file(agent_path, largest_part));
    const std::string output = share + "/initramfs";
    MSB_TRY(make_directories(output));
    auto stale = MSB_TRY(list_directory(output));
    for (const auto& directory : MSB_TRY(list_directory(share + "/kernels"))) {
        const auto bundle = MSB_TRY(engine::load_kernel_bundle(share + "/kernels/" + directory));
        for (const engine::Features features :
             {engine::Features{}, {.net = true}, {.mounts = true}, {.net = true, .mounts = true}}) {
            const std::string name = engine::initramfs_name(bundle, features);
            stale.erase(name);
            MSB_TRY(write_if_changed(output + "/" + name, MSB_TRY(build(agent, bundle, features))));
        }
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
