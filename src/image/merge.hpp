// Layers stacked into one tree, as a container runtime would unpack them one over the other.
#pragma once

#include "image/index.hpp"

#include <deque>
#include <vector>

namespace msb::image {

struct MergedInode {
    InodeRecord record{};
    std::string_view text; ///< Target of a symbolic link.
    BytesView xattrs;      ///< As in IndexView::xattrs.
    /// Files: first 4096-byte block in the concatenated data of all layers.
    std::uint64_t data_block = 0;
    // Filled in by the file system writer.
    std::uint32_t links = 0;
    std::uint32_t number = 0; ///< Inode number, 1-based; 0 before it has one.
    std::uint64_t position = 0;
};

struct MergedNode {
    std::string_view name;
    MergedInode* inode = nullptr;
    MergedNode* parent = nullptr;      ///< The root's parent is the root.
    std::vector<MergedNode*> children; ///< Sorted by name as bytes.

    bool is_directory() const;
    bool is_symlink() const;
};

class MergedTree {
  public:
    MergedTree();
    MergedTree(const MergedTree&) = delete;
    MergedTree& operator=(const MergedTree&) = delete;

    /// Puts the next layer on top. The bytes behind `layer` must outlive the tree.
    Status apply(const IndexView& layer);

    /// The directory `path` with those above it, where no layer has anything: root's, mode 0755.
    /// The bytes of its components must outlive the tree.
    Status make_directories(const std::vector<std::string_view>& path);

    MergedNode& root() { return root_; }
    /// Blocks of file data in all layers so far.
    std::uint64_t data_blocks() const { return data_blocks_; }

  private:
    struct Deferred {
        MergedNode* parent;
        std::string_view name;
        std::uint32_t entry;
    };
    struct LayerState {
        const IndexView* view;
        std::vector<MergedInode*> inodes; ///< By layer inode number, made when first needed.
        std::vector<Deferred> deferred;
    };

    Status resolve_foreign_links(LayerState& layer);
    Status merge_directory(LayerState& layer, MergedNode* target, std::uint32_t entry,
                           unsigned depth);
    Result<MergedNode*> merge_child(LayerState& layer, MergedNode* parent, MergedNode* lower,
                                    std::uint32_t entry, unsigned depth);
    Status merge_deferred(LayerState& layer, const Deferred& item);
    MergedInode* inode_of(LayerState& layer, std::uint32_t number);
    Result<MergedNode*> new_node(MergedNode* parent, std::string_view name);
    /// Adds a new, empty directory `name`, which the directory does not have yet.
    Result<MergedNode*> new_directory(MergedNode* parent, std::string_view name);
    /// Follows `path` from `from` through symbolic links; null if it leads nowhere.
    MergedNode* resolve(MergedNode* from, std::string_view path);

    std::deque<MergedInode> inodes_;
    std::deque<MergedNode> nodes_;
    MergedNode root_;
    std::uint64_t data_blocks_ = 0;
};

} // namespace msb::image
