// Writable ext4 disks for sandboxes, cloned from formatted templates.
//
// A template is formatted once per size and kind by libext2fs (in the helper program, so that this
// library stays light) and kept in MSB_HOME/cache/templates. It is sparse and holds very little
// data, so a clone is a reflink or a few small copies.
#pragma once

#include "base/result.hpp"
#include "disk/ext4_options.hpp"

#include <string>

namespace msb::disk {

/// Makes `path` (which must not exist) an ext4 disk. Not synced to storage: a crash of the host may
/// lose a disk made just before.
Status create_disk(const std::string& home, const std::string& path, const Ext4Options& options);

/// Where the templates are; one that is removed is made again.
std::string template_directory(const std::string& home);

/// Makes sure that the template for `options` exists. create_disk does this itself.
Result<std::string> ensure_template(const std::string& home, const Ext4Options& options);

} // namespace msb::disk
