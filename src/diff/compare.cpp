#include "diff/compare.hpp"

#include "diff/changes.hpp"

#include <algorithm>

namespace msb::diff {

namespace {

class Comparison {
  public:
    Comparison(const Upper& before, const Upper& after) : before_(before), after_(after) {}

    Result<std::vector<Change>> run() {
        const auto& old = before_.entries();
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
            MSB_TRY(check_count(changes_));
        }
        return std::move(changes_);
    }

  private:
    void note(const std::string& path, Change::Kind kind, const UpperEntry* before,
              const UpperEntry* after) {
        const UpperEntry& shown = after != nullptr ? *after : *before;
        changes_.push_back({path, kind, type_of(shown.mode),
                            before != nullptr ? size_of(*before) : std::nullopt,
                            after != nullptr ? size_of(*after) : std::nullopt});
    }

    /// Without a whiteout it went with a directory above it, if it was more than that itself.
    void gone(const std::string& path, const UpperEntry& entry) {
        if (!entry.whiteout)
            note(path, Change::Kind::removed, &entry, nullptr);
    }

    void came(const std::string& path, const UpperEntry& entry) {
        if (entry.ours)
            return;
        if (entry.whiteout)
            changes_.push_back({path, Change::Kind::removed, 'o', {}, {}});
        else if (!entry.from_image)
            note(path, Change::Kind::added, nullptr, &entry);
        else if (!entry.is_directory()) // those are there for what is in them
            note(path, Change::Kind::changed, nullptr, &entry);
    }

    Status stayed(const std::string& path, const UpperEntry& old, const UpperEntry& now) {
        if ((old.whiteout && now.whiteout) || now.ours)
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
            old.size != now.size || old.major != now.major || old.minor != now.minor ||
            old.link != now.link || old.redirect != now.redirect ||
            old.attributes_only != now.attributes_only)
            return false;
        // One disk began as a copy of the other, so what was not touched has not moved either.
        if (!now.is_file() || now.attributes_only ||
            (old.inode == now.inode && old.stamp == now.stamp))
            return true;
        return same_data(now.size, MSB_TRY(before_.reader(old)), MSB_TRY(after_.reader(now)));
    }

    const Upper& before_;
    const Upper& after_;
    std::vector<Change> changes_;
};

} // namespace

Result<bool> same_data(std::uint64_t size, const ReadAt& a, const ReadAt& b) {
    constexpr std::uint64_t part = std::uint64_t{1} << 20;
    Bytes data_a(static_cast<std::size_t>(std::min(size, part)));
    Bytes data_b(data_a.size());
    for (std::uint64_t done = 0; done < size;) {
        const auto count = static_cast<std::size_t>(std::min(size - done, part));
        MSB_TRY(a(done, MutableBytesView(data_a).first(count)));
        MSB_TRY(b(done, MutableBytesView(data_b).first(count)));
        if (!std::equal(data_a.begin(), data_a.begin() + static_cast<std::ptrdiff_t>(count),
                        data_b.begin()))
            return false;
        done += count;
    }
    return true;
}

Result<std::vector<Change>> compare(const Upper& before, const Upper& after) {
    return Comparison(before, after).run();
}

} // namespace msb::diff
