// PID 1 of the guest that tests and measures the devices from the inside. Static, so that it is the
// whole user space. What to do comes as words "msb.<key>=<value>" on the kernel command line; each
// result is one console line starting with "msb:", and the guest powers off at the end.
#include "guest_tasks.hpp"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using msb::guest::Words;

Words read_command_line() {
    Words words;
    std::istringstream stream(msb::guest::slurp("/proc/cmdline"));
    std::string word;
    while (stream >> word) {
        const auto equals = word.find('=');
        if (word.starts_with("msb.") && equals != std::string::npos)
            words[word.substr(4, equals - 4)] = word.substr(equals + 1);
    }
    return words;
}

/// A distribution kernel has the drivers as modules: /modules/order names them in order.
void load_modules() {
    std::istringstream stream(msb::guest::slurp("/modules/order"));
    std::string name;
    while (stream >> name) {
        const int fd = ::open(("/modules/" + name).c_str(), O_RDONLY | O_CLOEXEC);
        if (fd == -1 || ::syscall(SYS_finit_module, fd, "", 0) == -1)
            std::printf("msb: module %s failed\n", name.c_str());
        ::close(fd);
    }
}

void prepare() {
    for (const char* dir : {"/proc", "/sys", "/dev", "/mnt"})
        ::mkdir(dir, 0755);
    ::mount("proc", "/proc", "proc", 0, nullptr);
    ::mount("sys", "/sys", "sysfs", 0, nullptr);
    ::mount("dev", "/dev", "devtmpfs", 0, nullptr);
    // The kernel may have had no /dev/console when it started us.
    const int console = ::open("/dev/console", O_RDWR);
    for (int fd = 0; fd <= 2 && console >= 0; ++fd)
        ::dup2(console, fd);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

} // namespace

int main() {
    prepare();
    load_modules();
    msb::guest::run(read_command_line());
    std::puts("msb:done");
    std::fflush(stdout);
    ::sync();
    ::reboot(RB_POWER_OFF);
    return 1;
}
