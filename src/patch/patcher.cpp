#include "patch/patcher.hpp"

#include "disk/path_names.hpp"
#include "patch/flatten.hpp"

#include <algorithm>
#include <ctime>
#include <sys/stat.h>

namespace msb::patch {

namespace {

constexpr const char* opaque = "trusted.overlay.opaque";

disk::Attributes new_attributes(std::uint32_t mode) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return {
        .mode = mode, .mtime = now.tv_sec, .mtime_nsec = static_cast<std::uint32_t>(now.tv_nsec)};
}

/// Everything that is copied belongs to the guest's root.
disk::Attributes attributes_of(const TarEntry& entry, std::uint32_t mode) {
    return {.mode = mode, .mtime = entry.mtime, .mtime_nsec = entry.mtime_nsec};
}

/// Directories without the slash that archives put behind their names.
Result<std::optional<TarEntry>> next_entry(TarReader& archive) {
    auto entry = MSB_TRY(archive.next());
    if (entry && entry->path.ends_with('/'))
        entry->path.pop_back();
    return entry;
}

std::unexpected<Error> in_the_way(const std::string& path) {
    return fail(Error(ErrorKind::already_exists, "path exists in the image: '" + path + "'")
                    .with_hint("remove it first, or say 'replace: true' in a patch of --fs-conf"));
}

} // namespace

bool Patcher::Node::is_directory() const {
    return S_ISDIR(mode);
}

bool Patcher::Node::is_link() const {
    return S_ISLNK(mode);
}

Result<Patcher> Patcher::open(disk::FileSystem& fs, const image::ErofsReader* image) {
    Patcher patcher(fs, image);
    if (image == nullptr) {
        patcher.top_ = disk::TreeWriter::root;
        return patcher;
    }
    const auto top = MSB_TRY(patcher.writer_.find(disk::TreeWriter::root, "upper"));
    if (!top)
        return fail(disk::damaged_disk("it has no upper directory"));
    patcher.top_ = *top;
    return patcher;
}

Status Patcher::apply(const Patch& patch, Source* copied) {
    const auto step = [&]() -> Status {
        switch (patch.kind) {
        case Patch::Kind::file: return write_file(patch);
        case Patch::Kind::append: return append(patch);
        case Patch::Kind::mkdir: return make_directory(patch);
        case Patch::Kind::remove: return remove(patch);
        case Patch::Kind::symlink: return make_link(patch);
        case Patch::Kind::copy: return copy(patch, *copied);
        }
        return {};
    };
    MSB_TRY_WRAP(step(), "patch '" + std::string(to_string(patch.kind)) + "' of " + patch.path);
    return {};
}

// ---- finding ----

Result<Patcher::Node> Patcher::root() const {
    Node node{.upper = top_, .mode = S_IFDIR};
    if (image_ != nullptr)
        node.lower = MSB_TRY(image_->root());
    return node;
}

Result<Patcher::Node> Patcher::child(const Node& directory, const std::string& name) const {
    Node node;
    if (directory.upper)
        node.upper = MSB_TRY(writer_.find(*directory.upper, name));
    if (node.upper) {
        const disk::Attributes found = MSB_TRY(writer_.look(*node.upper));
        node.mode = found.mode;
        // No device gets over an image but what hides something of it.
        if (image_ != nullptr && S_ISCHR(found.mode))
            return Node{.hidden = true};
        node.hidden = !S_ISDIR(found.mode) || found.xattrs.contains(opaque);
    }
    if (!directory.lower || node.hidden)
        return node;
    node.lower = MSB_TRY(image_->find(*directory.lower, name));
    if (node.lower && !node.upper)
        node.mode = node.lower->mode;
    else if (node.lower && !S_ISDIR(node.lower->mode))
        node.lower.reset();
    return node;
}

Result<std::string> Patcher::target(const Node& link) const {
    return link.upper ? writer_.target(*link.upper) : link.lower->target;
}

Result<Patcher::Way> Patcher::find(const std::string& path, bool follow) const {
    Way way = {{"", MSB_TRY(root())}};
    disk::PathNames names(path);
    while (!names.empty()) {
        const std::string name = MSB_TRY(names.next());
        if (name == "..") {
            if (way.size() > 1)
                way.pop_back();
            continue;
        }
        const Node& directory = way.back().node;
        if (directory.exists() && !directory.is_directory())
            return invalid("'" + way.back().name + "' is not a directory");
        Node found = MSB_TRY(child(directory, name));
        if (found.is_link() && (follow || !names.empty())) {
            if (MSB_TRY(names.follow(MSB_TRY(target(found)))))
                way.resize(1);
            continue;
        }
        way.push_back({name, std::move(found)});
    }
    return way;
}

