#include "guest_runner.hpp"

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/system.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <poll.h>

namespace msb::guest {

namespace {

constexpr std::size_t file_limit = std::size_t{64} << 20;

/// One entry of a cpio archive in "newc" format.
void append_entry(std::string& archive, const std::string& name, unsigned mode,
                  std::string_view data) {
    const auto inode = static_cast<unsigned>(archive.size() + 1); // any distinct number
    archive += fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
                           "{:08x}{:08x}{:08x}",
                           inode, mode, 0, 0, 1, 0, data.size(), 0, 0, 0, 0, name.size() + 1, 0);
    archive += name;
    archive.append(1 + (4 - (archive.size() + 1) % 4) % 4, '\0');
    archive += data;
    archive.append((4 - archive.size() % 4) % 4, '\0');
}

Result<std::string> build_initramfs(const engine::KernelBundle& kernel) {
    const std::string init = MSB_TRY(executable_directory()) + "/../tests/guest_init";
    std::string archive;
    append_entry(archive, "dev", 0040755, {});
    append_entry(archive, "init", 0100755, MSB_TRY(read_file(init, file_limit)));
    append_entry(archive, "modules", 0040755, {});
    std::string order;
    for (const std::string& name : kernel.modules) {
        append_entry(archive, "modules/" + name, 0100644,
                     MSB_TRY(read_file(kernel.directory + "/" + name, file_limit)));
        order += name + "\n";
    }
    append_entry(archive, "modules/order", 0100644, order);
    append_entry(archive, "TRAILER!!!", 0, {});
    return archive;
}

Result<std::string> read_until_end(int fd, std::chrono::seconds limit) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + limit;
    std::string output;
    std::array<std::uint8_t, 4096> buffer;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
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

Result<engine::KernelBundle> find_kernel() {
    if (const char* path = std::getenv("MSB_TEST_KERNEL"); path != nullptr && *path != '\0') {
        const std::filesystem::path kernel(path);
        if (std::filesystem::is_directory(kernel))
            return engine::load_kernel_bundle(kernel);
        return engine::KernelBundle{
            .directory = kernel.parent_path(), .name = "test", .kernel = kernel.filename()};
    }
    const std::string directory =
        MSB_TRY(executable_directory()) + "/../share/microsandbox/kernels";
    auto found = engine::find_kernel_bundles(directory);
    std::erase_if(found.bundles, [](const auto& bundle) {
        return bundle.engine != engine::EngineKind::uml; // which boots anywhere
    });
    if (found.bundles.empty())
        return fail(Error(ErrorKind::not_found, "no kernel bundle in " + directory)
                        .with_hint("run 'make build' or 'make kernel', or set MSB_TEST_KERNEL"));
    return std::move(found.bundles.front());
}

Result<std::string> run_guest(const Boot& boot, const std::string& work_directory) {
    const std::string initramfs = work_directory + "/initramfs.cpio";
    MSB_TRY(write_file_atomic(initramfs, MSB_TRY(build_initramfs(boot.kernel)), 0644, false));
    auto console = MSB_TRY(sys::pipe());
    auto engine = MSB_TRY(engine::Engine::start(
        boot.kernel.engine, {.memory_bytes = std::uint64_t{boot.memory_mib} << 20,
                             .kernel = boot.kernel,
                             .initramfs = initramfs,
                             .devices = boot.devices,
                             .console_fd = console[1].get(),
                             .extra_cmdline = boot.words,
                             .one_cpu = true,
                             .nested = false}));
    console[1].reset();
    auto text = read_until_end(console[0].get(), boot.deadline);
    MSB_TRY(engine->stop());
    return text;
}

} // namespace msb::guest
