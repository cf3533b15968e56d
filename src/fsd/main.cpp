// The program `fsd`: the only process of a sandbox that has the user's directories.
#include "base/event_loop.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "device/fs/fs.hpp"
#include "jail/jail.hpp"
#include "jail/process_view.hpp"
#include "spec/fs_server.hpp"
#include "virtio/device_thread.hpp"

#include <array>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace msb {

namespace {

/// Files that the guests of all mounts may remember.
constexpr std::size_t max_inodes = std::size_t{1} << 20;
/// Open files of all mounts. A directory that is being read may hold 32 KiB.
constexpr std::size_t max_handles = 8192;

std::uint64_t number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Result<fsd::Share> parse_share(std::string_view argument) {
    std::vector<std::string_view> words;
    for (std::size_t at = 0; at <= argument.size();) {
        const std::size_t end = std::min(argument.find(',', at), argument.size());
        words.push_back(argument.substr(at, end - at));
        at = end + 1;
    }
    if (words.size() != 10)
        return fail(ErrorKind::invalid_argument, "bad argument");
    return fsd::Share{.device = number(words[0]),
                      .name = std::string(words[1]),
                      .file = std::string(words[2]),
                      .read_only = words[3] == "ro",
                      .keep_metadata = words[4] == "keep",
                      .mirror_modes = words[5] == "mirror",
                      .cached = words[6] == "cached",
                      .quota_bytes = number(words[7]),
                      .quota_names = number(words[8]),
                      .owner = std::string(words[9])};
}

/// "UID:GID"
device::Passthrough::GuestUser parse_owner(std::string_view text) {
    const std::size_t colon = text.find(':');
    return {static_cast<std::uint32_t>(number(text.substr(0, colon))),
            static_cast<std::uint32_t>(number(text.substr(colon + 1)))};
}

/// From here on the working directory is /proc/self/fd, where this process's descriptors have
/// names.
Status enter_descriptor_names() {
    const OwnedFd view(jail::process_view_fd);
    const auto names = MSB_TRY(sys::open_at(view.get(), "1/fd", O_PATH | O_DIRECTORY));
    if (::fchdir(names.get()) == -1)
        return fail_errno("fchdir", "/proc/1/fd");
    return {};
}

/// Takes what the runtime has sent, without waiting, and says who the guest's default user is. Several
/// threads may ask.
device::Passthrough::GuestUser read_lifeline() {
    static std::mutex mutex;
    static device::Passthrough::GuestUser user;
    const std::lock_guard lock(mutex);
    std::array<std::uint8_t, 8> bytes{};
    for (;;) {
        const auto count = sys::read(fsd::lifeline, bytes);
        if (!count || *count == 0)
            return user;
        const BytesView packet = BytesView(bytes).first(*count);
        if (as_text(packet) == fsd::are_you_there)
            (void)!::write(fsd::lifeline, fsd::here_i_am.data(), fsd::here_i_am.size());
        else if (packet.size() == bytes.size())
            user = {load_le<std::uint32_t>(packet), load_le<std::uint32_t>(packet.subspan(4))};
    }
}

/// Each of `count` shares has its part of what this process may have.
device::Passthrough::Options options_of(const fsd::Share& share, std::size_t count,
                                        std::size_t descriptors) {
    device::Passthrough::Options options;
    options.read_only = share.read_only;
    options.keep_metadata = share.keep_metadata;
    options.mirror_modes = share.mirror_modes;
    options.file_name = share.file;
    options.inodes = max_inodes / count;
    options.descriptors = descriptors / count / 2;
    options.handles = std::min(descriptors / 4, max_handles) / count;
    options.descriptor_names.clear();
    options.cached = share.cached;
    options.quota = {share.quota_bytes, share.quota_names};
    if (share.owner.empty())
        options.guest_user = read_lifeline;
    else
        options.guest_user = [owner = parse_owner(share.owner)] { return owner; };
    return options;
}

class Server {
  public:
    Status prepare(const std::vector<fsd::Share>& shares) {
        rlimit files{};
        if (::getrlimit(RLIMIT_NOFILE, &files) == -1)
            return fail_errno("getrlimit", "RLIMIT_NOFILE");
        jail::LockDown keep;
        std::map<std::size_t, std::vector<device::Shares::Share>> devices;
        std::map<std::size_t, std::size_t> counts;
        for (const fsd::Share& share : shares)
            ++counts[share.device];
        for (std::size_t i = 0; i < shares.size(); ++i) {
            const fsd::Share& share = shares[i];
            auto& beside = devices[share.device];
            auto options = options_of(share, shares.size(), files.rlim_cur);
            options.first_id = device::Shares::first_id(beside.size(), counts[share.device]);
            const std::string path = fsd::source_path(i);
            auto source = MSB_TRY(sys::open(path, O_PATH));
            beside.push_back(
                {share.name, MSB_TRY(device::Passthrough::create(std::move(source), options))});
            (share.read_only ? keep.readable : keep.writable).push_back(path);
        }
        for (auto& [number, beside] : devices)
            devices_.push_back(MSB_TRY(
                device::Fs::create(fsd::device_tag(number), device::Shares(std::move(beside)))));
        MSB_TRY(sys::set_nonblocking(fsd::lifeline));
        MSB_TRY(enter_descriptor_names());
        return jail::lock_down(jail::Role::fs, keep);
    }

    Status serve() {
        for (std::size_t i = 0; i < devices_.size(); ++i)
            threads_.push_back(MSB_TRY(
                virtio::DeviceThread::start(OwnedFd(fsd::first_socket + static_cast<int>(i)),
                                            *devices_[i], "fs-" + std::to_string(i))));
        // A loop of its own, on which nothing else happens: however the devices' threads are stuck,
        // questions are answered and the end is noticed.
        const auto loop = MSB_TRY(EventLoop::create());
        MSB_TRY(loop->watch(fsd::lifeline, EPOLLIN, [&](std::uint32_t events) {
            (void)read_lifeline();
            if ((events & (EPOLLHUP | EPOLLERR)) != 0)
                loop->stop();
        }));
        return loop->run();
    }

  private:
    std::vector<std::unique_ptr<device::Fs>> devices_;
    std::vector<std::unique_ptr<virtio::DeviceThread>> threads_;
};

Status run(int count, char** arguments) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN); // a file that is too large is an error to the guest
    ::umask(0);                    // modes are what the guest's kernel made of its own umask
    std::vector<fsd::Share> shares;
    for (int i = 1; i < count; ++i)
        shares.push_back(MSB_TRY(parse_share(arguments[i])));
    Server server;
    MSB_TRY(server.prepare(shares));
    return server.serve();
}

} // namespace

} // namespace msb

int main(int count, char** arguments) {
    msb::log::configure(msb::log::Level::error, msb::fsd::lifeline, "fsd");
    const msb::Status done = msb::run(count, arguments);
    if (done)
        ::_exit(0); // a thread may be waiting for a disk: nobody waits for it
    msb::log::error("{}", done.error().to_string());
    return 1;
}