// ---- making ----

/// Where something was hidden it stays so: what is new does not merge with it.
Result<Patcher::Inode> Patcher::make_directory(Inode parent, Step& step,
                                               const disk::Attributes& like) {
    if (step.node.hidden)
        MSB_TRY(writer_.remove(parent, step.name));
    const Inode made = MSB_TRY(writer_.make_directory(parent, step.name, like));
    if (step.node.hidden)
        MSB_TRY(writer_.set_xattr(made, opaque, "y"));
    step.node.upper = made;
    step.node.mode = S_IFDIR;
    return made;
}

Result<Patcher::Inode> Patcher::make_parents(Way& way) {
    Inode parent = top_;
    for (std::size_t i = 1; i + 1 < way.size(); ++i) {
        Step& step = way[i];
        if (step.node.upper)
            parent = *step.node.upper;
        else
            parent = MSB_TRY(make_directory(parent, step,
                                            step.node.lower ? attributes_of(*step.node.lower)
                                                            : new_attributes(0755)));
    }
    return parent;
}

Result<Patcher::Inode> Patcher::clear(Way& way, const Patch& patch) {
    if (way.size() < 2)
        return invalid("a patch cannot replace the guest's root");
    const Step& last = way.back();
    if (last.node.is_directory())
        return invalid("it is a directory");
    if (last.node.exists() && !patch.replace)
        return in_the_way(patch.path);
    const Inode parent = MSB_TRY(make_parents(way));
    MSB_TRY(writer_.remove(parent, last.name)); // also what hides the image's
    return parent;
}

Status Patcher::write_file(const Patch& patch) {
    Way way = MSB_TRY(find(patch.path, false));
    const Inode parent = MSB_TRY(clear(way, patch));
    const Inode made = MSB_TRY(
        writer_.make_file(parent, way.back().name, new_attributes(patch.mode.value_or(0644))));
    disk::FileWriter file = MSB_TRY(disk::FileWriter::open(fs_, made));
    MSB_TRY(file.write(0, as_bytes(patch.content)));
    return file.finish(patch.content.size());
}

Status Patcher::make_link(const Patch& patch) {
    Way way = MSB_TRY(find(patch.path, false));
    const Inode parent = MSB_TRY(clear(way, patch));
    MSB_TRY(writer_.make_link(parent, way.back().name, patch.content, new_attributes(0777)));
    return {};
}

Status Patcher::make_directory(const Patch& patch) {
    Way way = MSB_TRY(find(patch.path, true));
    if (way.back().node.is_directory())
        return {};
    if (way.back().node.exists())
        return fail(ErrorKind::already_exists, "it is there, and not a directory");
    const Inode parent = MSB_TRY(make_parents(way));
    MSB_TRY(make_directory(parent, way.back(), new_attributes(patch.mode.value_or(0755))));
    return {};
}

Status Patcher::remove(const Patch& patch) {
    Way way = MSB_TRY(find(patch.path, false));
    if (way.size() < 2 || !way.back().node.exists())
        return {};
    const Node above = way[way.size() - 2].node;
    const Inode parent = MSB_TRY(make_parents(way));
    const std::string& name = way.back().name;
    MSB_TRY(writer_.remove(parent, name));
    if (above.lower && MSB_TRY(image_->find(*above.lower, name)))
        MSB_TRY(writer_.make_whiteout(parent, name));
    return {};
}

Status Patcher::append(const Patch& patch) {
    Way way = MSB_TRY(find(patch.path, true));
    Step& last = way.back();
    if (!S_ISREG(last.node.mode))
        return fail(ErrorKind::not_found, last.node.exists()
                                              ? "it is not a regular file"
                                              : "there is no such file to append to");
    if (!last.node.upper) { // then it is the image's
        const image::FileInfo& file = *last.node.lower;
        const Inode parent = MSB_TRY(make_parents(way));
        last.node.upper = MSB_TRY(writer_.make_file(parent, last.name, attributes_of(file)));
        MSB_TRY(copy_data(fs_, *image_, file, *last.node.upper));
    }
    disk::Attributes attributes = MSB_TRY(writer_.look(*last.node.upper));
    const std::uint64_t size = attributes.size;
    disk::FileWriter file = MSB_TRY(disk::FileWriter::open(fs_, *last.node.upper));
    MSB_TRY(file.write(size, as_bytes(patch.content)));
    MSB_TRY(file.finish(size + patch.content.size()));
    const disk::Attributes now = new_attributes(0);
    attributes.mtime = now.mtime;
    attributes.mtime_nsec = now.mtime_nsec;
    return writer_.set_attributes(*last.node.upper, attributes);
}

