#include "image/layer_tree.hpp"

#include "base/own_xattrs.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <unordered_map>

namespace msb::image {

namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view whiteout_special = ".wh..wh.";
constexpr std::string_view opaque_marker = ".wh..wh..opq";
/// Names, link targets and xattrs of one layer together. A tar of repeated headers compresses a
/// thousandfold, so the limit on the layer's size alone is not enough.
constexpr std::uint64_t max_metadata_bytes = std::uint64_t{256} << 20;

// What xattrs a read-only image can carry: the name spaces EROFS encodes. trusted.overlay.* is
// meaningful to the overlay mounted on top and user.msb.* to shares, so an image must not bring its
// own.
bool keeps_xattr(std::string_view name) {
    if (name.starts_with("trusted.overlay.") || name.starts_with(own_xattr_prefix))
        return false;
    if (name == "system.posix_acl_access" || name == "system.posix_acl_default")
        return true;
    for (const std::string_view prefix : {"user.", "trusted.", "security."})
        if (name.starts_with(prefix) && name.size() > prefix.size())
            return true;
    return false;
}

std::string shown(std::string_view path) {
    std::string text;
    for (const char c : path.substr(0, 200))
        text += static_cast<unsigned char>(c) >= ' ' && c != 0x7f ? c : '?';
    return "'" + text + "'";
}

std::vector<std::string_view> components(std::string_view path) {
    std::vector<std::string_view> result;
    while (!path.empty()) {
        const auto slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (!part.empty() && part != ".")
            result.push_back(part);
        path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    }
    return result;
}

std::uint16_t file_type(TarType type) {
    switch (type) {
    case TarType::symlink: return S_IFLNK;
    case TarType::character_device: return S_IFCHR;
    case TarType::block_device: return S_IFBLK;
    case TarType::directory: return S_IFDIR;
    case TarType::fifo: return S_IFIFO;
    default: return S_IFREG;
    }
}

} // namespace

Result<std::vector<std::string_view>> split_path(std::string_view path) {
    std::vector<std::string_view> result;
    for (const std::string_view part : components(path)) {
        if (part == "..") {
            if (result.empty())
                return fail(ErrorKind::corrupt, "path " + shown(path) + " leaves the image root");
            result.pop_back();
            continue;
        }
        if (part.size() > max_name_length_bytes)
            return fail(ErrorKind::limit_exceeded,
                        "path " + shown(path) + " has a name longer than 255 bytes");
        result.push_back(part);
    }
    if (result.size() > max_depth)
        return fail(ErrorKind::limit_exceeded,
                    "path " + shown(path) + " is deeper than 128 directories");
    return result;
}

bool LayerTree::Node::is_directory() const {
    return inode && S_ISDIR(inode->record.mode);
}
bool LayerTree::Node::is_symlink() const {
    return inode && S_ISLNK(inode->record.mode);
}

LayerTree::LayerTree() {
    inodes_.emplace_back();
    inodes_.back().record = {.mode = S_IFDIR | 0755, .flags = inode_flag::implied};
    root_.inode = &inodes_.back();
    root_.parent = &root_;
}

Status LayerTree::account(std::size_t bytes) {
    metadata_bytes_ += bytes;
    if (metadata_bytes_ > max_metadata_bytes)
        return fail(ErrorKind::limit_exceeded,
                    "layer has more than 256 MiB of names, link targets and attributes");
    return {};
}

Result<LayerTree::Inode*> LayerTree::new_inode(std::uint16_t mode, std::size_t extra_bytes) {
    MSB_TRY(account(extra_bytes));
    if (inodes_.size() >= max_entries)
        return fail(ErrorKind::limit_exceeded, "layer has more than 1000000 entries");
    inodes_.emplace_back();
    inodes_.back().record.mode = mode;
    return &inodes_.back();
}

Result<LayerTree::Node*> LayerTree::new_child(Node* parent, std::string_view name) {
    MSB_TRY(account(name.size()));
    if (++node_count_ > max_entries)
        return fail(ErrorKind::limit_exceeded, "layer has more than 1000000 entries");
    auto node = std::make_unique<Node>();
    node->parent = parent;
    return parent->children.emplace(name, std::move(node)).first->second.get();
}

