#include "sandbox/launch/storage_daemon.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "jail/jail.hpp"

#include <fmt/format.h>

namespace msb {

namespace {

constexpr const char* daemon = "/usr/bin/qemu-storage-daemon";
constexpr int first_socket = 3;

/// The image is a file of the jail: where its header names another one, as backing file, there is none.
void add_disk(jail::Request& request, const MountPlan::FormattedDisk& disk, std::size_t index) {
    const std::string_view read_only = disk.read_only ? "on" : "off";
    const std::string path = fmt::format("/disks/{}", index);
    request.binds.push_back({.source = disk.path,
                             .target = path,
                             .writable = !disk.read_only,
                             .same_as = disk.fd.get()});
    const auto add = [&](std::string_view option, std::string value) {
        request.argv.emplace_back(option);
        request.argv.push_back(std::move(value));
    };
    // Who may have the image is decided by our own lock.
    add("--blockdev",
        fmt::format("driver=file,node-name=file{},filename={},read-only={},locking=off,aio=threads,"
                    "discard=unmap",
                    index, path, read_only));
    add("--blockdev", fmt::format("driver={},node-name=disk{},file=file{},read-only={}{}",
                                  to_string(disk.format), index, index, read_only,
                                  disk.format == DiskFormat::qcow2 ? ",discard=unmap" : ""));
    // It tells guests that nothing is cached, and they never ask for a flush; so there must not be.
    add("--export",
        fmt::format("type=vhost-user-blk,id=export{},node-name=disk{},writable={},writethrough=on,"
                    "addr.type=fd,addr.str={}",
                    index, index, disk.read_only ? "off" : "on",
                    first_socket + static_cast<int>(index)));
}

} // namespace

Result<Helper> start_storage_daemon(const HelperStart& start,
                                    const std::vector<MountPlan::FormattedDisk>& disks) {
    if (!exists(daemon))
        return fail(Error(ErrorKind::unsupported,
                          std::string(to_string(disks[0].format)) + " images need " + daemon)
                        .with_hint("apt-get install qemu-system-common, or convert the image: "
                                   "qemu-img convert -O raw"));
    jail::Request request;
    request.role = jail::Role::qcow;
    request.argv = {"/storage-daemon"};
    request.binds = {{daemon, "/storage-daemon", false, true}};
    request.control_group = start.control_group;
    request.new_session = true;
    request.die_with_parent = false; // it lives as long as the runtime
    std::vector<OwnedFd> listeners;
    for (std::size_t i = 0; i < disks.size(); ++i) {
        listeners.push_back(
            MSB_TRY(sys::unix_listen(start.sockets + "/" + disks[i].tag + ".sock", 1, 0666)));
        request.fds.emplace_back(first_socket + static_cast<int>(i), listeners.back().get());
        add_disk(request, disks[i], i);
    }
    request.fds.emplace_back(STDERR_FILENO, start.log);
    jail::Process process = MSB_TRY(jail::spawn(request));
    OwnedFd lifeline = std::move(process.lifeline);
    return Helper{.step = "mount",
                  .number = launch_fd_disks,
                  .process = static_cast<Child>(std::move(process)),
                  .lifeline = std::move(lifeline)};
}

} // namespace msb