// ---- copies ----

/// A directory of the host on its way into the guest.
struct Patcher::Copy {
    struct Directory {
        Node node;
        bool fresh; ///< it was made here: nothing can be in the way
    };
    std::map<std::string, Directory> directories; ///< by their names in the archive
    std::map<std::string, Inode> files;           ///< for those with several names
    bool replace;
    std::string path; ///< in the guest
};

Status Patcher::copy_file(TarReader& archive, const TarEntry& entry, Inode parent,
                          const std::string& name, std::uint32_t mode, Inode& made) {
    made = MSB_TRY(writer_.make_file(parent, name, attributes_of(entry, mode)));
    disk::FileWriter file = MSB_TRY(disk::FileWriter::open(fs_, made));
    while (const auto data = MSB_TRY(archive.next_data()))
        MSB_TRY(file.write(data->offset, data->bytes));
    return file.finish(entry.size);
}

Status Patcher::copy_below(TarReader& archive, const TarEntry& entry, Copy& copy) {
    const auto slash = entry.path.rfind('/');
    const auto holder = copy.directories.find(entry.path.substr(0, slash));
    if (slash == std::string::npos || holder == copy.directories.end())
        return fail(ErrorKind::corrupt, "'" + entry.path + "' comes before its directory");
    const Copy::Directory& directory = holder->second;
    const Inode parent = *directory.node.upper;
    Step step{entry.path.substr(slash + 1), {}};
    const std::string shown = copy.path + entry.path.substr(entry.path.find('/'));
    if (!directory.fresh)
        step.node = MSB_TRY(child(directory.node, step.name));
    if (entry.type == TarType::directory) {
        if (step.node.exists() && !step.node.is_directory())
            return in_the_way(shown);
        const bool fresh = !step.node.exists();
        if (step.node.upper)
            MSB_TRY(writer_.set_attributes(*step.node.upper, attributes_of(entry, entry.mode)));
        else
            MSB_TRY(make_directory(parent, step, attributes_of(entry, entry.mode)));
        copy.directories.insert_or_assign(entry.path, Copy::Directory{step.node, fresh});
        return {};
    }
    if (step.node.is_directory() || (step.node.exists() && !copy.replace))
        return in_the_way(shown);
    if (!directory.fresh)
        MSB_TRY(writer_.remove(parent, step.name));
    Inode made = 0;
    if (entry.type == TarType::symlink) {
        made = MSB_TRY(
            writer_.make_link(parent, step.name, entry.link, attributes_of(entry, entry.mode)));
    } else if (entry.type == TarType::file) {
        MSB_TRY(copy_file(archive, entry, parent, step.name, entry.mode, made));
    } else if (const auto first = copy.files.find(entry.link);
               entry.type == TarType::hard_link && first != copy.files.end()) {
        made = first->second;
        MSB_TRY(writer_.add_name(parent, step.name, made));
    } else {
        return fail(ErrorKind::unsupported, "'" + shown + "' is not a file, directory or link");
    }
    copy.files.insert_or_assign(entry.path, made);
    return {};
}

Status Patcher::copy(const Patch& patch, Source& source) {
    TarReader archive(source);
    auto entry = MSB_TRY(next_entry(archive));
    if (!entry)
        return fail(ErrorKind::corrupt, "nothing was copied");
    const std::uint32_t mode = patch.mode.value_or(entry->mode);
    Way way = MSB_TRY(find(patch.path, entry->type == TarType::directory));
    if (entry->type != TarType::directory) {
        const Inode parent = MSB_TRY(clear(way, patch));
        Inode made = 0;
        return copy_file(archive, *entry, parent, way.back().name, mode, made);
    }
    Step& last = way.back();
    const bool fresh = !last.node.exists();
    if (!fresh && (!patch.replace || !last.node.is_directory()))
        return in_the_way(patch.path);
    const Inode parent = MSB_TRY(make_parents(way));
    const disk::Attributes like = attributes_of(*entry, mode);
    if (!last.node.upper)
        MSB_TRY(make_directory(parent, last, like));
    else if (way.size() > 1)
        MSB_TRY(writer_.set_attributes(*last.node.upper, like));
    Copy copy{.directories = {}, .files = {}, .replace = patch.replace, .path = patch.path};
    copy.directories.emplace(entry->path, Copy::Directory{last.node, fresh});
    while ((entry = MSB_TRY(next_entry(archive))))
        MSB_TRY(copy_below(archive, *entry, copy));
    return {};
}

} // namespace msb::patch
