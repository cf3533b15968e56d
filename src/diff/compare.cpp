#include "diff/compare.hpp"

#include <sys/stat.h>

namespace msb::diff {

namespace {

char type_of(const UpperEntry& entry) {
    switch (entry.mode & S_IFMT) {
    case S_IFREG: return 'f';
    case S_IFDIR: return 'd';
    case S_IFLNK: return 'l';
    default: return 'o';
    }
}

std::optional<std::uint64_t> size_of(const UpperEntry* entry) {
    return entry != nullptr && entry->is_file() ? std::optional(entry->size) : std::nullopt;
}

class Comparison {
  public:
    Comparison(const Upper* before, const Upper& after) : before_(before), after_(after) {}

    Result<std::vector<Change>> run() {
        static const std::map<std::string, UpperEntry> nothing;
        const auto& old = before_ != nullptr ? before_->entries() : nothing;
        auto a = old.begin();
        auto b = after_.entries().begin();
        while (a != old.end() || b != after_.entries().end()) {
            const bool only_a =
                b == after_.entries().end() || (a != old.end() && a->first < b->first);
            const bool only_b = a == old.end() || (!only_a && b->first < a->first);
            if (only_a) {
                gone(a->first, a->second);
                ++a;
            } else if (only_b) {
                came(b->first, b->second);
                ++b;
            } else {
                MSB_TRY(stayed(b->first, a->second, b->second));
                ++a, ++b;
            }
            if (changes_.size() > max_changes)
                return fail(ErrorKind::limit_exceeded,
                            "more than " + std::to_string(max_changes) + " paths differ");
        }
        return std::move(changes_);
    }

  private:
    void note(const std::string& path, Change::Kind kind, const UpperEntry* before,
              const UpperEntry* after) {
        const UpperEntry& shown = after != nullptr ? *after : *before;
        changes_.push_back({path, kind, type_of(shown), size_of(before), size_of(after)});
    }

    /// Without a whiteout it went with a directory above it, if it was more than that itself.
    void gone(const std::string& path, const UpperEntry& entry) {
        if (!entry.whiteout)
            note(path, Change::Kind::removed, &entry, nullptr);
    }

    void came(const std::string& path, const UpperEntry& entry) {
        if (entry.whiteout)
            changes_.push_back({path, Change::Kind::removed, 'o', {}, {}});
        else if (!entry.from_image)
            note(path, Change::Kind::added, nullptr, &entry);
        else if (!entry.is_directory()) // those are there for what is in them
            note(path, Change::Kind::changed, nullptr, &entry);
    }

    Status stayed(const std::string& path, const UpperEntry& old, const UpperEntry& now) {
        if (old.whiteout && now.whiteout)
            return {};
        if (old.whiteout)
            note(path, Change::Kind::added, nullptr, &now);
        else if (now.whiteout)
            note(path, Change::Kind::removed, &old, nullptr);
        else if (!MSB_TRY(same(old, now)))
            note(path, Change::Kind::changed, &old, &now);
        return {};
    }

    Result<bool> same(const UpperEntry& old, const UpperEntry& now) const {
        if (old.mode != now.mode || old.uid != now.uid || old.gid != now.gid ||
            old.size != now.size || old.device != now.device || old.link != now.link ||
            old.redirect != now.redirect || old.attributes_only != now.attributes_only)
            return false;
        // One disk began as a copy of the other, so what was not touched has not moved either.
        if (!now.is_file() || now.attributes_only ||
            (old.inode == now.inode && old.stamp == now.stamp))
            return true;
        return Upper::same_data(*before_, old, after_, now);
    }

    const Upper* before_;
    const Upper& after_;
    std::vector<Change> changes_;
};

} // namespace

Result<std::vector<Change>> compare(const Upper* before, const Upper& after) {
    return Comparison(before, after).run();
}

} // namespace msb::diff