Result<LayerTree::Node*> LayerTree::walk(Node* from, Path path, bool create) {
    std::reverse(path.begin(), path.end()); // the next component is at the back
    unsigned links = 0;
    unsigned depth = 0;
    for (const Node* node = from; node != &root_; node = node->parent)
        ++depth;
    while (!path.empty()) {
        const std::string_view name = path.back();
        path.pop_back();
        if (name == "..") { // only from a link target; the root's parent is the root
            depth -= from == &root_ ? 0 : 1;
            from = from->parent;
            continue;
        }
        const auto found = from->children.find(name);
        Node* child = found == from->children.end() ? nullptr : found->second.get();
        if (child && child->is_symlink()) {
            if (++links > max_links_followed)
                return fail(ErrorKind::corrupt, "too many symbolic links");
            const std::string& target = child->inode->text;
            if (target.starts_with('/'))
                from = &root_, depth = 0;
            auto parts = components(target);
            path.insert(path.end(), parts.rbegin(), parts.rend());
            if (path.size() > max_path_length)
                return fail(ErrorKind::corrupt, "symbolic links lead to too long a path");
            continue;
        }
        if (child && child->inode && !child->is_directory())
            return fail(ErrorKind::corrupt, shown(name) + " is used as a directory but is none");
        if (!child || !child->inode) {
            if (!create)
                return nullptr;
            if (name.size() > max_name_length_bytes)
                return fail(ErrorKind::limit_exceeded, "a name is longer than 255 bytes");
            Inode* inode = MSB_TRY(new_inode(S_IFDIR | 0755, 0));
            inode->record.flags = inode_flag::implied;
            if (!child)
                child = MSB_TRY(new_child(from, name));
            else
                child->opaque = true; // a whiteout, and then something below the same name
            child->inode = inode;
        }
        if (++depth > max_depth)
            return fail(ErrorKind::limit_exceeded, "a path is deeper than 128 directories");
        from = child;
    }
    return from;
}

Status LayerTree::put(Node* parent, std::string_view name, Inode* inode) {
    const auto found = parent->children.find(name);
    if (found == parent->children.end()) {
        MSB_TRY(new_child(parent, name))->inode = inode;
        return {};
    }
    Node* node = found->second.get();
    const bool directory = S_ISDIR(inode->record.mode);
    if (!(directory && node->is_directory())) {
        // Whatever was here, in this layer or hidden below it, is gone.
        node->children.clear();
        node->opaque = directory;
    }
    node->inode = inode;
    return {};
}

Status LayerTree::add_whiteout(Node* parent, std::string_view hidden) {
    if (hidden.empty() || hidden == "." || hidden == "..")
        return fail(ErrorKind::corrupt, "malformed whiteout");
    const auto found = parent->children.find(hidden);
    if (found == parent->children.end()) {
        MSB_TRY(new_child(parent, hidden));
        return {};
    }
    // A whiteout hides lower layers only, not what its own layer has.
    if (found->second->is_directory())
        found->second->opaque = true;
    return {};
}

Status LayerTree::describe_root(const TarEntry& entry) {
    if (entry.type != TarType::directory)
        return fail(ErrorKind::corrupt, "the image root is not a directory");
    root_.inode = MSB_TRY(make_inode(entry, 0));
    return {};
}

Result<LayerTree::Inode*> LayerTree::make_inode(const TarEntry& entry, std::uint32_t first_block) {
    std::string xattrs;
    for (const auto& [name, value] : entry.xattrs) {
        if (!keeps_xattr(name))
            continue;
        if (name.size() > 255 || value.size() > UINT16_MAX)
            return fail(ErrorKind::limit_exceeded,
                        "an extended attribute of " + shown(entry.path) + " is too large");
        append_xattr(xattrs, name, value);
    }
    if (xattrs.size() > max_xattr_bytes)
        return fail(ErrorKind::limit_exceeded,
                    "the extended attributes of " + shown(entry.path) + " are too large");
    const auto mode = static_cast<std::uint16_t>(file_type(entry.type) | entry.mode);
    Inode* inode = MSB_TRY(new_inode(mode, xattrs.size() + entry.link.size()));
    inode->record.uid = entry.uid;
    inode->record.gid = entry.gid;
    inode->record.mtime = entry.mtime;
    inode->record.mtime_nsec = entry.mtime_nsec;
    inode->xattrs = std::move(xattrs);
    if (entry.type == TarType::file) {
        inode->record.size = entry.size;
        inode->record.first_block = first_block;
    } else if (entry.type == TarType::symlink) {
        if (entry.link.empty() || entry.link.size() > max_symlink_length)
            return fail(ErrorKind::limit_exceeded,
                        "symbolic link " + shown(entry.path) + " has no or too long a target");
        inode->text = entry.link;
    } else if (entry.type == TarType::character_device || entry.type == TarType::block_device) {
        // Linux device numbers: 12 and 20 bits.
        if (entry.device_major >= 1U << 12 || entry.device_minor >= 1U << 20)
            return fail(ErrorKind::corrupt, "bad device number of " + shown(entry.path));
        inode->record.size = (std::uint64_t{entry.device_major} << 32) | entry.device_minor;
    }
    return inode;
}

