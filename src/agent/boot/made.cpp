#include "agent/boot/made.hpp"

#include "base/file.hpp"
#include "base/made_mark.hpp"
#include "base/system.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <vector>

namespace msb::agent {

void mark_made(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) == -1)
        return;
    const std::string value = made_value(info);
    (void)::fsetxattr(fd, made_mark, value.data(), value.size(), 0);
}

Status make_own_directories(const std::string& path) {
    std::vector<std::string> missing;
    for (std::string part = path; part.size() > 1 && !exists(part); part = parent_of(part))
        missing.push_back(part);
    MSB_TRY(make_directories(path));
    for (const std::string& made : missing)
        if (const auto directory = sys::open(made, O_RDONLY | O_DIRECTORY))
            mark_made(directory->get());
    return {};
}

} // namespace msb::agent
