#include "agent/boot/console.hpp"

#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace msb::agent {

void open_console() {
    for (;;) {
        int fd = ::open("/dev/console", O_RDWR | O_NOCTTY);
        if (fd == -1)
            fd = ::open("/", O_PATH | O_DIRECTORY);
        if (fd == -1)
            return;
        if (fd > 2) {
            ::close(fd);
            return;
        }
    }
}

void complain(std::string_view text) {
    const std::string line = "msb-agent: " + std::string(text) + "\n";
    if (::write(2, line.data(), line.size()) >= 0)
        return;
    // The initramfs had no console node; devtmpfs has one by now, unless it could not be mounted.
    const int console = ::open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (console == -1)
        return;
    (void)!::write(console, line.data(), line.size());
    ::close(console);
}

} // namespace msb::agent
