#include "image/collect.hpp"

#include "base/file.hpp"
#include "base/system.hpp"
#include "image/record.hpp"

#include <algorithm>
#include <dirent.h>
#include <memory>
#include <set>

namespace msb::image {

namespace {

struct Needed {
    std::set<std::string> blobs; ///< hex, without suffix
    std::set<std::string> metas; ///< keys
    std::set<std::string> documents;
};

void need(Needed& needed, const Record& record) {
    for (const Layer& layer : record.image.layers)
        needed.blobs.insert(layer.diff_id.hex());
    needed.metas.insert(record.meta_key);
    needed.documents.insert(record.image.manifest_digest.hex());
    needed.documents.insert(record.image.config_digest.hex());
}

// Nothing if there is a record of another version: what it needs is unknown, so everything is kept.
Result<std::optional<Needed>> find_needed(const Layout& layout, const InUse& in_use) {
    Needed needed;
    for (const std::string& file : list_directory(layout.images())) {
        const std::string path = layout.images() + "/" + file;
        if (!file.ends_with(".json")) {
            MSB_TRY(sys::unlink(path)); // write_file_atomic of a killed command
            continue;
        }
        const auto record = read_record(path);
        if (!record && record.error().kind() == ErrorKind::unsupported)
            return std::nullopt;
        const bool pinned = file.starts_with("pinned-");
        if (!record || (pinned && !(in_use && in_use(record->image.manifest_digest)))) {
            MSB_TRY(sys::unlink(path));
            continue;
        }
        need(needed, *record);
    }
    return needed;
}

std::uint64_t delete_others(const std::string& directory, const std::set<std::string>& keep) {
    std::uint64_t freed = 0;
    for (const std::string& file : list_directory(directory)) {
        if (keep.contains(file.substr(0, file.find('.'))))
            continue;
        const std::string path = directory + "/" + file;
        const auto info = sys::lstat(path);
        if (sys::unlink(path) && info)
            freed += static_cast<std::uint64_t>(info->st_blocks) * 512;
    }
    return freed;
}

} // namespace

std::vector<std::string> list_directory(const std::string& path) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
    if (!dir)
        return names;
    while (const dirent* entry = ::readdir(dir.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..")
            names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
}

Result<std::uint64_t> collect_garbage(const Layout& layout, const InUse& in_use) {
    if (!exists(layout.root()))
        return 0;
    const auto lock = MSB_TRY(layout.try_lock_store());
    if (!lock)
        return 0;
    const auto needed = MSB_TRY(find_needed(layout, in_use));
    if (!needed)
        return 0;
    std::uint64_t freed = delete_others(layout.blobs(), needed->blobs);
    freed += delete_others(layout.metas(), needed->metas);
    freed += delete_others(layout.documents(), needed->documents);
    freed += delete_others(layout.temporary(), {});
    delete_others(layout.locks(), {});
    return freed;
}

void clean_temporary(const Layout& layout) {
    if (const auto lock = layout.try_lock_store(); lock && *lock)
        delete_others(layout.temporary(), {});
}

} // namespace msb::image