Result<LayerTree::Inode*> LayerTree::make_hard_link(const TarEntry& entry) {
    Path path = MSB_TRY(split_path(entry.link));
    if (path.empty())
        return fail(ErrorKind::corrupt, "hard link " + shown(entry.path) + " to a directory");
    std::string whole;
    for (const std::string_view part : path)
        whole += "/" + std::string(part);
    const std::string_view last = path.back();
    path.pop_back();
    if (Node* parent = MSB_TRY(walk(&root_, path, false))) {
        if (const auto found = parent->children.find(last); found != parent->children.end()) {
            if (found->second->is_directory() || !found->second->inode)
                return fail(ErrorKind::corrupt,
                            "hard link " + shown(entry.path) + " to a directory or removed file");
            return found->second->inode;
        }
    }
    Inode* inode = MSB_TRY(new_inode(0, whole.size()));
    inode->record.flags = inode_flag::foreign_link;
    inode->text = std::move(whole);
    return inode;
}

Status LayerTree::add(const TarEntry& entry, std::uint32_t first_block) {
    Path path = MSB_TRY(split_path(entry.path));
    if (path.empty())
        return describe_root(entry);
    const std::string_view name = path.back();
    path.pop_back();
    if (name.starts_with(whiteout_special) && name != opaque_marker)
        return {}; // aufs bookkeeping
    Node* parent = MSB_TRY_WRAP(walk(&root_, std::move(path), true), shown(entry.path));
    if (name == opaque_marker) {
        parent->opaque = true;
        return {};
    }
    if (name.starts_with(whiteout_prefix))
        return add_whiteout(parent, name.substr(whiteout_prefix.size()));
    Inode* inode = entry.type == TarType::hard_link ? MSB_TRY(make_hard_link(entry))
                                                    : MSB_TRY(make_inode(entry, first_block));
    return put(parent, name, inode);
}

Result<IndexContents> LayerTree::finish(std::uint64_t data_blocks) const {
    IndexContents out;
    out.data_blocks = data_blocks;
    std::unordered_map<const Inode*, std::uint32_t> numbers;
    const auto to_heap = [&](std::string_view text) {
        const auto offset = static_cast<std::uint32_t>(out.heap.size());
        out.heap += text;
        return offset;
    };
    const auto number_of = [&](const Inode* inode) {
        if (!inode)
            return no_inode;
        const auto [at, fresh] =
            numbers.emplace(inode, static_cast<std::uint32_t>(out.inodes.size()));
        if (fresh) {
            InodeRecord record = inode->record;
            record.text_offset = to_heap(inode->text);
            record.text_length = static_cast<std::uint32_t>(inode->text.size());
            record.xattr_offset = to_heap(inode->xattrs);
            record.xattr_length = static_cast<std::uint32_t>(inode->xattrs.size());
            out.inodes.push_back(record);
        }
        return at->second;
    };
    std::vector<const Node*> order{&root_};
    const auto add_entry = [&](const Node& node, std::uint32_t parent, std::string_view name) {
        out.entries.push_back({.parent = parent,
                               .inode = number_of(node.inode),
                               .name_offset = to_heap(name),
                               .name_length = static_cast<std::uint16_t>(name.size()),
                               .flags = node.opaque ? entry_flag::opaque : std::uint8_t{0}});
    };
    add_entry(root_, 0, {});
    for (std::uint32_t i = 0; i < order.size(); ++i) {
        for (const auto& [name, child] : order[i]->children) {
            add_entry(*child, i, name);
            order.push_back(child.get());
        }
    }
    return out;
}

} // namespace msb::image
