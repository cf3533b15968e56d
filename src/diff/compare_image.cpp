// A disk against its image: each thing in the upper directory has a counterpart in the image, or none, as
// the overlay of the guest's kernel finds it.
#include "diff/changes.hpp"

#include <algorithm>

namespace msb::diff {

namespace {

using image::ErofsReader;
using image::FileInfo;

class ImageComparison {
  public:
    ImageComparison(const ErofsReader& image, const Upper& upper) : image_(image), upper_(upper) {}

    Result<std::vector<Change>> run() {
        counterparts_.emplace("", MSB_TRY(image_.root()));
        for (const auto& [path, entry] : upper_.entries()) { // directories before what is in them
            MSB_TRY(look(path, entry));
            MSB_TRY(check_count(changes_));
        }
        std::ranges::sort(changes_, {}, &Change::path);
        return std::move(changes_);
    }

  private:
    using Counterpart = std::optional<FileInfo>;

    void note(const std::string& path, Change::Kind kind, const FileInfo* before,
              const UpperEntry* after) {
        changes_.push_back({path, kind, type_of(after != nullptr ? after->mode : before->mode),
                            before != nullptr ? size_of(*before) : std::nullopt,
                            after != nullptr ? size_of(*after) : std::nullopt});
    }

    Status look(const std::string& path, const UpperEntry& entry) {
        const auto slash = path.rfind('/');
        // A damaged directory may have a name twice, as a directory and as something else.
        const auto parent = counterparts_.find(path.substr(0, slash));
        const Counterpart above = parent != counterparts_.end() ? parent->second : std::nullopt;
        Counterpart old;
        if (above)
            old = MSB_TRY(image_.find(*above, path.substr(slash + 1)));
        if (entry.whiteout) {
            if (old)
                note(path, Change::Kind::removed, &*old, nullptr);
            return {};
        }
        // Something renamed has what is below it, or its data, from elsewhere in the image.
        const Counterpart origin =
            entry.redirect.empty() ? old : MSB_TRY(redirected(above, entry.redirect));
        if (entry.is_directory())
            MSB_TRY(enter(path, entry, origin));
        if (entry.ours)
            return {};
        if (!old)
            note(path, Change::Kind::added, nullptr, &entry);
        else if (!MSB_TRY(same(*old, entry, origin)))
            note(path, Change::Kind::changed, &*old, &entry);
        return {};
    }

    Status enter(const std::string& path, const UpperEntry& entry, const Counterpart& origin) {
        const bool merges = origin && S_ISDIR(origin->mode);
        counterparts_.emplace(path, merges ? origin : std::nullopt);
        if (!merges || !entry.opaque)
            return {};
        // It was removed and made again: what is not in it is gone.
        for (const std::string& name : MSB_TRY(image_.names(*origin))) {
            const std::string below = path + "/" + name;
            if (upper_.entries().contains(below))
                continue;
            if (const Counterpart gone = MSB_TRY(image_.find(*origin, name)))
                note(below, Change::Kind::removed, &*gone, nullptr);
            MSB_TRY(check_count(changes_));
        }
        return {};
    }

    /// A path of the image, or a name beside the one that was looked for.
    Result<Counterpart> redirected(const Counterpart& above, const std::string& redirect) const {
        if (!redirect.starts_with('/'))
            return above ? image_.find(*above, redirect) : Counterpart();
        Counterpart found = MSB_TRY(image_.root());
        for (std::size_t at = 1; found && at < redirect.size();) {
            const std::size_t end = std::min(redirect.find('/', at), redirect.size());
            found = MSB_TRY(image_.find(*found, redirect.substr(at, end - at)));
            at = end + 1;
        }
        return found;
    }

    Result<bool> same(const FileInfo& old, const UpperEntry& now, const Counterpart& origin) const {
        if (old.mode != now.mode || old.uid != now.uid || old.gid != now.gid)
            return false;
        if (now.is_directory())
            return origin && origin->identity == old.identity;
        if (S_ISLNK(now.mode))
            return old.target == now.link;
        if (now.is_file())
            return old.size == now.size && MSB_TRY(same_content(old, now, origin));
        return old.major == now.major && old.minor == now.minor;
    }

    Result<bool> same_content(const FileInfo& old, const UpperEntry& now,
                              const Counterpart& origin) const {
        if (now.attributes_only)
            return origin && origin->identity == old.identity;
        const ReadAt before = [&](std::uint64_t offset, MutableBytesView buffer) {
            return image_.read_data(old, offset, buffer);
        };
        return same_data(old.size, before, MSB_TRY(upper_.reader(now)));
    }

    const ErofsReader& image_;
    const Upper& upper_;
    std::map<std::string, Counterpart> counterparts_; ///< of directories of the upper
    std::vector<Change> changes_;
};

} // namespace

Result<std::vector<Change>> compare(const ErofsReader& before, const Upper& after) {
    return ImageComparison(before, after).run();
}

} // namespace msb::diff
