#include "image/merge.hpp"

#include <algorithm>
#include <sys/stat.h>

namespace msb::image {

namespace {

constexpr std::size_t max_nodes = 4 * std::size_t{max_entries};
/// Implied directories that follow links can nest deeper than a layer's own paths.
constexpr unsigned max_merged_depth = 256;

MergedNode* find_child(const MergedNode* directory, std::string_view name) {
    const auto at = std::ranges::lower_bound(directory->children, name, {}, &MergedNode::name);
    return at != directory->children.end() && (*at)->name == name ? *at : nullptr;
}

} // namespace

bool MergedNode::is_directory() const {
    return S_ISDIR(inode->record.mode);
}
bool MergedNode::is_symlink() const {
    return S_ISLNK(inode->record.mode);
}

MergedTree::MergedTree() {
    inodes_.emplace_back();
    inodes_.back().record.mode = S_IFDIR | 0755;
    root_.inode = &inodes_.back();
    root_.parent = &root_;
}

Result<MergedNode*> MergedTree::new_node(MergedNode* parent, std::string_view name) {
    if (nodes_.size() >= max_nodes)
        return fail(ErrorKind::limit_exceeded, "the image has more than 4000000 entries");
    nodes_.emplace_back();
    MergedNode* node = &nodes_.back();
    node->name = name;
    node->parent = parent;
    return node;
}

MergedInode* MergedTree::inode_of(LayerState& layer, std::uint32_t number) {
    MergedInode*& inode = layer.inodes[number];
    if (!inode) {
        const InodeRecord& record = layer.view->inodes()[number];
        inode = &inodes_.emplace_back();
        inode->record = record;
        inode->text = layer.view->text(record);
        inode->xattrs = layer.view->xattrs(record);
        inode->data_block = data_blocks_ + record.first_block;
    }
    return inode;
}

MergedNode* MergedTree::resolve(MergedNode* from, std::string_view path) {
    std::vector<std::string_view> pending{path};
    unsigned links = 0;
    while (!pending.empty()) {
        std::string_view& rest = pending.back();
        if (rest.empty()) {
            pending.pop_back();
            continue;
        }
        if (rest.front() == '/') {
            rest.remove_prefix(1);
            continue;
        }
        const auto slash = rest.find('/');
        const std::string_view name = rest.substr(0, slash);
        rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
        if (name == ".")
            continue;
        if (!from->is_directory())
            return nullptr;
        if (name == "..") {
            from = from->parent;
            continue;
        }
        MergedNode* child = find_child(from, name);
        if (!child)
            return nullptr;
        if (!child->is_symlink()) {
            from = child;
            continue;
        }
        if (++links > max_links_followed)
            return nullptr;
        if (child->inode->text.starts_with('/'))
            from = &root_;
        pending.push_back(child->inode->text);
    }
    return from;
}

// Done before anything of the layer is applied: the target is a file of a lower layer, which the
// same layer may also hide or replace.
Status MergedTree::resolve_foreign_links(LayerState& layer) {
    const auto inodes = layer.view->inodes();
    for (std::uint32_t i = 0; i < inodes.size(); ++i) {
        if (!(inodes[i].flags & inode_flag::foreign_link))
            continue;
        const std::string_view path = layer.view->text(inodes[i]);
        // The last component is the file itself, even if it is a symbolic link.
        const auto slash = path.rfind('/');
        MergedNode* parent = resolve(&root_, path.substr(0, slash + 1));
        MergedNode* target =
            parent && parent->is_directory() ? find_child(parent, path.substr(slash + 1)) : nullptr;
        if (!target || target->is_directory())
            return fail(ErrorKind::corrupt, "a hard link points to a file that is in no layer");
        layer.inodes[i] = target->inode;
    }
    return {};
}

Status MergedTree::apply(const IndexView& view) {
    LayerState layer{.view = &view,
                     .inodes = std::vector<MergedInode*>(view.inodes().size(), nullptr),
                     .deferred = {}};
    MSB_TRY(resolve_foreign_links(layer));
    const EntryRecord& root = view.entries()[0];
    if (!(view.inodes()[root.inode].flags & inode_flag::implied))
        root_.inode = inode_of(layer, root.inode);
    if (root.flags & entry_flag::opaque)
        root_.children.clear();
    MSB_TRY(merge_directory(layer, &root_, 0, 0));
    // Grows while it is processed: a link's target may contain links again.
    for (std::size_t i = 0; i < layer.deferred.size(); ++i)
        MSB_TRY(merge_deferred(layer, Deferred(layer.deferred[i])));
    data_blocks_ += view.data_blocks();
    return {};
}

Status MergedTree::merge_directory(LayerState& layer, MergedNode* target, std::uint32_t entry,
                                   unsigned depth) {
    if (depth > max_merged_depth)
        return fail(ErrorKind::limit_exceeded, "the image is nested deeper than 256 directories");
    const auto [first, last] = layer.view->children(entry);
    if (first == last)
        return {};
    const std::vector<MergedNode*> lower = std::move(target->children);
    std::vector<MergedNode*> merged;
    merged.reserve(lower.size() + (last - first));
    auto below = lower.begin();
    for (std::uint32_t i = first; i < last; ++i) {
        const std::string_view name = layer.view->name(layer.view->entries()[i]);
        while (below != lower.end() && (*below)->name < name)
            merged.push_back(*below++);
        MergedNode* hidden = nullptr;
        if (below != lower.end() && (*below)->name == name)
            hidden = *below++;
        if (MergedNode* node = MSB_TRY(merge_child(layer, target, hidden, i, depth)))
            merged.push_back(node);
    }
    merged.insert(merged.end(), below, lower.end());
    target->children = std::move(merged);
    return {};
}

Result<MergedNode*> MergedTree::merge_child(LayerState& layer, MergedNode* parent,
                                            MergedNode* lower, std::uint32_t number,
                                            unsigned depth) {
    const EntryRecord& entry = layer.view->entries()[number];
    if (entry.inode == no_inode)
        return nullptr;
    const InodeRecord& record = layer.view->inodes()[entry.inode];
    const bool implied = (record.flags & inode_flag::implied) != 0;
    const bool opaque = (entry.flags & entry_flag::opaque) != 0;
    if (lower && S_ISDIR(record.mode) && implied && !opaque && lower->is_symlink()) {
        // "lib/x" over a lower link lib -> usr/lib goes where the link points.
        layer.deferred.push_back({parent, lower->name, number});
        return lower;
    }
    if (!lower || !S_ISDIR(record.mode) || !lower->is_directory()) {
        MergedNode* node = MSB_TRY(new_node(parent, layer.view->name(entry)));
        node->inode = inode_of(layer, entry.inode);
        if (S_ISDIR(record.mode))
            MSB_TRY(merge_directory(layer, node, number, depth + 1));
        return node;
    }
    if (opaque)
        lower->children.clear();
    if (!implied)
        lower->inode = inode_of(layer, entry.inode);
    MSB_TRY(merge_directory(layer, lower, number, depth + 1));
    return lower;
}

Status MergedTree::merge_deferred(LayerState& layer, const Deferred& item) {
    MergedNode* link = find_child(item.parent, item.name);
    MergedNode* target = link ? resolve(item.parent, item.name) : nullptr;
    unsigned depth = 0;
    if (!target || !target->is_directory()) {
        // The link leads nowhere: the directory takes its place.
        if (!link)
            return {};
        link->inode = inode_of(layer, layer.view->entries()[item.entry].inode);
        target = link;
    }
    for (const MergedNode* node = target; node != &root_; node = node->parent)
        ++depth;
    return merge_directory(layer, target, item.entry, depth);
}

Result<MergedNode*> MergedTree::new_directory(MergedNode* parent, std::string_view name) {
    MergedNode* node = MSB_TRY(new_node(parent, name));
    node->inode = &inodes_.emplace_back();
    node->inode->record.mode = S_IFDIR | 0755;
    const auto place = std::ranges::lower_bound(parent->children, name, {}, &MergedNode::name);
    parent->children.insert(place, node);
    return node;
}

Status MergedTree::make_directories(const std::vector<std::string_view>& path) {
    MergedNode* directory = &root_;
    for (const std::string_view name : path) {
        MergedNode* next = resolve(directory, name);
        if (!next) {
            if (find_child(directory, name))
                return {}; // a link that leads nowhere stays one
            next = MSB_TRY(new_directory(directory, name));
        }
        if (!next->is_directory())
            return {};
        directory = next;
    }
    return {};
}

} // namespace msb::image
