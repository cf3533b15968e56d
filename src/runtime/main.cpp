// The program `runtime`: started by a command in the jail of role `runtime`, with the descriptors
// of LaunchFd.
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/system.hpp"
#include "runtime/runtime.hpp"

#include <csignal>
#include <unistd.h>

namespace {

msb::Result<msb::LaunchConfig> read_config() {
    const msb::OwnedFd fd(msb::launch_fd_config);
    const auto size = static_cast<std::size_t>(MSB_TRY(msb::sys::fstat(fd.get())).st_size);
    std::string text(size, '\0');
    MSB_TRY(msb::sys::pread_all(fd.get(),
                                {reinterpret_cast<std::uint8_t*>(text.data()), text.size()}, 0));
    return msb::LaunchConfig::from_json(text);
}

msb::Result<std::unique_ptr<msb::Runtime>> prepare() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    auto config = MSB_TRY(read_config());
    const auto level = msb::log::parse_level(config.spec.log_level);
    msb::log::configure(level.value_or(msb::log::Level::warn), 2, "runtime");
    return msb::Runtime::create(std::move(config));
}

msb::Status serve(msb::Runtime& runtime) {
    msb::Status done = runtime.run();
    if (!done)
        runtime.fail_boot("build_vm", done.error());
    return done;
}

} // namespace

int main() {
    const auto runtime = prepare();
    const msb::Status done = runtime ? serve(**runtime) : msb::Status(msb::fail(runtime.error()));
    if (!done) {
        msb::log::configure(msb::log::Level::error, 2, "runtime");
        msb::log::error("{}", done.error().to_string());
    }
    // Exit without destroying anything, because that would wait for threads. The kernel ends what
    // still runs below.
    ::_exit(done ? 0 : 1);
}
