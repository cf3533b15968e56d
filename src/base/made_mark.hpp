// What the agent notes on files and directories that it makes in a guest's root, so that whoever looks
// at the disk later knows them as ours, for as long as nobody has changed them.
#pragma once

#include <string>
#include <sys/stat.h>

namespace msb {

/// Of the root's upper file system; only root in the guest can set it.
inline constexpr const char* made_mark = "trusted.msb.made";

/// The mark's value for something that looks like this: of a directory not what is in it.
inline std::string made_value(const struct stat& info) {
    std::string value = std::to_string(info.st_mode) + " " + std::to_string(info.st_uid) + " " +
                        std::to_string(info.st_gid);
    if (S_ISREG(info.st_mode))
        value += " " + std::to_string(info.st_size) + " " + std::to_string(info.st_mtim.tv_sec) +
                 "." + std::to_string(info.st_mtim.tv_nsec);
    return value;
}

} // namespace msb
